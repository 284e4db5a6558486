"""A stack of the running cloud: deployed step by step, described, deleted.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from local_cloud.client import aws_client
from local_cloud.deploy.errors import DeployFailed
from local_cloud.installation import Ports

BUCKET = "local-cloud-deployments"
POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Uploaded:
    """Where a file lies in S3."""

    bucket: str
    key: str
    url: str


@dataclass(frozen=True)
class Event:
    """What happened to a resource."""

    resource: str
    type: str
    status: str
    reason: str


class Deployment:
    """One template on its way to being a stack.

    Args:
        ports: of the running cloud.
        name: of the stack.
    """

    def __init__(self, ports: Ports, name: str) -> None:
        self.ports = ports
        self.name = name
        self.cloudformation = aws_client("cloudformation", ports)
        self._seen: set[str] = set()

    def run(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> Iterator[Event]:
        """Deploy it, and yield what happens to its resources.

        Raises:
            DeployFailed: a resource could not be made; what had been is removed.
        """
        exists = self._status() is not None
        self._seen = {event["EventId"] for event in self._events()} if exists else set()
        if not self._change(template, parameters, exists):
            return
        why = ""
        while True:
            status = self._status() or "DELETE_COMPLETE"
            for event in self._new_events():
                if event.status.endswith("_FAILED") and event.reason and not why:
                    why = f"{event.resource} ({event.type}): {event.reason}. "
                yield event
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(POLL_SECONDS)  # CloudFormation tells nobody when it is done
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            reason = f"{why}The stack {self.name} is {status}"
            if not exists:
                self.delete()
                reason += "; what had been made is removed"
            raise DeployFailed(reason)

    def delete(self) -> None:
        """Delete the stack, and wait until it is gone."""
        self.cloudformation.delete_stack(StackName=self.name)
        waiter = self.cloudformation.get_waiter("stack_delete_complete")
        try:
            waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        except WaiterError as error:
            raise DeployFailed(f"The stack {self.name} cannot be deleted: {error}") from error

    def outputs(self) -> dict[str, str]:
        """Return the stack's outputs."""
        described = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        return {o["OutputKey"]: o["OutputValue"] for o in described.get("Outputs", [])}

    def resources(self, kind: str) -> list[str]:
        """Return the physical ids of the stack's resources of a type."""
        return list(self.physical_ids(kind).values())

    def physical_ids(self, kind: str) -> dict[str, str]:
        """Return the physical ids of the stack's resources of a type, by logical id."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(
            StackName=self.name
        )
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for page in pages
            for one in page["StackResourceSummaries"]
            if one["ResourceType"] == kind
        }

    def sockets(self) -> list[str]:
        """Return the ``ws://`` addresses of the stack's APIs, one for each stage."""
        gateway = aws_client("apigatewayv2", self.ports)
        found = []
        for api in self.resources("AWS::ApiGatewayV2::Api"):
            endpoint = gateway.get_api(ApiId=api)["ApiEndpoint"]
            stages = gateway.get_stages(ApiId=api)["Items"]
            found += [f"{endpoint}/{stage['StageName']}" for stage in stages]
        return found

    def _change(
        self, template: Mapping[str, Any], parameters: Mapping[str, str], exists: bool
    ) -> bool:
        """Begin the change; return whether there is one."""
        change = {
            "StackName": self.name,
            "ChangeSetName": f"deploy-{time.time_ns()}",
            "ChangeSetType": "UPDATE" if exists else "CREATE",
            "TemplateURL": self.upload(json.dumps(template, default=str).encode()).url,
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
        }
        try:
            made = self.cloudformation.create_change_set(**change)["Id"]
            while True:
                told = self.cloudformation.describe_change_set(ChangeSetName=made)
                if told["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                    break
                time.sleep(POLL_SECONDS)
            if told["Status"] == "FAILED":
                reason = str(told.get("StatusReason", ""))
                if "didn't contain changes" in reason or "No updates" in reason:
                    return False
                raise DeployFailed(f"The template cannot be deployed: {reason}")
            self.cloudformation.execute_change_set(ChangeSetName=made)
        except ClientError as error:
            words = error.response["Error"]["Message"]
            raise DeployFailed(f"The template cannot be deployed: {words}") from error
        return True

    def upload(self, body: bytes) -> Uploaded:
        """Put a file into S3, since it may be larger than a request may be."""
        s3 = aws_client("s3", self.ports)
        key = f"{self.name}/{hashlib.sha256(body).hexdigest()[:16]}"
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return Uploaded(BUCKET, key, f"{self.ports.engine_url}/{BUCKET}/{key}")

    def _status(self) -> str | None:
        try:
            described = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        status = str(described["StackStatus"])
        return None if status == "REVIEW_IN_PROGRESS" else status

    def _events(self) -> list[dict[str, Any]]:
        told = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        return [dict(event) for event in reversed(told)]

    def _new_events(self) -> Iterator[Event]:
        for event in self._events():
            if event["EventId"] in self._seen:
                continue
            self._seen.add(event["EventId"])
            yield Event(
                event["LogicalResourceId"],
                event.get("ResourceType", ""),
                event["ResourceStatus"],
                event.get("ResourceStatusReason") or "",
            )
