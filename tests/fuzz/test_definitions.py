"""Definitions of workflows: validated, or refused with diagnostics; never with a traceback."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from local_cloud.engine.workflows.jsonata.evaluators import Evaluators
from local_cloud.engine.workflows.jsonata.libraries import ExpressionFailed
from local_cloud.engine.workflows.validation import doubts_of, schema_of, ways_of
from tests.fuzz.fuzzing import fuzz
from tests.fuzz.values import JSON, JSON_TEXTS, TEXT

EVALUATORS = Evaluators(most=2, deadline=10)
NAMES = st.sampled_from(["A", "B", "C", "", "States.ALL"])
PATHS = st.one_of(
    TEXT,
    st.sampled_from(
        ["$", "$.a", "$$", "$..*", "$[?(@.a)]", "$.a[0,1]", "States.Format('{}', $.a)"]
    ),
    st.sampled_from(["States.Array(", "States.ArrayRange(0,1000000000,1)", "{% $x %}", "{% ( %}"]),
)
FIELDS = st.sampled_from(
    [
        *("Type", "Next", "End", "Default", "Choices", "Branches", "ItemProcessor", "Iterator"),
        *("Resource", "Parameters", "Arguments", "InputPath", "OutputPath", "ResultPath", "Result"),
        *("Retry", "Catch", "Seconds", "SecondsPath", "Timestamp", "TimeoutSeconds", "Variable"),
        *("ItemsPath", "Items", "MaxConcurrency", "Assign", "Output", "QueryLanguage", "Error"),
        *("ItemReader", "ResultWriter", "ItemBatcher", "ToleratedFailureCount", "Comment", "Cause"),
    ]
)
KINDS = st.sampled_from(
    ["Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map", ""]
)
VALUES = st.one_of(JSON, PATHS, NAMES, st.sampled_from(["JSONata", "JSONPath", True, -1, 10**30]))
MACHINES: st.SearchStrategy[Any] = st.deferred(
    lambda: st.fixed_dictionaries(
        {
            "StartAt": st.one_of(NAMES, JSON),
            "States": st.one_of(st.dictionaries(NAMES, STATES, max_size=3), JSON),
        },
        optional={"QueryLanguage": VALUES, "TimeoutSeconds": VALUES, "Version": VALUES},
    )
)
STATES: st.SearchStrategy[Any] = st.builds(
    lambda kind, fields, inner: {"Type": kind, **fields, **inner},
    KINDS,
    st.dictionaries(
        FIELDS, st.one_of(VALUES, st.lists(st.dictionaries(FIELDS, VALUES, max_size=3))), max_size=5
    ),
    st.one_of(
        st.just({}),
        st.builds(lambda one: {"Branches": [one]}, MACHINES),
        st.builds(lambda one: {"ItemProcessor": one}, MACHINES),
    ),
)


@fuzz(examples=100, machine=MACHINES)
def test_a_definition_is_validated(machine: Any) -> None:
    definition = json.dumps(machine)
    found = schema_of(definition)
    assert all(str(one) for one in found)
    if not found:
        ways_of(definition)
        doubts_of(definition)


@fuzz(examples=100, text=JSON_TEXTS)
def test_a_text_is_a_definition_or_refused(text: str) -> None:
    schema_of(text)
    schema_of(f'{{"StartAt": "A", "States": {{"A": {text}}}}}')


PIECES = st.sampled_from(
    [
        *("$x", "$states.input", "1", '"a"', "[1..9]", "[1..1e9]", "(", ")", "[", "]", "{", "}"),
        *(".", "*", "**", "%", "&", "+", "-", "/", "?", ":", ":=", ";", ",", "~>", "^", "=", "in"),
        *("function($f){", "$f(", "$map(", "$pad(", "5e8", "$match(", "/(x|xx)*y/", "$eval(", "$$"),
        *(
            "$string(",
            "$sort(",
            "$reduce(",
            "$formatNumber(",
            "$power(",
            "1e308",
            "`",
            "'",
            "$now(",
        ),
    ]
)


@fuzz(
    examples=150,
    expression=st.one_of(st.lists(st.one_of(PIECES, TEXT), max_size=12).map("".join), TEXT),
    value=JSON,
)
def test_an_expression_is_evaluated_or_fails(expression: str, value: Any) -> None:
    EVALUATORS.syntax_error(expression)
    try:
        EVALUATORS.evaluate(expression, {"x": value, "states": {"input": value}})
    except ExpressionFailed:
        return
