"""``local-cloud deploy``: a SAM or CloudFormation template as a stack of the running cloud.

Functions and layers are deployed by reference to their folders: nothing is packed, what they
require is installed as it is for the cloud's own, and a changed file takes effect with the next
invocation.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awscli.customizations.cloudformation.yamlhelper import yaml_parse
from botocore.exceptions import ClientError, WaiterError

from local_cloud.client import aws_client
from local_cloud.installation import Ports

BUCKET = "local-cloud-deployments"
#: The bucket that stands for this machine's folders.
BY_REFERENCE = "hot-reload"
POLL_SECONDS = 0.25
TEMPLATE_NAMES = ("template.yaml", "template.yml", "template.json")

#: Where code lies in a resource: property, and the names of bucket and key in its place.
_CODE = {
    "AWS::Serverless::Function": ("CodeUri", "Bucket", "Key"),
    "AWS::Serverless::LayerVersion": ("ContentUri", "Bucket", "Key"),
    "AWS::Lambda::Function": ("Code", "S3Bucket", "S3Key"),
    "AWS::Lambda::LayerVersion": ("Content", "S3Bucket", "S3Key"),
}


class DeployFailed(RuntimeError):
    """The stack cannot be deployed; the message says why and what to do."""


@dataclass(frozen=True)
class Event:
    """What happened to a resource."""

    resource: str
    type: str
    status: str
    reason: str


def find_template(path: Path) -> Path:
    """Return the template at a path, or in the folder that it names.

    Raises:
        DeployFailed: there is none.
    """
    if path.is_file():
        return path
    for name in TEMPLATE_NAMES:
        if (path / name).is_file():
            return path / name
    raise DeployFailed(f"There is no template at {path} (looked for {', '.join(TEMPLATE_NAMES)})")


def prepared(path: Path) -> dict[str, Any]:
    """Return a template whose local code is named by its folders.

    Raises:
        DeployFailed: it cannot be read, or names code that is not there.
    """
    try:
        template = yaml_parse(path.read_text())
    except Exception as error:
        raise DeployFailed(f"{path} cannot be read: {error}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise DeployFailed(f"{path} has no Resources: is it a SAM or CloudFormation template?")
    shared = (template.get("Globals") or {}).get("Function")
    if isinstance(shared, dict):
        _refer(path, "Globals", shared, _CODE["AWS::Serverless::Function"])
    for logical_id, resource in template["Resources"].items():
        place = _CODE.get(str(resource.get("Type"))) if isinstance(resource, dict) else None
        if place is not None:
            _refer(path, logical_id, resource.get("Properties") or {}, place)
    return template


def _refer(path: Path, where: str, properties: dict[str, Any], place: tuple[str, str, str]) -> None:
    """Name code by its folder."""
    key, bucket, name = place
    code = properties.get(key)
    if not isinstance(code, str) or code.startswith("s3://"):
        return
    folder = (path.parent / code).resolve()
    if not folder.is_dir():
        raise DeployFailed(f"{path}: {where}: {key} {folder} is no folder")
    properties[key] = {bucket: BY_REFERENCE, name: str(folder)}


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
        while True:
            status = self._status() or "DELETE_COMPLETE"
            yield from self._new_events()
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(POLL_SECONDS)  # CloudFormation tells nobody when it is done
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            reason = f"The stack {self.name} is {status}"
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
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(
            StackName=self.name
        )
        return [
            one["PhysicalResourceId"]
            for page in pages
            for one in page["StackResourceSummaries"]
            if one["ResourceType"] == kind
        ]

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
            "TemplateURL": self._upload(template),
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

    def _upload(self, template: Mapping[str, Any]) -> str:
        """Put the template into S3, since it may be larger than a request; return its address."""
        s3 = aws_client("s3", self.ports)
        body = json.dumps(template, default=str).encode()
        key = f"{self.name}/{hashlib.sha256(body).hexdigest()[:16]}.json"
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"{self.ports.engine_url}/{BUCKET}/{key}"

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
