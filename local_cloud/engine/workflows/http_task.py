"""HTTP tasks, ``arn:aws:states:::http:invoke``, which LocalStack lacks.

https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import requests
from localstack.aws.api.stepfunctions import HistoryEventType, TaskFailedEventDetails
from localstack.services.events.api_destination import add_api_destination_authorization
from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEvent,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task import (
    state_task_factory,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service import (  # noqa: E501
    StateTaskService,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails

from local_aws.heads import FRAMING, InvalidHead, check_headers
from local_cloud.engine.workflows.error_names import name_of

TIMEOUT_SECONDS = 60
_CONNECTION = re.compile(r"arn:[^:]+:events:[^:]+:\d+:connection/[\w.-]+(/[\w-]+)?")
_FIELDS = {
    "ApiEndpoint",
    "Method",
    "Authentication",
    "InvocationConfig",
    "Headers",
    "QueryParameters",
    "RequestBody",
    "Transform",
}
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
_ARRAYS = {
    "INDICES": "{}[{}]",
    "BRACKETS": "{}[]",
    "REPEAT": "{}",
}


class HttpFailed(Exception):
    """A request gave no answer, or one that is none of success."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(cause)
        self.error = error
        self.cause = cause


class HttpTask(StateTaskService):  # type: ignore[misc]
    """A task that asks an HTTP API, by the rights of an EventBridge connection."""

    def _get_supported_parameters(self) -> set[str] | None:
        return _FIELDS if self.resource.api_action == "invoke" else None

    def _normalise_parameters(self, parameters: dict[str, Any], *_: Any, **__: Any) -> None:
        """Leave them as they are: no AWS operation has them."""

    def _normalise_response(self, response: Any, *_: Any, **__: Any) -> None:
        """Leave it as it is."""

    def _from_error(self, env: Environment, ex: Exception) -> FailureEvent:
        if not isinstance(ex, HttpFailed):
            return super()._from_error(env=env, ex=ex)
        details = TaskFailedEventDetails(
            resourceType=self._get_sfn_resource_type(),
            resource=self._get_sfn_resource(),
            error=ex.error,
            cause=ex.cause,
        )
        return FailureEvent(
            env=env,
            error_name=name_of(ex.error),
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),
        )

    def _eval_service_task(
        self, env: Environment, normalised_parameters: dict[str, Any], **_: Any
    ) -> None:
        env.stack.append(invoke(normalised_parameters))


def invoke(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Make a task's request; return its answer as the task has it.

    Raises:
        HttpFailed: there is no answer, or it tells a failure.
    """
    for name in ("ApiEndpoint", "Method"):
        if not isinstance(parameters.get(name), str):
            raise HttpFailed("States.Runtime", f"The field '{name}' is required but was missing")
    if parameters["Method"] not in _METHODS:
        raise HttpFailed("States.Runtime", f"The field 'Method' is none of {', '.join(_METHODS)}")
    headers = {str(name): str(value) for name, value in parameters.get("Headers", {}).items()}
    try:
        check_headers(headers.items())
    except InvalidHead as error:
        raise HttpFailed("States.Runtime", f"The field 'Headers' is not valid: {error}") from error
    if framing := [name for name in headers if name.lower() in FRAMING]:
        raise HttpFailed("States.Runtime", f"The header '{framing[0]}' cannot be set")
    body = parameters.get("RequestBody")
    url = _authorized(parameters, headers, body if isinstance(body, dict) else {})
    content = _content(parameters, headers, body)
    query = {
        str(name): value if isinstance(value, list) else str(value)
        for name, value in parameters.get("QueryParameters", {}).items()
    }
    try:
        answer = requests.request(
            parameters["Method"],
            url,
            params=query,
            headers=headers,
            data=content,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise HttpFailed("States.Http.Socket", f"{parameters['ApiEndpoint']}: {error}") from error
    if not 200 <= answer.status_code < 300:
        raise HttpFailed(f"States.Http.StatusCode.{answer.status_code}", answer.text)
    return _told(answer)


def _authorized(parameters: Mapping[str, Any], headers: dict[str, str], body: Any) -> str:
    """Add what an EventBridge connection adds to requests; return the endpoint."""
    endpoint = str(parameters["ApiEndpoint"])
    given = parameters.get("Authentication") or parameters.get("InvocationConfig") or {}
    connection = given.get("ConnectionArn")
    if connection is None:
        return endpoint
    if _CONNECTION.fullmatch(str(connection)) is None:
        raise HttpFailed("States.Runtime", f"Invalid connection ARN: {connection}")
    arn = connection if connection.count("/") > 1 else f"{connection}/any"
    destination = {"ConnectionArn": arn, "InvocationEndpoint": endpoint}
    try:
        return str(add_api_destination_authorization(destination, headers, body))
    except Exception as error:
        said = f"The connection {connection} cannot be used: {error}"
        raise HttpFailed("Events.ConnectionResource.InvalidConnectionState", said) from error


def _content(parameters: Mapping[str, Any], headers: dict[str, str], body: Any) -> bytes | None:
    if body is None:
        return None
    transform = parameters.get("Transform", {})
    names = {name.lower() for name in headers}
    if transform.get("RequestBodyEncoding") == "URL_ENCODED":
        kind = transform.get("RequestEncodingOptions", {}).get("ArrayFormat", "INDICES")
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return urlencode(list(_pairs(body, "", kind))).encode()
    if "content-type" not in names:
        headers["Content-Type"] = "application/json"
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _pairs(value: Any, name: str, kind: str) -> list[tuple[str, str]]:
    """Return what a body has as the fields of a form."""
    if isinstance(value, dict):
        inner = [(f"{name}[{key}]" if name else str(key), one) for key, one in value.items()]
    elif isinstance(value, list):
        if kind == "COMMAS":
            return [(name, ",".join(map(_word, value)))]
        form = _ARRAYS.get(kind, _ARRAYS["INDICES"])
        inner = [(form.format(name, number), one) for number, one in enumerate(value)]
    else:
        return [(name, _word(value))]
    return [pair for key, one in inner for pair in _pairs(one, key, kind)]


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _told(answer: requests.Response) -> dict[str, Any]:
    body: Any = answer.text
    if "json" in answer.headers.get("Content-Type", ""):
        try:
            body = answer.json()
        except ValueError:
            body = answer.text
    return {
        "Headers": {name.lower(): [value] for name, value in answer.headers.items()},
        "ResponseBody": body,
        "StatusCode": answer.status_code,
        "StatusText": answer.reason or HTTPStatus(answer.status_code).phrase,
    }


def run_http_tasks() -> None:
    """Have LocalStack's parser know HTTP tasks."""
    theirs = state_task_factory.state_task_service_for

    def service_for(service_name: str) -> StateTaskService:
        return HttpTask() if service_name == "http" else theirs(service_name)

    state_task_factory.state_task_service_for = service_for
