"""The permissions that calls need, as AWS's service authorization reference names them."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.engine.permissions.actions import UNKNOWN, Asked, needed

PLACE = "us-east-1:000000000000"
MODELS = "arn:aws:bedrock:us-east-1::foundation-model"
TABLE = f"arn:aws:dynamodb:{PLACE}:table"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "wanted"),
    [
        ("dynamodb", "GetItem", {"TableName": "t"}, [("dynamodb:GetItem", f"{TABLE}/t")]),
        ("dynamodb", "GetItem", {"TableName": f"{TABLE}/t"}, [("dynamodb:GetItem", f"{TABLE}/t")]),
        (
            "dynamodb",
            "Query",
            {"TableName": "t", "IndexName": "i"},
            [("dynamodb:Query", f"{TABLE}/t/index/i")],
        ),
        (
            "dynamodb",
            "BatchWriteItem",
            {"RequestItems": {"a": [], "b": []}},
            [("dynamodb:BatchWriteItem", f"{TABLE}/a"), ("dynamodb:BatchWriteItem", f"{TABLE}/b")],
        ),
        (
            "dynamodb",
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "a"}},
                    {"ConditionCheck": {"TableName": "b"}},
                    {"Put": {"TableName": "a"}},
                ]
            },
            [("dynamodb:PutItem", f"{TABLE}/a"), ("dynamodb:ConditionCheckItem", f"{TABLE}/b")],
        ),
        (
            "dynamodb",
            "ExecuteStatement",
            {"Statement": 'SELECT * FROM "t" WHERE id = 1'},
            [("dynamodb:PartiQLSelect", f"{TABLE}/t")],
        ),
        (
            "dynamodb",
            "ExecuteStatement",
            {"Statement": "INSERT INTO t VALUE {'id': 1}"},
            [("dynamodb:PartiQLInsert", f"{TABLE}/t")],
        ),
        ("dynamodb", "ListTables", {}, [("dynamodb:ListTables", "*")]),
        (
            "s3",
            "GetObject",
            {"Bucket": "b", "Key": "k/l"},
            [("s3:GetObject", "arn:aws:s3:::b/k/l")],
        ),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, [("s3:GetObject", "arn:aws:s3:::b/k")]),
        (
            "s3",
            "GetObject",
            {"Bucket": "b", "Key": "k", "VersionId": "1"},
            [("s3:GetObjectVersion", "arn:aws:s3:::b/k")],
        ),
        ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, [("s3:PutObject", "arn:aws:s3:::b/k")]),
        (
            "s3",
            "CopyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "/c/l%20m?versionId=1"},
            [("s3:GetObject", "arn:aws:s3:::c/l m"), ("s3:PutObject", "arn:aws:s3:::b/k")],
        ),
        (
            "s3",
            "DeleteObjects",
            {"Bucket": "b", "Delete": {"Objects": [{"Key": "k"}, {"Key": "l", "VersionId": "1"}]}},
            [
                ("s3:DeleteObject", "arn:aws:s3:::b/k"),
                ("s3:DeleteObjectVersion", "arn:aws:s3:::b/l"),
            ],
        ),
        ("s3", "ListObjectsV2", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("s3", "ListBuckets", {}, [("s3:ListAllMyBuckets", "*")]),
        (
            "bedrock-runtime",
            "Converse",
            {"modelId": "amazon.nova-lite-v1:0"},
            [("bedrock:InvokeModel", f"{MODELS}/amazon.nova-lite-v1:0")],
        ),
        (
            "bedrock-runtime",
            "ConverseStream",
            {"modelId": "us.amazon.nova-lite-v1:0"},
            [
                (
                    "bedrock:InvokeModelWithResponseStream",
                    f"arn:aws:bedrock:{PLACE}:inference-profile/us.amazon.nova-lite-v1:0",
                ),
                (
                    "bedrock:InvokeModelWithResponseStream",
                    f"{MODELS}/amazon.nova-lite-v1:0",
                ),
            ],
        ),
        (
            "sqs",
            "SendMessageBatch",
            {"QueueUrl": "http://localhost:4566/000000000000/q"},
            [("sqs:SendMessage", f"arn:aws:sqs:{PLACE}:q")],
        ),
        (
            "sns",
            "Publish",
            {"TopicArn": f"arn:aws:sns:{PLACE}:t"},
            [("sns:Publish", f"arn:aws:sns:{PLACE}:t")],
        ),
        (
            "secretsmanager",
            "GetSecretValue",
            {"SecretId": "a/b"},
            [
                (
                    "secretsmanager:GetSecretValue",
                    f"arn:aws:secretsmanager:{PLACE}:secret:a/b-??????",
                )
            ],
        ),
        (
            "ssm",
            "GetParameters",
            {"Names": ["/a/b", "c"]},
            [
                ("ssm:GetParameters", f"arn:aws:ssm:{PLACE}:parameter/a/b"),
                ("ssm:GetParameters", f"arn:aws:ssm:{PLACE}:parameter/c"),
            ],
        ),
        (
            "stepfunctions",
            "StartExecution",
            {"stateMachineArn": f"arn:aws:states:{PLACE}:stateMachine:m#Case"},
            [("states:StartExecution", f"arn:aws:states:{PLACE}:stateMachine:m")],
        ),
        (
            "stepfunctions",
            "SendTaskSuccess",
            {"taskToken": "t"},
            [("states:SendTaskSuccess", UNKNOWN)],
        ),
        ("stepfunctions", "ListStateMachines", {}, [("states:ListStateMachines", "*")]),
        (
            "lambda",
            "Invoke",
            {"FunctionName": "f", "Qualifier": "live"},
            [("lambda:InvokeFunction", f"arn:aws:lambda:{PLACE}:function:f:live")],
        ),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "/a", "logStreamName": "s"},
            [("logs:PutLogEvents", f"arn:aws:logs:{PLACE}:log-group:/a:log-stream:s")],
        ),
        (
            "events",
            "PutEvents",
            {"Entries": [{"Source": "a"}, {"EventBusName": "b"}]},
            [
                ("events:PutEvents", f"arn:aws:events:{PLACE}:event-bus/default"),
                ("events:PutEvents", f"arn:aws:events:{PLACE}:event-bus/b"),
            ],
        ),
        ("cognito-idp", "InitiateAuth", {"ClientId": "c"}, []),
        ("sts", "GetCallerIdentity", {}, []),
        ("kms", "Decrypt", {"KeyId": "alias/a"}, [("kms:Decrypt", f"arn:aws:kms:{PLACE}:alias/a")]),
        ("apigatewayv2", "GetApis", {}, [("apigateway:GetApis", UNKNOWN)]),
    ],
)
def test_a_call_needs(
    service: str, operation: str, parameters: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    asked = Asked(operation, parameters, "us-east-1", "000000000000")
    assert [(one.action, one.resource) for one in needed(service, asked)] == wanted
