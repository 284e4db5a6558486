"""``Custom::…`` resources: a function of the stack's own makes them, and answers at a URL.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from localstack import config
from localstack.http import Request, Response
from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)
from localstack.services.edge import ROUTER

from local_aws.json_text import loads

Properties = dict[str, Any]

#: Seconds that a resource's function has, where its ServiceTimeout says nothing.
ANSWER_SECONDS = 3600
PATH = "/_stacks/responses/"
#: What a model keeps beside the function's data: what the template said.
_GIVEN = "ResourceProperties"


class _Answers:
    """The answers that are waited for; each is taken once, at an address nobody can guess."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[threading.Event, Properties]] = {}
        self._routed = False

    @contextlib.contextmanager
    def expected(self) -> Iterator[tuple[str, threading.Event, Properties]]:
        """Give a URL, what tells that the answer is there, and the answer."""
        if not self._routed:
            ROUTER.add(f"{PATH}<token>", self._take, methods=["PUT"])
            self._routed = True
        token = secrets.token_urlsafe(24)
        arrived, answer = threading.Event(), Properties()
        self._waiting[token] = arrived, answer
        try:
            port = config.GATEWAY_LISTEN[0].port
            yield f"http://localhost:{port}{PATH}{token}", arrived, answer
        finally:
            self._waiting.pop(token, None)

    def _take(self, request: Request, token: str) -> Response:
        waiting = self._waiting.get(token)
        if waiting is None:
            return Response("nobody waits for this answer", status=404)
        try:
            given = loads(request.get_data())
        except ValueError:
            return Response("the answer is no JSON", status=400)
        if not isinstance(given, dict):
            return Response("the answer is no object", status=400)
        arrived, answer = waiting
        answer.update(given)
        arrived.set()
        return Response(status=200)


ANSWERS = _Answers()


class CustomResource(ResourceProvider):  # type: ignore[misc]
    """Asks the function that ``ServiceToken`` names."""

    SCHEMA = {  # noqa: RUF012 - LocalStack's form
        "typeName": "AWS::CloudFormation::CustomResource",
        "primaryIdentifier": ["/properties/PhysicalResourceId"],
        "properties": {},
    }

    def create(self, request: ResourceRequest) -> ProgressEvent:
        return _changed(request, "Create", {"ResourceProperties": _as_text(request.desired_state)})

    def update(self, request: ResourceRequest) -> ProgressEvent:
        before = request.previous_state or {}
        known = before.get("PhysicalResourceId")
        event = _changed(
            request,
            "Update",
            {
                "PhysicalResourceId": known,
                "ResourceProperties": _as_text(request.desired_state),
                "OldResourceProperties": _as_text(before.get(_GIVEN, {})),
            },
        )
        succeeded = event.status == OperationStatus.SUCCESS
        if succeeded and event.resource_model["PhysicalResourceId"] != known:
            self.delete(request)  # another one has taken its place
        return event

    def delete(self, request: ResourceRequest) -> ProgressEvent:
        before = request.previous_state or request.desired_state
        answer = _ask(
            request,
            "Delete",
            {
                "PhysicalResourceId": before.get("PhysicalResourceId"),
                "ResourceProperties": _as_text(before.get(_GIVEN, {})),
            },
        )
        if answer.get("Status") != "SUCCESS":
            return _failed(answer)
        return ProgressEvent(OperationStatus.SUCCESS, resource_model={})


def _changed(request: ResourceRequest, kind: str, more: Properties) -> ProgressEvent:
    answer = _ask(request, kind, more)
    if answer.get("Status") != "SUCCESS":
        return _failed(answer)
    data = {name: _attribute(value) for name, value in (answer.get("Data") or {}).items()}
    known = answer.get("PhysicalResourceId") or more.get("PhysicalResourceId")
    model = {**data, "PhysicalResourceId": known, _GIVEN: dict(request.desired_state)}
    return ProgressEvent(OperationStatus.SUCCESS, resource_model=model)


def _failed(answer: Properties) -> ProgressEvent:
    reason = answer.get("Reason") or "the function answered FAILED, without a Reason"
    return ProgressEvent(
        OperationStatus.FAILED,
        resource_model={},
        message="Received response status [FAILED] from custom resource. "
        f"Message returned: {reason}",
    )


def _ask(request: ResourceRequest, kind: str, more: Properties) -> Properties:
    """Send an event to the function, and wait for its answer."""
    given = request.desired_state if kind != "Delete" else (request.previous_state or {})
    given = given.get(_GIVEN, given)
    token = str(given.get("ServiceToken", ""))
    seconds = float(given.get("ServiceTimeout") or ANSWER_SECONDS)
    with ANSWERS.expected() as (url, arrived, answer):
        event = {
            "RequestType": kind,
            "ServiceToken": token,
            "ResponseURL": url,
            "StackId": request.stack_id,
            "RequestId": str(uuid4()),
            "LogicalResourceId": request.logical_resource_id,
            "ResourceType": request.resource_type,
            **more,
        }
        why = _send(request, token, event)
        if why is not None and not arrived.is_set():
            return {"Status": "FAILED", "Reason": why}
        if not arrived.wait(seconds):
            return {
                "Status": "FAILED",
                "Reason": f"CloudFormation did not receive a response in {seconds:g} seconds",
            }
        return answer


def _send(request: ResourceRequest, token: str, event: Properties) -> str | None:
    """Give an event to the function or the topic; return in words how that failed."""
    clients = request.aws_client_factory
    if ":sns:" in token:
        clients.sns.publish(TopicArn=token, Message=json.dumps(event))
        return None
    if ":lambda:" not in token:
        return f"ServiceToken {token!r} is neither a function nor a topic"
    # AWS invokes it asynchronously and waits an hour for one that fails before it answers.
    told = getattr(clients, "lambda").invoke(FunctionName=token, Payload=json.dumps(event).encode())
    if "FunctionError" not in told:
        return None
    return f"{token} failed before it answered: {told['Payload'].read().decode()[:500]}"


def _as_text(value: Any) -> Any:
    """Return properties as CloudFormation sends them: every scalar as a text."""
    if isinstance(value, dict):
        return {key: _as_text(inner) for key, inner in value.items() if key != "ServiceTimeout"}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return _attribute(value)


def _attribute(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


class CustomResourcePlugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc]
    """What LocalStack loads."""

    name = "AWS::CloudFormation::CustomResource"
    factory = CustomResource

    def load(self) -> None: ...
