"""What the IAM API says of calls that policies would decide."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stack import Stack

pytestmark = pytest.mark.same_in_docker("the same engine's IAM")

TRUST = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}
OBJECT = "arn:aws:s3:::reports/a.csv"


def policy(action: str, effect: str = "Allow", **more: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def role(stack: Stack) -> Iterator[dict[str, Any]]:
    iam, name = stack.aws("iam"), f"simulated-{uuid.uuid4().hex[:8]}"
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    yield made
    for one in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=one)
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=name)


def decisions(answer: dict[str, Any]) -> dict[str, str]:
    return {one["EvalActionName"]: one["EvalDecision"] for one in answer["EvaluationResults"]}


def test_a_roles_policies_decide(stack: Stack, role: dict[str, Any]) -> None:
    iam, name = stack.aws("iam"), role["RoleName"]
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=policy("s3:Get*"))
    iam.put_role_policy(
        RoleName=name, PolicyName="never", PolicyDocument=policy("s3:DeleteObject", "Deny")
    )
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    actions = ["s3:GetObject", "s3:DeleteObject", "s3:PutObject", "sqs:SendMessage"]
    answer = iam.simulate_principal_policy(
        PolicySourceArn=role["Arn"], ActionNames=actions, ResourceArns=[OBJECT]
    )
    assert decisions(answer) == {
        "s3:GetObject": "allowed",
        "s3:DeleteObject": "explicitDeny",
        "s3:PutObject": "implicitDeny",
        "sqs:SendMessage": "allowed",
    }
    matched = [one["MatchedStatements"] for one in answer["EvaluationResults"]]
    assert [one["SourcePolicyId"] for one in matched[0]] == [f"role_{name}_read"]
    assert [one["SourcePolicyId"] for one in matched[3]] == ["AmazonSQSFullAccess"]
    assert matched[2] == []


def test_a_boundary_is_what_a_role_cannot_leave(stack: Stack, role: dict[str, Any]) -> None:
    iam, name = stack.aws("iam"), role["RoleName"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy("*"))
    boundary = iam.create_policy(PolicyName=f"{name}-edge", PolicyDocument=policy("sqs:*"))
    arn = boundary["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn)
    answer = iam.simulate_principal_policy(
        PolicySourceArn=role["Arn"], ActionNames=["s3:GetObject", "sqs:SendMessage"]
    )
    assert decisions(answer) == {"s3:GetObject": "implicitDeny", "sqs:SendMessage": "allowed"}
    detail = answer["EvaluationResults"][0]["PermissionsBoundaryDecisionDetail"]
    assert detail == {"AllowedByPermissionsBoundary": False}
    iam.delete_role_permissions_boundary(RoleName=name)
    iam.delete_policy(PolicyArn=arn)


def test_policies_that_are_sent_along_decide(stack: Stack) -> None:
    iam = stack.aws("iam")
    condition = {"Bool": {"aws:SecureTransport": "true"}}
    ask: dict[str, Any] = {
        "PolicyInputList": [policy("s3:*", Condition=condition)],
        "ActionNames": ["s3:GetObject"],
        "ResourceArns": [OBJECT],
    }
    (unknown,) = iam.simulate_custom_policy(**ask)["EvaluationResults"]
    assert unknown["EvalDecision"] == "implicitDeny"
    assert unknown["MissingContextValues"] == ["aws:SecureTransport"]
    entry = {"ContextKeyName": "aws:securetransport", "ContextKeyType": "boolean"}
    (known,) = iam.simulate_custom_policy(
        **ask, ContextEntries=[{**entry, "ContextKeyValues": ["true"]}]
    )["EvaluationResults"]
    assert (known["EvalDecision"], known["MissingContextValues"]) == ("allowed", [])


def test_answers_come_in_pages(stack: Stack) -> None:
    pages = (
        stack.aws("iam")
        .get_paginator("simulate_custom_policy")
        .paginate(
            PolicyInputList=[policy("s3:*")],
            ActionNames=[f"s3:Get{number}" for number in range(5)],
            PaginationConfig={"PageSize": 2},
        )
    )
    assert [len(page["EvaluationResults"]) for page in pages] == [2, 2, 1]


@pytest.mark.parametrize(
    ("sent", "words"),
    [("{", "PolicyInputList.1 is no policy"), ('{"Statement": {"Effect": "No"}}', '"Allow" or')],
)
def test_what_is_no_policy_is_refused(stack: Stack, sent: str, words: str) -> None:
    with pytest.raises(ClientError, match=words) as refused:
        stack.aws("iam").simulate_custom_policy(PolicyInputList=[sent], ActionNames=["s3:*"])
    assert refused.value.response["Error"]["Code"] == "InvalidInput"


def test_who_is_no_principal_is_refused(stack: Stack) -> None:
    iam = stack.aws("iam")
    with pytest.raises(ClientError) as refused:
        iam.simulate_principal_policy(
            PolicySourceArn="arn:aws:iam::000000000000:role/nobody", ActionNames=["s3:GetObject"]
        )
    assert refused.value.response["Error"]["Code"] == "NoSuchEntity"
