"""The policies that resources have of their own: asked of their services, and remembered.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation.models import lambda_stores

from local_aws.iam.conditions import WrongPolicy
from local_aws.iam.evaluation import Policy
from local_cloud.engine.permissions.actions import Needed

LOG = logging.getLogger(__name__)

#: Resources whose policies are remembered.
MOST = 5000
_CHANGING = (
    *("Put", "Set", "Add", "Remove", "Delete"),
    # A resource of that name begins without the policy of the one before.
    *("CreateBucket", "CreateQueue", "CreateTopic", "CreateTable", "CreateFunction"),
)
_ABOUT = (
    *("Policy", "Permission", "Attributes"),
    *("Bucket", "Queue", "Topic", "Table", "Function", "Secret", "Alias"),
)
_lock = threading.Lock()
_known: dict[str, Policy | None] = {}
_aliases: dict[str, str] = {}


def note_change(operation: str) -> None:
    """Forget what is known, if an operation may have changed it."""
    if operation.startswith(_CHANGING) and operation.endswith(_ABOUT):
        with _lock:
            _known.clear()
            _aliases.clear()


def policy_of(arn: str, region: str) -> Policy | None:
    """Return the policy of a resource, if it has one.

    Args:
        arn: as a call's permission names it.
        region: where the call was made.
    """
    resource = _resource(arn)
    if resource is None:
        return None
    with _lock:
        if resource in _known:
            return _known[resource]
    policy = _read(resource, region)
    with _lock:
        if len(_known) >= MOST:
            _known.clear()
        _known[resource] = policy
    return policy


def meant(needed: Needed, region: str) -> Needed:
    """Return the permission on the key that an alias stands for: policies name keys alone.

    https://docs.aws.amazon.com/kms/latest/developerguide/cmks-in-iam-policies.html
    """
    if ":alias/" not in needed.resource:
        return needed
    with _lock:
        key = _aliases.get(needed.resource)
    if key is None:
        try:
            told = _client("kms", region).describe_key(KeyId=needed.resource)
        except (ClientError, BotoCoreError):
            return needed  # the call itself is answered that there is none
        key = str(told["KeyMetadata"]["Arn"])
        with _lock:
            _aliases[needed.resource] = key
    return replace(needed, resource=key)


def _resource(arn: str) -> str | None:
    """Return what has the policy: the bucket of an object, the table of an index."""
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if service not in _ASKED or "*" in arn:
        return None
    if service == "s3":
        return arn.partition("/")[0]
    if service == "dynamodb":
        return "/".join(arn.split("/")[:2])
    return arn


def _read(arn: str, region: str) -> Policy | None:
    service = arn.split(":")[2]
    try:
        document = _ASKED[service](_client(service, region), arn)
        return Policy.read(f"{arn}'s policy", document) if document else None
    except (ClientError, BotoCoreError):
        return None  # it has none, or is not there
    except WrongPolicy as error:
        LOG.warning("%s", error)
        return None


@cache
def _client(service: str, region: str) -> Any:
    return connect_to(region_name=region).get_client(service)


def _of_queue(client: Any, arn: str) -> str | None:
    url = client.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    told = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    policy: str | None = told.get("Attributes", {}).get("Policy")
    return policy


def _of_function(client: Any, arn: str) -> str | None:
    _, _, _, region, account, _, name, *qualifier = arn.split(":")
    function = lambda_stores[account][region].functions.get(name)
    if function is None or not function.permissions:
        return None  # asked, a template's function would be taken over for that
    policy: str = client.get_policy(
        FunctionName=name, **({"Qualifier": qualifier[0]} if qualifier else {})
    )["Policy"]
    return policy


def _of_secret(client: Any, arn: str) -> str | None:
    by_name = arn.split(":", 6)[6].removesuffix("-??????") if arn.endswith("?") else arn
    policy: str | None = client.get_resource_policy(SecretId=by_name).get("ResourcePolicy")
    return policy


_ASKED: dict[str, Callable[[Any, str], str | None]] = {
    "s3": lambda client, arn: client.get_bucket_policy(Bucket=arn.rpartition(":")[2])["Policy"],
    "sqs": _of_queue,
    "sns": lambda client, arn: client.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"],
    "kms": lambda client, arn: client.get_key_policy(KeyId=arn, PolicyName="default")["Policy"],
    "lambda": _of_function,
    "secretsmanager": _of_secret,
    "dynamodb": lambda client, arn: client.get_resource_policy(ResourceArn=arn)["Policy"],
}
