"""What a template's functions are allowed, and what a report says of what they asked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from local_aws.iam.conditions import WrongPolicy
from local_aws.template import Template
from local_aws.traces import Traces
from local_cloud.engine.permissions.template_policies import granted_by
from local_cloud.installation import TEMPLATE
from local_cloud.permission_report import Report, reports
from local_cloud.trace_store import TraceStore

MESSAGES = "arn:aws:dynamodb:us-east-1:000000000000:table/causal-messages"
FUNCTION = """
Resources:
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties: {{Name: a/b}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: f
      {}
"""


def of_template(tmp_path: Path, properties: str) -> list[tuple[str, Any]]:
    template = tmp_path / "template.yaml"
    template.write_text(FUNCTION.format(properties))
    return [
        (policy.name, [statement["Resource"] for statement in policy.statements])
        for policy in granted_by(Template.load(template), "f").policies
    ]


def test_policies_of_a_template(tmp_path: Path) -> None:
    basic = ("AWSLambdaBasicExecutionRole", ["*"])
    assert of_template(tmp_path, "Tracing: PassThrough") == [basic]
    assert [name for name, _ in of_template(tmp_path, "Tracing: Active")] == [
        "AWSLambdaBasicExecutionRole",
        "AWSXRayDaemonWriteAccess",
    ]
    table = "arn:aws:dynamodb:us-east-1:000000000000:table/t"
    assert of_template(tmp_path, "Policies: [DynamoDBReadPolicy: {TableName: t}]") == [
        basic,
        ("DynamoDBReadPolicy", [[table, f"{table}/index/*"]]),
    ]
    secret = "{Statement: {Effect: Allow, Action: 's:*', Resource: [!Ref Secret]}}"
    assert of_template(tmp_path, f"Policies: {secret}") == [
        basic,
        ("F.Policies[0]", [["arn:aws:secretsmanager:us-east-1:*:secret:a/b-??????"]]),
    ]


ROLE = """
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: f, Role: !GetAtt Role.Arn}
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: own
          PolicyDocument: {Statement: [{Effect: Allow, Action: "sqs:*", Resource: "*"}]}
      ManagedPolicyArns:
        - !Ref Managed
        - arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess
      PermissionsBoundary: arn:aws:iam::aws:policy/PowerUserAccess
"""


def test_policies_of_a_role_and_managed_ones(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(ROLE)
    granted = granted_by(Template.load(template), "f")
    own, managed, of_aws = granted.policies
    assert [own.name, managed.name] == ["Role.own", "Managed"]
    assert managed.statements[0]["Action"] == "s3:*"
    assert "dynamodb:Query" in str(of_aws.statements)
    assert granted.boundary is not None
    assert [one.name for one in granted.boundary] == ["PowerUserAccess"]
    names = [name for name, _ in of_template(tmp_path, "Policies: [AmazonS3ReadOnlyAccess]")]
    assert names == ["AWSLambdaBasicExecutionRole", "AmazonS3ReadOnlyAccess"]


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ("Role: arn:aws:iam::000000000000:role/other", "not the template's own"),
        ("Policies: NoSuchAccess", "there is no managed policy NoSuchAccess"),
        ("Policies: [NoSuchPolicy: {}]", "no policy template NoSuchPolicy"),
        ("Policies: [{Statement: [{Effect: Maybe}]}]", "Effect"),
        ("Policies: [7]", "is no policy: 7"),
    ],
)
def test_policies_that_are_not_known_say_why(tmp_path: Path, properties: str, why: str) -> None:
    with pytest.raises(WrongPolicy, match=why):
        of_template(tmp_path, properties)


def report_of(tmp_path: Path, template: Path) -> Report:
    """Return what is told of a function that has queried, put, posted and read an object."""
    traces = Traces(tmp_path / "traces", "engine")
    invocation = traces.begin("invocation", "append-tool-output")
    for action, resource in (
        ("dynamodb:Query", MESSAGES),
        ("dynamodb:PutItem", MESSAGES),
        ("s3:GetObject", "arn:aws:s3:::causal-results/conversations/a/1"),
        ("s3:GetObject", "arn:aws:s3:::causal-results/conversations/b/2"),
    ):
        call = traces.begin("call", action, invocation.header, caller="append-tool-output")
        call.end(permissions=[{"action": action, "resource": resource}])
    traces.begin("post", "c", invocation.header, api="o643w5jvlz", stage="dev").end()
    invocation.end()
    policies = granted_by(Template.load(template), "append-tool-output").policies
    told = [{"name": one.name, "statements": one.statements} for one in policies]
    arn = "arn:aws:iam::000000000000:role/append-tool-output"
    role = {"function": "append-tool-output", "role": arn, "policies": told, "why_not": None}
    found = reports([role], TraceStore(tmp_path / "traces").refresh().values())
    return found["append-tool-output"]


def test_what_was_asked_for_is_used_and_the_rest_is_not(tmp_path: Path) -> None:
    report = report_of(tmp_path, TEMPLATE)
    assert not report.missing
    assert report.used["dynamodb:Query", MESSAGES] == 1
    assert ("execute-api:ManageConnections") in {action for action, _ in report.used}
    unused = {(action, resource) for _, action, resource in report.unused()}
    assert ("dynamodb:GetItem", MESSAGES) in unused
    assert ("dynamodb:Query", MESSAGES) not in unused
    assert not any(action.startswith(("logs:", "xray:")) for action, _ in unused)


def test_a_permission_that_the_template_lost_is_missing_and_in_the_least(tmp_path: Path) -> None:
    before = TEMPLATE.read_text()
    begin = before.index("  AppendToolOutputFunction:")
    own = before[begin:].replace("                - dynamodb:Query\n", "", 1)
    template = TEMPLATE.with_name(f"{tmp_path.name}.yaml")  # its folders are named from there
    template.write_text(before[:begin] + own)
    try:
        report = report_of(tmp_path, template)
    finally:
        template.unlink()
    assert dict(report.missing) == {("dynamodb:Query", MESSAGES): 1}
    least = {tuple(one["Action"]): one["Resource"] for one in report.least()}
    assert least["dynamodb:PutItem", "dynamodb:Query"] == [MESSAGES]
    assert least["s3:GetObject",] == ["arn:aws:s3:::causal-results/conversations/*"]
    (post,) = least["execute-api:ManageConnections",]
    assert re.fullmatch(r"arn:aws:execute-api:.*/dev/POST/@connections/\*", post)
