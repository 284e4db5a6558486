"""What holds of every policy, whatever stands in it."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.authorizer_answer import AuthorizerAnswer, WrongAnswer
from local_aws.iam.conditions import holds
from local_aws.iam.evaluation import Call, Decision, Policy, decide
from local_aws.iam.patterns import arn_like, filled, like

LETTERS = st.text("ab*?:/", max_size=12)
VALUES = st.text("ab:/", max_size=16)
ACTIONS = ("s3:GetObject", "s3:PutObject", "sqs:SendMessage")
ARNS = ("arn:aws:s3:::a/b", "arn:aws:s3:::a/c", "arn:aws:sqs:us-east-1:111122223333:q")
PATTERNS = st.sampled_from(["*", "s3:*", "s3:Get*", "s3:?utObject", "sqs:SendMessage"])
RESOURCES = st.sampled_from(["*", "arn:aws:s3:::a/*", "arn:aws:s3:::a/?", "arn:aws:sqs:*:*:q"])
CONDITIONS = st.sampled_from(
    [
        {},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringNotEquals": {"aws:PrincipalTag/team": "red"}},
        {"ForAllValues:StringLike": {"aws:TagKeys": ["a*"]}},
    ]
)
STATEMENTS = st.lists(
    st.builds(
        lambda effect, actions, resources, condition: {
            "Effect": effect,
            "Action": actions,
            "Resource": resources,
            "Condition": condition,
        },
        st.sampled_from(["Allow", "Deny"]),
        st.lists(PATTERNS, min_size=1, max_size=3),
        st.lists(RESOURCES, min_size=1, max_size=3),
        CONDITIONS,
    ),
    max_size=4,
)
CALLS = st.builds(
    Call,
    st.sampled_from(ACTIONS),
    st.sampled_from(ARNS),
    context=st.sampled_from([{}, {"aws:securetransport": ["true"]}, {"aws:tagkeys": ["b"]}]),
)


def regular(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")


@given(VALUES, LETTERS)
def test_wildcards_match_what_a_regular_expression_of_them_does(value: str, pattern: str) -> None:
    assert like(value, pattern) == bool(re.fullmatch(regular(pattern), value, re.DOTALL))


@given(VALUES, LETTERS)
def test_a_variables_value_matches_itself_alone(value: str, letters: str) -> None:
    """Wildcards in a value are letters: nobody reaches more by their name."""
    resource = filled("home/${aws:username}/*", {"aws:username": [letters]})
    assert like(f"home/{letters}/x", resource)
    assert like(f"home/{value}/x", resource) == f"{value}/x".startswith(f"{letters}/")


@pytest.mark.parametrize("pattern", ["*a" * 200 + "b", "*a?" * 200 + "b", "?*" * 300 + "b"])
def test_no_pattern_takes_more_than_time_in_proportion(pattern: str) -> None:
    """By backtracking, the first of them would take longer than the universe has."""
    began = time.process_time()
    assert not like("a" * 10_000, pattern)
    assert not arn_like("arn:aws:s3:::" + "a" * 10_000, "arn:aws:s3:::" + pattern)
    assert time.process_time() - began < 5


@given(STATEMENTS, CALLS)
def test_a_deny_that_is_about_a_call_outdoes_every_allow(
    statements: list[dict[str, Any]], call: Call
) -> None:
    verdict = decide(call, [Policy.read("one", {"Statement": statements})])
    denying = [one for one in statements if one["Effect"] == "Deny"]
    allowing = [one for one in statements if one["Effect"] == "Allow"]

    def matches(one: dict[str, Any]) -> bool:
        return (
            any(like(call.action, a, ignore_case=True) for a in one["Action"])
            and any(arn_like(call.resource, r) for r in one["Resource"])
            and holds(one["Condition"], call.context)
        )

    if any(map(matches, denying)):
        assert verdict.decision == Decision.EXPLICIT_DENY
    elif any(map(matches, allowing)):
        assert verdict.decision == Decision.ALLOWED
    else:
        assert verdict.decision == Decision.IMPLICIT_DENY


@given(STATEMENTS, STATEMENTS, CALLS)
def test_the_order_of_statements_does_not_matter(
    some: list[dict[str, Any]], others: list[dict[str, Any]], call: Call
) -> None:
    one = decide(call, [Policy.read("one", {"Statement": [*some, *others]})])
    split = [Policy.read("b", {"Statement": others}), Policy.read("a", {"Statement": some})]
    assert one.decision == decide(call, split).decision


@given(
    st.sampled_from(
        ["NumericLessThan", "DateGreaterThan", "IpAddress", "BinaryEquals", "Bool", "ArnLike"]
    ),
    st.text(max_size=30) | st.from_regex(r"[0-9]{1,400}", fullmatch=True),
)
def test_a_value_that_is_none_of_an_operators_kind_matches_nothing(
    operator: str, value: str
) -> None:
    wanted = {"IpAddress": "10.0.0.0/8", "DateGreaterThan": "9999-01-01", "Bool": "true"}
    condition = {operator: {"aws:key": wanted.get(operator, "-1")}}
    if value.strip() not in ("-1", "true") and not value.startswith("10."):
        holds(condition, {"aws:key": [value]})  # no exception, whatever it is


def test_a_date_beyond_the_calendar_matches_nothing() -> None:
    condition = {"DateGreaterThan": {"aws:CurrentTime": "2026-01-01"}}
    assert not holds(condition, {"aws:currenttime": ["9" * 40]})


def test_what_is_excepted_by_a_variable_without_a_value_allows_nothing() -> None:
    statement = {"Action": "s3:*", "NotResource": "arn:aws:s3:::${aws:username}/*"}
    call = Call("s3:GetObject", "arn:aws:s3:::a/b")
    allowing = Policy.read("one", {"Statement": {**statement, "Effect": "Allow"}})
    assert decide(call, [allowing]).decision == Decision.IMPLICIT_DENY
    denying = Policy.read("one", {"Statement": {**statement, "Effect": "Deny"}})
    assert decide(call, [denying]).decision == Decision.EXPLICIT_DENY


def test_a_percent_sign_of_a_documents_own_is_kept() -> None:
    text = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::a/%41"}}'
    [statement] = Policy.read("one", text).statements
    assert statement["Resource"] == "arn:aws:s3:::a/%41"
    [quoted] = Policy.read(
        "one",
        "%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22%2A%22%7D%5D%7D",
    ).statements
    assert quoted["Action"] == "*"


@pytest.mark.parametrize(
    "answer",
    [
        b"[]",
        b"{",
        b"{}",
        b'{"policyDocument": {"Statement": [{"Effect": "Allow", "Action": "*"}]}}',
        b'{"policyDocument": {"Statement": []}, "context": {"a": [1]}}',
        b'{"policyDocument": {"Statement": []}, "context": []}',
        b" " * 9000,
    ],
)
def test_an_authorizers_answer_that_is_none_is_said(answer: bytes) -> None:
    with pytest.raises(WrongAnswer):
        AuthorizerAnswer.read(answer)


def test_an_authorizers_context_is_text() -> None:
    answer = AuthorizerAnswer.read(
        b'{"principalId": "ann", "policyDocument": {"Statement": []}, "usageIdentifierKey": "k",'
        b' "context": {"n": 1, "yes": true, "s": "t", "none": null}}'
    )
    assert answer.authorizer() == {
        "principalId": "ann",
        "n": "1",
        "yes": "true",
        "s": "t",
        "usageIdentifierKey": "k",
    }
