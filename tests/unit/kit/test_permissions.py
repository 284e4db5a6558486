"""A table of policies and calls, with what AWS's documentation says of each."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.iam.conditions import WrongPolicy, holds
from local_aws.iam.evaluation import Call, Decision, Policy, decide

ACCOUNT = "111122223333"
ROLE, USER = f"arn:aws:iam::{ACCOUNT}:role/worker", f"arn:aws:iam::{ACCOUNT}:user/alice"
OBJECT, BUCKET = "arn:aws:s3:::reports/2026/a.csv", "arn:aws:s3:::reports"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/Orders"
ALLOWED, DENIED, NOT_ALLOWED = Decision.ALLOWED, Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
LOGIC = GUIDE + "reference_policies_evaluation-logic.html"
ACTION = GUIDE + "reference_policies_elements_action.html"
NOT_ACTION = GUIDE + "reference_policies_elements_notaction.html"
RESOURCE = GUIDE + "reference_policies_elements_resource.html"
NOT_RESOURCE = GUIDE + "reference_policies_elements_notresource.html"
VARIABLES = GUIDE + "reference_policies_variables.html"
PRINCIPAL = GUIDE + "reference_policies_elements_principal.html"
NOT_PRINCIPAL = GUIDE + "reference_policies_elements_notprincipal.html"
BOUNDARIES = GUIDE + "access_policies_boundaries.html"
ACROSS = GUIDE + "reference_policies_evaluation-logic-cross-account.html"
OPERATORS = GUIDE + "reference_policies_elements_condition_operators.html"
MULTI = GUIDE + "reference_policies_condition-single-vs-multi-valued-context-keys.html"


def allow(action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def without(statement: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in statement.items() if name not in names}


READ = Call("s3:GetObject", OBJECT, USER)
CASES: list[tuple[str, list[dict[str, Any]], Call, Decision]] = [
    (LOGIC, [], READ, NOT_ALLOWED),
    (LOGIC, [allow()], READ, ALLOWED),
    (LOGIC, [deny()], READ, DENIED),
    (LOGIC, [allow(), deny()], READ, DENIED),
    (LOGIC, [deny("s3:PutObject"), allow()], READ, ALLOWED),
    (LOGIC, [allow("s3:PutObject")], READ, NOT_ALLOWED),
    (ACTION, [allow("*")], READ, ALLOWED),
    (ACTION, [allow("s3:*")], READ, ALLOWED),
    (ACTION, [allow("S3:getobject")], READ, ALLOWED),
    (ACTION, [allow("s3:Get*")], READ, ALLOWED),
    (ACTION, [allow("s3:*Object")], READ, ALLOWED),
    (ACTION, [allow("s3:Get?bject")], READ, ALLOWED),
    (ACTION, [allow("s3:Get?Object")], READ, NOT_ALLOWED),
    (ACTION, [allow("s3:GetObjectAcl")], READ, NOT_ALLOWED),
    (ACTION, [allow(["sqs:*", "s3:GetObject"])], READ, ALLOWED),
    (ACTION, [allow("dynamodb:*")], READ, NOT_ALLOWED),
    (NOT_ACTION, [without(allow(NotAction="iam:*"), "Action")], READ, ALLOWED),
    (NOT_ACTION, [without(allow(NotAction="s3:*"), "Action")], READ, NOT_ALLOWED),
    (NOT_ACTION, [allow("*"), without(deny(NotAction="s3:*"), "Action")], READ, ALLOWED),
    (
        NOT_ACTION,
        [allow("*"), without(deny(NotAction=["iam:*", "sts:*"]), "Action")],
        READ,
        DENIED,
    ),
    (RESOURCE, [allow(resource=OBJECT)], READ, ALLOWED),
    (RESOURCE, [allow(resource=BUCKET)], READ, NOT_ALLOWED),
    (RESOURCE, [allow(resource=BUCKET + "/*")], READ, ALLOWED),
    (RESOURCE, [allow(resource=BUCKET + "/2026/?.csv")], READ, ALLOWED),
    (RESOURCE, [allow(resource=BUCKET + "/2025/*")], READ, NOT_ALLOWED),
    (RESOURCE, [allow(resource=OBJECT.upper())], READ, NOT_ALLOWED),
    (RESOURCE, [allow(resource=["arn:aws:s3:::other/*", BUCKET + "*"])], READ, ALLOWED),
    (RESOURCE, [allow(resource="arn:aws:s3:*")], READ, ALLOWED),
    (
        RESOURCE,
        [allow("dynamodb:*", f"arn:aws:dynamodb:*:{ACCOUNT}:table/Orders")],
        Call("dynamodb:GetItem", TABLE, ROLE),
        ALLOWED,
    ),
    (
        RESOURCE,
        [allow("dynamodb:*", "arn:aws:dynamodb:us-*:*:table/Orders")],
        Call("dynamodb:GetItem", TABLE + "/index/ByDate", ROLE),
        NOT_ALLOWED,
    ),
    (
        RESOURCE,
        [allow("dynamodb:*", "arn:aws:dynamodb:eu-*:*:table/*")],
        Call("dynamodb:GetItem", TABLE, ROLE),
        NOT_ALLOWED,
    ),
    (
        RESOURCE,
        [allow("lambda:InvokeFunction", f"arn:aws:lambda:*:{ACCOUNT}:function:run-*")],
        Call(
            "lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:run-it:7", ROLE
        ),
        ALLOWED,
    ),
    (RESOURCE, [allow("s3:ListAllMyBuckets", BUCKET)], Call("s3:ListAllMyBuckets"), NOT_ALLOWED),
    (
        NOT_RESOURCE,
        [without(allow(NotResource=BUCKET + "/secret/*"), "Resource")],
        READ,
        ALLOWED,
    ),
    (
        NOT_RESOURCE,
        [allow(), without(deny(NotResource=BUCKET + "/2026/*"), "Resource")],
        READ,
        ALLOWED,
    ),
    (
        NOT_RESOURCE,
        [allow(), without(deny(NotResource=BUCKET + "/public/*"), "Resource")],
        READ,
        DENIED,
    ),
    (
        VARIABLES,
        [allow(resource=BUCKET + "/${aws:username}/*")],
        Call("s3:GetObject", BUCKET + "/alice/a", USER, {"aws:username": ["alice"]}),
        ALLOWED,
    ),
    (
        VARIABLES,
        [allow(resource=BUCKET + "/${AWS:UserName}/*")],
        Call("s3:GetObject", BUCKET + "/bob/a", USER, {"aws:username": ["alice"]}),
        NOT_ALLOWED,
    ),
    (VARIABLES, [allow(resource=BUCKET + "/${aws:username}/*")], READ, NOT_ALLOWED),
    (
        VARIABLES,
        [allow(resource=BUCKET + "/${aws:PrincipalTag/team, 'all'}/*")],
        Call("s3:GetObject", BUCKET + "/all/a", USER),
        ALLOWED,
    ),
    (
        VARIABLES,
        [allow(resource=BUCKET + "/${aws:username}/*")],
        Call("s3:GetObject", BUCKET + "/bob/a", USER, {"aws:username": ["*"]}),
        NOT_ALLOWED,
    ),
    (
        VARIABLES,
        [allow(resource=BUCKET + "/${*}/a")],
        Call("s3:GetObject", BUCKET + "/*/a", USER),
        ALLOWED,
    ),
    (
        VARIABLES,
        [allow(resource=BUCKET + "/${*}/a")],
        Call("s3:GetObject", BUCKET + "/b/a", USER),
        NOT_ALLOWED,
    ),
]


@pytest.mark.parametrize(("source", "statements", "call", "decision"), CASES)
def test_identity_policies(
    source: str, statements: list[dict[str, Any]], call: Call, decision: Decision
) -> None:
    verdict = decide(call, [Policy.read("one", {"Statement": statements})])
    assert verdict.decision == decision, source
    assert bool(verdict.matched) == (decision != NOT_ALLOWED)


ROOT, OTHER = f"arn:aws:iam::{ACCOUNT}:root", "arn:aws:iam::444455556666:role/theirs"


@pytest.mark.parametrize(
    ("source", "identity", "principal", "resource", "owner", "decision"),
    [
        (LOGIC, [], USER, allow(Principal="*"), "", ALLOWED),
        (PRINCIPAL, [], USER, allow(Principal={"AWS": "*"}), "", ALLOWED),
        (PRINCIPAL, [], USER, allow(Principal={"AWS": [ROLE, USER]}), "", ALLOWED),
        (PRINCIPAL, [], USER, allow(Principal={"AWS": ROLE}), "", NOT_ALLOWED),
        (PRINCIPAL, [], USER, allow(Principal={"AWS": ROOT}), "", NOT_ALLOWED),
        (PRINCIPAL, [allow()], USER, allow(Principal={"AWS": ROOT}), "", ALLOWED),
        (PRINCIPAL, [allow()], USER, deny(Principal={"AWS": ACCOUNT}), "", DENIED),
        (PRINCIPAL, [allow()], USER, deny(Principal={"AWS": ROLE}), "", ALLOWED),
        (
            PRINCIPAL,
            [],
            "sns.amazonaws.com",
            allow(Principal={"Service": "sns.amazonaws.com"}),
            "",
            ALLOWED,
        ),
        (NOT_PRINCIPAL, [allow()], USER, deny(NotPrincipal={"AWS": USER}), "", ALLOWED),
        (NOT_PRINCIPAL, [allow()], USER, deny(NotPrincipal={"AWS": ROLE}), "", DENIED),
        (ACROSS, [allow()], OTHER, allow(Principal={"AWS": OTHER}), ACCOUNT, ALLOWED),
        (ACROSS, [], OTHER, allow(Principal={"AWS": OTHER}), ACCOUNT, NOT_ALLOWED),
        (ACROSS, [allow()], OTHER, allow(Principal={"AWS": ROLE}), ACCOUNT, NOT_ALLOWED),
        (ACROSS, [allow()], OTHER, allow(Principal={"AWS": "444455556666"}), ACCOUNT, ALLOWED),
    ],
)
def test_a_resources_own_policy(
    source: str,
    identity: list[dict[str, Any]],
    principal: str,
    resource: dict[str, Any],
    owner: str,
    decision: Decision,
) -> None:
    verdict = decide(
        Call("s3:GetObject", OBJECT, principal),
        [Policy.read("identity", {"Statement": identity})],
        resource=Policy.read("resource", {"Statement": resource}),
        owner=owner,
    )
    assert verdict.decision == decision, source


@pytest.mark.parametrize(
    ("source", "identity", "boundary", "resource", "principal", "decision"),
    [
        (BOUNDARIES, [allow()], [allow("s3:*")], None, USER, ALLOWED),
        (BOUNDARIES, [allow()], [allow("sqs:*")], None, USER, NOT_ALLOWED),
        (BOUNDARIES, [], [allow("s3:*")], None, USER, NOT_ALLOWED),
        (BOUNDARIES, [allow()], [allow("*"), deny("s3:*")], None, USER, DENIED),
        (BOUNDARIES, [], [allow("sqs:*")], allow(Principal={"AWS": USER}), USER, ALLOWED),
        (BOUNDARIES, [], [allow("sqs:*")], allow(Principal={"AWS": ROLE}), ROLE, NOT_ALLOWED),
        (BOUNDARIES, [], [allow("s3:*")], allow(Principal={"AWS": ROLE}), ROLE, ALLOWED),
    ],
)
def test_a_permissions_boundary(
    source: str,
    identity: list[dict[str, Any]],
    boundary: list[dict[str, Any]],
    resource: dict[str, Any] | None,
    principal: str,
    decision: Decision,
) -> None:
    verdict = decide(
        Call("s3:GetObject", OBJECT, principal),
        [Policy.read("identity", {"Statement": identity})],
        boundary=[Policy.read("boundary", {"Statement": boundary})],
        resource=Policy.read("resource", {"Statement": resource}) if resource else None,
    )
    assert verdict.decision == decision, source


@pytest.mark.parametrize(
    ("source", "operator", "wanted", "values", "expected"),
    [
        (OPERATORS, "StringEquals", "a", ["a"], True),
        (OPERATORS, "StringEquals", "a", ["A"], False),
        (OPERATORS, "stringequals", ["b", "a"], ["a"], True),
        (OPERATORS, "StringEquals", "a*", ["ab"], False),
        (OPERATORS, "StringEquals", "a", [], False),
        (OPERATORS, "StringNotEquals", "a", ["b"], True),
        (OPERATORS, "StringNotEquals", ["a", "b"], ["b"], False),
        (OPERATORS, "StringNotEquals", "a", [], True),
        (OPERATORS, "StringEqualsIgnoreCase", "a", ["A"], True),
        (OPERATORS, "StringNotEqualsIgnoreCase", "a", ["A"], False),
        (OPERATORS, "StringLike", "a*c?", ["abbcd"], True),
        (OPERATORS, "StringLike", "a*", ["ba"], False),
        (OPERATORS, "StringNotLike", "a*", ["ba"], True),
        (OPERATORS, "NumericEquals", "10", ["10.0"], True),
        (OPERATORS, "NumericNotEquals", 10, ["11"], True),
        (OPERATORS, "NumericLessThan", 10, ["9"], True),
        (OPERATORS, "NumericLessThan", 10, ["10"], False),
        (OPERATORS, "NumericLessThanEquals", 10, ["10"], True),
        (OPERATORS, "NumericGreaterThan", 10, ["10"], False),
        (OPERATORS, "NumericGreaterThanEquals", 10, ["10"], True),
        (OPERATORS, "NumericEquals", 10, ["ten"], False),
        (OPERATORS, "DateEquals", "2026-01-01T00:00:00Z", ["2026-01-01T01:00:00+01:00"], True),
        (OPERATORS, "DateNotEquals", "2026-01-01T00:00:00Z", ["2026-01-02T00:00:00Z"], True),
        (OPERATORS, "DateLessThan", "2026-01-01T00:00:00Z", ["2025-12-31T23:59:59Z"], True),
        (OPERATORS, "DateLessThanEquals", "2026-01-01", ["2026-01-01T00:00:00Z"], True),
        (OPERATORS, "DateGreaterThan", "1767225600", ["2026-01-01T00:00:01Z"], True),
        (OPERATORS, "DateGreaterThanEquals", "2026-01-01T00:00:00Z", ["1767225600"], True),
        (OPERATORS, "Bool", "true", ["True"], True),
        (OPERATORS, "Bool", True, ["false"], False),
        (OPERATORS, "BinaryEquals", "QmluYXJ5", ["QmluYXJ5"], True),
        (OPERATORS, "BinaryEquals", "QmluYXJ5", ["QmluYXJ6"], False),
        (OPERATORS, "IpAddress", "203.0.113.0/24", ["203.0.113.7"], True),
        (OPERATORS, "IpAddress", "203.0.113.0/24", ["203.0.114.7"], False),
        (OPERATORS, "IpAddress", "2001:db8::/32", ["2001:db8::1"], True),
        (OPERATORS, "IpAddress", "203.0.113.7", ["203.0.113.7"], True),
        (OPERATORS, "NotIpAddress", "203.0.113.0/24", ["203.0.114.7"], True),
        (OPERATORS, "ArnEquals", "arn:aws:sns:*:1:topic", ["arn:aws:sns:us-east-1:1:topic"], True),
        (OPERATORS, "ArnLike", "arn:aws:sns:*:topic", ["arn:aws:sns:us-east-1:1:topic"], True),
        (OPERATORS, "ArnNotLike", "arn:aws:sqs:*", ["arn:aws:sns:us-east-1:1:topic"], True),
        (OPERATORS, "ArnNotEquals", "arn:aws:sns:*:1:t", ["arn:aws:sns:us-east-1:1:t"], False),
        (OPERATORS, "Null", "true", [], True),
        (OPERATORS, "Null", "true", ["a"], False),
        (OPERATORS, "Null", "false", ["a"], True),
        (OPERATORS, "Null", False, [], False),
        (OPERATORS, "StringEqualsIfExists", "a", [], True),
        (OPERATORS, "StringEqualsIfExists", "a", ["b"], False),
        (MULTI, "ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        (MULTI, "ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        (MULTI, "ForAllValues:StringEquals", ["a", "b"], [], True),
        (MULTI, "ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
        (MULTI, "ForAnyValue:StringEquals", ["a", "b"], ["c"], False),
        (MULTI, "ForAnyValue:StringEquals", ["a", "b"], [], False),
        (MULTI, "ForAnyValue:StringNotEquals", ["a"], ["a", "b"], True),
        (MULTI, "ForAllValues:StringNotEquals", ["a"], ["a", "b"], False),
        (MULTI, "ForAllValues:StringLike", ["a*"], ["ab", "ac"], True),
    ],
)
def test_conditions(
    source: str, operator: str, wanted: Any, values: list[str], expected: bool
) -> None:
    context = {"aws:key": values} if values else {}
    assert holds({operator: {"AWS:Key": wanted}}, context) == expected, source


def test_all_of_a_condition_has_to_hold() -> None:
    condition = {"StringEquals": {"a": "1", "b": "2"}, "Bool": {"c": "true"}}
    assert holds(condition, {"a": ["1"], "b": ["2"], "c": ["true"]})
    assert not holds(condition, {"a": ["1"], "b": ["3"], "c": ["true"]})
    assert not holds(condition, {"a": ["1"], "b": ["2"], "c": ["false"]})


def test_keys_that_nobody_knew_are_told() -> None:
    statement = allow(Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}})
    verdict = decide(READ, [Policy.read("one", {"Statement": statement})])
    assert verdict.decision == NOT_ALLOWED
    assert verdict.missing == frozenset({"aws:PrincipalTag/team"})


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "one is no policy"),
        ({"Version": "2012-10-17"}, "one is no policy"),
        ({"Statement": {"Effect": "allow", "Action": "*"}}, '"Allow" or "Deny"'),
        ({"Statement": {"Effect": "Allow", "Resource": "*"}}, "Action or NotAction"),
        ({"Statement": allow(Condition={"StringEquals": "a"})}, "operators, each with keys"),
    ],
)
def test_what_is_no_policy_is_said(document: Any, words: str) -> None:
    with pytest.raises(WrongPolicy, match=words):
        Policy.read("one", document)


def test_an_operator_that_there_is_not_is_said() -> None:
    with pytest.raises(WrongPolicy, match="no condition operator 'StringIs'"):
        holds({"StringIs": {"a": "b"}}, {"a": ["b"]})
