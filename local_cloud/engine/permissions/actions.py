"""Which actions on which resources a call needs, as policies name them.

What is not told here needs the action of its operation's name, on a resource that is not known.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from local_cloud.engine.model.catalog import PROFILES as MODEL_PROFILES

#: A resource that is not known: any that a statement names counts.
UNKNOWN = ""


@dataclass(frozen=True)
class Needed:
    """A permission: ``service:Action`` on an ARN, on ``*``, or on what is :data:`UNKNOWN`."""

    action: str
    resource: str


@dataclass(frozen=True)
class Asked:
    """A call: its operation, its parameters, and where it was made."""

    operation: str
    parameters: Mapping[str, Any]
    region: str
    account: str

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    def named(self, *names: str) -> str:
        """Return the first of these parameters that is given."""
        return next((str(self.parameters[n]) for n in names if self.parameters.get(n)), "")


Needs = Callable[[Asked], Iterator[Needed]]

#: The names that policies have for services, where they are not those of the API.
PREFIXES = {
    "stepfunctions": "states",
    "apigatewaymanagementapi": "execute-api",
    "apigatewayv2": "apigateway",
    "dynamodbstreams": "dynamodb",
}
#: Calls that anybody may make, signed or not.
_FREE = {
    ("sts", "GetCallerIdentity"),
    ("sts", "GetSessionToken"),
    *(
        ("cognito-idp", name)
        for name in (
            "InitiateAuth",
            "RespondToAuthChallenge",
            "SignUp",
            "ConfirmSignUp",
            "ForgotPassword",
            "ConfirmForgotPassword",
            "ResendConfirmationCode",
            "GetUser",
            "ChangePassword",
            "GlobalSignOut",
            "RevokeToken",
            "UpdateUserAttributes",
            "DeleteUser",
        )
    ),
}
_ITEMS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_PARTIQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE)\b", re.I)
_TABLE_IN_PARTIQL = re.compile(r"(?:FROM|INTO|UPDATE)\s+\"?([\w.-]+)\"?", re.I)
#: Operations on objects whose action has another name.
_OBJECTS = {
    "GetObject": "GetObject",
    "HeadObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "GetObjectAttributes": "GetObjectAttributes",
    "PutObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "AbortMultipartUpload": "AbortMultipartUpload",
    "ListParts": "ListMultipartUploadParts",
    "DeleteObject": "DeleteObject",
    "RestoreObject": "RestoreObject",
    **{
        f"{verb}Object{what}": f"{verb}Object{what}"
        for verb in ("Get", "Put", "Delete")
        for what in ("Acl", "Tagging", "LegalHold", "Retention")
    },
}
_BUCKETS = {
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
}
#: Where the part of a batch has the action of a single one.
_SINGLE = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "PublishBatch": "Publish",
}


def needed(service: str, asked: Asked) -> list[Needed]:
    """Return the permissions that a call needs.

    Args:
        service: as the API names it, such as ``stepfunctions``.
    """
    if (service, asked.operation) in _FREE:
        return []
    told = _SERVICES.get(service)
    if told is not None:
        return list(dict.fromkeys(told(asked)))
    return [Needed(f"{PREFIXES.get(service, service)}:{asked.operation}", UNKNOWN)]


def _dynamodb(asked: Asked) -> Iterator[Needed]:
    operation, parameters = asked.operation, asked.parameters
    if operation in ("BatchGetItem", "BatchWriteItem"):
        for name in parameters.get("RequestItems") or {}:
            yield Needed(f"dynamodb:{operation}", _table(asked, name))
    elif operation in ("TransactWriteItems", "TransactGetItems"):
        for item in parameters.get("TransactItems") or ():
            for kind, what in item.items():
                if kind in _ITEMS:
                    yield Needed(f"dynamodb:{_ITEMS[kind]}", _table(asked, what["TableName"]))
    elif operation in ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"):
        statements = parameters.get("Statements") or parameters.get("TransactStatements") or ()
        for text in [asked.named("Statement"), *(one.get("Statement", "") for one in statements)]:
            verb, named = _PARTIQL.match(text), _TABLE_IN_PARTIQL.search(text)
            if verb and named:
                yield Needed(f"dynamodb:PartiQL{verb[1].title()}", _table(asked, named[1]))
    elif name := asked.named("TableName"):
        table = _table(asked, name)
        index = asked.named("IndexName")
        yield Needed(f"dynamodb:{operation}", f"{table}/index/{index}" if index else table)
    else:
        yield Needed(f"dynamodb:{operation}", "*" if operation.startswith("List") else UNKNOWN)


def _table(asked: Asked, name: str) -> str:
    return name if name.startswith("arn:") else asked.arn("dynamodb", f"table/{name}")


def _s3(asked: Asked) -> Iterator[Needed]:
    operation, bucket = asked.operation, asked.named("Bucket")
    if operation == "ListBuckets":
        yield Needed("s3:ListAllMyBuckets", "*")
        return
    arn = f"arn:aws:s3:::{bucket}" if bucket else UNKNOWN
    if operation == "DeleteObjects":
        for one in (asked.parameters.get("Delete") or {}).get("Objects") or ():
            action = "DeleteObjectVersion" if one.get("VersionId") else "DeleteObject"
            yield Needed(f"s3:{action}", f"{arn}/{one.get('Key')}")
        return
    if operation in ("CopyObject", "UploadPartCopy"):
        source = unquote(asked.named("CopySource")).partition("?")[0].lstrip("/")
        if not source.startswith("arn:"):
            yield Needed("s3:GetObject", f"arn:aws:s3:::{source}")
    if operation in _OBJECTS:
        action = _OBJECTS[operation]
        if asked.named("VersionId") and action in ("GetObject", "DeleteObject"):
            action += "Version"
        yield Needed(f"s3:{action}", f"{arn}/{asked.named('Key')}")
    else:
        yield Needed(f"s3:{_BUCKETS.get(operation, operation)}", arn)


def _sqs(asked: Asked) -> Iterator[Needed]:
    name = asked.named("QueueUrl").rpartition("/")[2] or asked.named("QueueName")
    resource = asked.arn("sqs", name) if name else "*"
    yield Needed(f"sqs:{_SINGLE.get(asked.operation, asked.operation)}", resource)


def _sns(asked: Asked) -> Iterator[Needed]:
    name = asked.named("TopicArn", "TargetArn", "ResourceArn")
    resource = name or (asked.arn("sns", asked.named("Name")) if asked.named("Name") else "*")
    yield Needed(f"sns:{_SINGLE.get(asked.operation, asked.operation)}", resource)


def _secretsmanager(asked: Asked) -> Iterator[Needed]:
    name = asked.named("SecretId", "Name")
    arn = name if name.startswith("arn:") else asked.arn("secretsmanager", f"secret:{name}-??????")
    yield Needed(f"secretsmanager:{asked.operation}", arn if name else "*")


def _ssm(asked: Asked) -> Iterator[Needed]:
    names = [asked.named("Name", "Path"), *(asked.parameters.get("Names") or ())]
    for name in filter(None, names):
        arn = name if name.startswith("arn:") else f"parameter/{name.lstrip('/')}"
        resource = arn if arn.startswith("arn:") else asked.arn("ssm", arn)
        yield Needed(f"ssm:{asked.operation}", resource)
    if not any(names):
        yield Needed(f"ssm:{asked.operation}", "*")


def _states(asked: Asked) -> Iterator[Needed]:
    name = asked.named("stateMachineArn", "executionArn", "activityArn", "mapRunArn", "resourceArn")
    free = asked.operation.startswith(("List", "Create", "Validate"))
    resource = name or ("*" if free and asked.operation != "ListExecutions" else UNKNOWN)
    yield Needed(f"states:{asked.operation}", resource.partition("#")[0])


def _lambda(asked: Asked) -> Iterator[Needed]:
    name = asked.named("FunctionName")
    action = {"Invoke": "InvokeFunction", "InvokeWithResponseStream": "InvokeFunction"}.get(
        asked.operation, asked.operation
    )
    if not name:
        yield Needed(f"lambda:{action}", "*")
        return
    if name.startswith("arn:"):
        arn = name
    else:
        arn = asked.arn("lambda", f"function:{name.rpartition('function:')[2]}")
    qualifier = asked.named("Qualifier")
    yield Needed(
        f"lambda:{action}", f"{arn}:{qualifier}" if qualifier and arn.count(":") == 6 else arn
    )


def _logs(asked: Asked) -> Iterator[Needed]:
    group, stream = asked.named("logGroupName"), asked.named("logStreamName")
    if not group:
        yield Needed(f"logs:{asked.operation}", asked.named("logGroupIdentifier") or "*")
        return
    writes = asked.operation in ("PutLogEvents", "GetLogEvents")
    rest = f"log-group:{group}:" + (f"log-stream:{stream}" if writes and stream else "*")
    yield Needed(f"logs:{asked.operation}", asked.arn("logs", rest))


def _events(asked: Asked) -> Iterator[Needed]:
    if asked.operation != "PutEvents":
        name = asked.named("Name", "Rule")
        yield Needed(
            f"events:{asked.operation}", asked.arn("events", f"rule/{name}") if name else "*"
        )
        return
    for entry in asked.parameters.get("Entries") or ():
        bus = entry.get("EventBusName") or "default"
        arn = bus if bus.startswith("arn:") else asked.arn("events", f"event-bus/{bus}")
        yield Needed("events:PutEvents", arn)


def _cognito(asked: Asked) -> Iterator[Needed]:
    pool = asked.named("UserPoolId")
    resource = asked.arn("cognito-idp", f"userpool/{pool}") if pool else "*"
    yield Needed(f"cognito-idp:{asked.operation}", resource)


def _kms(asked: Asked) -> Iterator[Needed]:
    key = asked.named("KeyId")
    if key.startswith("arn:") or not key:
        resource = key or "*"
    else:
        resource = asked.arn("kms", key if key.startswith("alias/") else f"key/{key}")
    yield Needed(f"kms:{asked.operation}", resource)


def _kinesis(asked: Asked) -> Iterator[Needed]:
    arn, name = asked.named("StreamARN"), asked.named("StreamName")
    resource = arn or (asked.arn("kinesis", f"stream/{name}") if name else "*")
    yield Needed(f"kinesis:{asked.operation}", resource)


def _bedrock_runtime(asked: Asked) -> Iterator[Needed]:
    streams = asked.operation.endswith("Stream")
    action = "InvokeModelWithResponseStream" if streams else "InvokeModel"
    if asked.operation in ("ApplyGuardrail", "CountTokens"):
        action = asked.operation
    name = asked.named("modelId")
    if name.startswith("arn:"):
        yield Needed(f"bedrock:{action}", name)
        return
    where, _, rest = name.partition(".")
    if where in MODEL_PROFILES:  # both are needed
        yield Needed(f"bedrock:{action}", asked.arn("bedrock", f"inference-profile/{name}"))
        name = rest
    model = f"arn:aws:bedrock:{asked.region}::foundation-model/{name}"
    yield Needed(f"bedrock:{action}", model if name else "*")


def _sts(asked: Asked) -> Iterator[Needed]:
    yield Needed(f"sts:{asked.operation}", asked.named("RoleArn") or "*")


_SERVICES: dict[str, Needs] = {
    "bedrock-runtime": _bedrock_runtime,
    "dynamodb": _dynamodb,
    "s3": _s3,
    "sqs": _sqs,
    "sns": _sns,
    "secretsmanager": _secretsmanager,
    "ssm": _ssm,
    "stepfunctions": _states,
    "lambda": _lambda,
    "logs": _logs,
    "events": _events,
    "cognito-idp": _cognito,
    "kms": _kms,
    "kinesis": _kinesis,
    "sts": _sts,
}
