"""No regular expression of the product takes more than linear time for any text."""

import re
from collections import defaultdict

import pytest
from localstack.services.stepfunctions.provider import StepFunctionsProvider

from tests.regular_expressions import Expression, expressions, slow_text

ALL = list(expressions())
#: Expressions that are made as the product runs, each as it may look.
MADE = {
    ("local_cloud/deploy/source.py", "match[1]"): r"^[ \t]*+[\"']?Name[\"']?\s*+:",
    ("local_cloud/engine/stacks/unsupported.py", "logical_id"): r"^[ \t{,]*+[\"']?Name[\"']?\s*+:",
    ("local_cloud/engine/workflows/jsonata/libraries.py", "name"): r"\bRightBracket\b",
    (
        "local_cloud/engine/workflows/provider.py",
        "theirs.pattern",
    ): StepFunctionsProvider._STATE_MACHINE_EXECUTION_ARN_REGEX.pattern,
}


def by_file() -> dict[str, list[Expression]]:
    found = defaultdict(list)
    for one in ALL:
        found[one.place].append(one)
    return found


@pytest.mark.parametrize(("place", "found"), by_file().items(), ids=by_file())
def test_time_grows_with_the_text_and_not_faster(place: str, found: list[Expression]) -> None:
    slow = []
    for one in found:
        if one.pattern is None:
            names = [name for file, name in MADE if file == place and name in one.source]
            assert names, f"{place} makes {one.source}: say in MADE how it looks"
            one = Expression(place, one.source, MADE[place, names[0]], re.MULTILINE, one.ways)
        if (words := slow_text(one)) is not None:
            slow.append(f"{one.source}: {words}")
    assert slow == []


def test_every_part_of_the_product_is_looked_at() -> None:
    folders = {one.place.partition("/")[0] for one in ALL}
    assert folders == {"local_aws", "local_cloud", "websocket-gateway", "lambdas"}
    assert len(ALL) > 60


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)+$", r"\s+$", r"secret\w*=", r"(\w+\s?)*$", r"eyJ[\w-]{8,}\.", r'"(?:[^"\\]|\\.)*"'],
)
def test_expressions_that_backtrack_are_found(pattern: str) -> None:
    assert slow_text(Expression("", "", pattern)) is not None
