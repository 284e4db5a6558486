"""What the setup scripts create is what the template declares for AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.template import Template
from local_cloud.client import demo_login
from local_cloud.installation import PROJECT, TEMPLATE
from tests.stack import Stack

DECLARED = Template.load(TEMPLATE)


def declared(kind: str) -> dict[str, dict[str, Any]]:
    """Return the template's resources of a type, their properties by physical name."""
    return {
        DECLARED.physical_name(resource.logical_id): resource.properties
        for resource in DECLARED.resources(kind)
    }


def only(kind: str) -> dict[str, Any]:
    ((_, properties),) = declared(kind).items()
    return properties


def by_name(items: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: str(item[name]))


TABLES = declared("AWS::DynamoDB::Table")
BUCKETS = declared("AWS::S3::Bucket")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_the_declared_keys_indexes_and_expiry(stack: Stack, name: str) -> None:
    client, wanted = stack.aws("dynamodb"), TABLES[name]
    table = client.describe_table(TableName=name)["Table"]
    assert by_name(table["AttributeDefinitions"], "AttributeName") == by_name(
        wanted["AttributeDefinitions"], "AttributeName"
    )
    assert table["KeySchema"] == wanted["KeySchema"]
    assert table["BillingModeSummary"]["BillingMode"] == wanted["BillingMode"]
    indexes = [
        {key: index[key] for key in ("IndexName", "KeySchema", "Projection")}
        for index in table.get("GlobalSecondaryIndexes", [])
    ]
    assert indexes == wanted.get("GlobalSecondaryIndexes", [])
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry["TimeToLiveStatus"] == "ENABLED"
    assert expiry["AttributeName"] == wanted["TimeToLiveSpecification"]["AttributeName"]


def test_there_is_no_other_table(stack: Stack) -> None:
    mine = [t for t in stack.aws("dynamodb").list_tables()["TableNames"] if "causal-" in t]
    assert sorted(mine) == sorted(TABLES)


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_private_and_encrypted_as_declared(stack: Stack, name: str) -> None:
    client, wanted = stack.aws("s3"), BUCKETS[name]
    block = client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert block == wanted["PublicAccessBlockConfiguration"]
    (rule,) = client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"][
        "Rules"
    ]
    (wish,) = wanted["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    algorithm = rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
    assert algorithm == wish["ServerSideEncryptionByDefault"]["SSEAlgorithm"]


def test_the_secret_is_the_declared_one(stack: Stack) -> None:
    (name,) = declared("AWS::SecretsManager::Secret")
    assert stack.aws("secretsmanager").describe_secret(SecretId=name)["Name"] == name


def test_the_pool_has_the_declared_password_policy(stack: Stack) -> None:
    client, wanted = stack.aws("cognito-idp"), only("AWS::Cognito::UserPool")
    pool = client.describe_user_pool(UserPoolId=demo_login(stack.ports).pool_id)["UserPool"]
    assert pool["Name"] == wanted["UserPoolName"]
    policy, wish = pool["Policies"]["PasswordPolicy"], wanted["Policies"]["PasswordPolicy"]
    assert {key: policy[key] for key in wish} == wish
    assert pool["AutoVerifiedAttributes"] == wanted["AutoVerifiedAttributes"]


def test_the_client_has_the_declared_flows(stack: Stack) -> None:
    login, wanted = demo_login(stack.ports), only("AWS::Cognito::UserPoolClient")
    client = stack.aws("cognito-idp").describe_user_pool_client(
        UserPoolId=login.pool_id, ClientId=login.client_id
    )["UserPoolClient"]
    assert client["ClientName"] == wanted["ClientName"]
    assert sorted(client["ExplicitAuthFlows"]) == sorted(wanted["ExplicitAuthFlows"])
    assert client["PreventUserExistenceErrors"] == wanted["PreventUserExistenceErrors"]
    assert bool(client.get("ClientSecret")) is wanted["GenerateSecret"]


def test_the_workflow_is_the_declared_one_with_the_declared_functions(stack: Stack) -> None:
    wanted = only("AWS::Serverless::StateMachine")
    text = (TEMPLATE.parent / wanted["DefinitionUri"]).read_text()
    for placeholder, arn in wanted["DefinitionSubstitutions"].items():
        assert f"${{{placeholder}}}" in text, f"{placeholder} is substituted and not used"
        text = text.replace(f"${{{placeholder}}}", arn)
    arn = f"arn:aws:states:us-east-1:000000000000:stateMachine:{wanted['Name']}"
    found = stack.aws("stepfunctions").describe_state_machine(stateMachineArn=arn)["definition"]
    assert json.loads(found) == json.loads(text)


def test_every_function_has_a_log_group_with_retention() -> None:
    groups = declared("AWS::Logs::LogGroup")
    for name in declared("AWS::Serverless::Function"):
        assert groups[f"/aws/lambda/{name}"]["RetentionInDays"] > 0


def test_no_function_may_do_everything_or_reach_everything() -> None:
    for name, function in declared("AWS::Serverless::Function").items():
        for policy in function["Policies"]:
            for statement in policy["Statement"]:
                assert not any(action.endswith("*") for action in statement["Action"]), name
                assert "*" not in statement["Resource"], name


def test_the_gateway_image_has_the_locked_versions() -> None:
    locked = (PROJECT / "uv.lock").read_text()
    for line in (PROJECT / "websocket-gateway" / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            assert f'name = "{name}"\nversion = "{version}"' in locked, line
