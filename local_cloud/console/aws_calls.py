"""The AWS calls that the console's pages make: a list of them, and no others."""

from __future__ import annotations

import asyncio
import json
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from local_aws.account import REGION

_ALLOWED = {
    "stepfunctions": {
        *("list_state_machines", "describe_state_machine", "list_executions"),
        *("describe_execution", "describe_state_machine_for_execution", "get_execution_history"),
        *("start_execution", "stop_execution", "redrive_execution"),
        *("send_task_success", "send_task_failure"),
        *("list_map_runs", "describe_map_run"),
        *("validate_state_machine_definition", "test_state", "update_state_machine"),
    },
    "dynamodb": {"list_tables", "describe_table", "scan"},
    "s3": {"list_buckets", "list_objects_v2"},
    "secretsmanager": {"list_secrets", "get_secret_value"},
    "cognito-idp": {
        *("list_user_pools", "list_user_pool_clients", "list_users"),
        *("initiate_auth", "sign_up", "confirm_sign_up", "resend_confirmation_code"),
    },
    "logs": {"describe_log_groups", "filter_log_events"},
    "lambda": {"list_functions", "invoke"},
    "bedrock-runtime": {"converse"},
}
#: How fast an execution's time passes, and where it begins.
START_HEADERS = ("x-local-cloud-time-scale", "x-local-cloud-play-on-from")
_start_headers: ContextVar[dict[str, str]] = ContextVar("start_headers")
DOWN = "EndpointDown"
MAX_REQUEST = 8 * 1024 * 1024


class AwsCalls:
    """Makes the calls with boto3, in threads.

    Args:
        engine: the AWS endpoint.
        step_functions: the Step Functions endpoint, which may be another.
    """

    def __init__(self, engine: str, step_functions: str) -> None:
        self.engine = engine
        self.step_functions = step_functions
        self.client = cache(self._client)

    def _client(self, service: str) -> Any:
        # Loaded when the first page asks: the console starts without it.
        import boto3
        from botocore.config import Config

        client = boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.step_functions if service == "stepfunctions" else self.engine,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the engine takes any
            config=Config(
                connect_timeout=3,
                read_timeout=70,
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                max_pool_connections=32,
                inject_host_prefix=False,
            ),
        )
        if service == "stepfunctions":
            client.meta.events.register("before-call.stepfunctions.StartExecution", _pass_on)
        return client

    async def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """Return an operation's answer; raises what boto3 raises."""
        return await asyncio.to_thread(self._call, service, operation, arguments)

    def _call(self, service: str, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self.client(service), operation)(**arguments)
        answer.pop("ResponseMetadata", None)
        return answer

    async def answer(self, request: Request) -> Response:
        """Answer ``POST /api/aws/{service}/{operation}``, a JSON object of arguments."""
        service, operation = request.path_params["service"], request.path_params["operation"]
        if operation not in _ALLOWED.get(service, ()):
            return _failure(404, "NotFound", f"The console does not call {service} {operation}.")
        body = await request.body()
        if len(body) > MAX_REQUEST:
            return _failure(413, "TooLarge", f"At most {MAX_REQUEST >> 20} MB can be sent.")
        try:
            arguments = json.loads(body or b"{}")
            if not isinstance(arguments, dict):
                raise ValueError("expected an object")
        except ValueError as error:
            return _failure(400, "BadRequest", f"The arguments are no JSON object: {error}")
        _start_headers.set({n: request.headers[n] for n in START_HEADERS if n in request.headers})
        try:
            answer = await self.call(service, operation, **arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the page is told
            code, words = explain(error)
            return _failure(503 if code == DOWN else 400, code, words)
        if hasattr(answer.get("Payload"), "read"):
            answer["Payload"] = answer["Payload"].read().decode(errors="replace")
        return Response(json.dumps(answer, default=plain), media_type="application/json")

    async def download(self, request: Request) -> Response:
        """Answer ``GET /api/objects?bucket=…&key=…`` with an object's bytes."""
        from botocore.exceptions import BotoCoreError, ClientError

        bucket, key = request.query_params.get("bucket", ""), request.query_params.get("key", "")
        try:
            found = await self.call("s3", "get_object", Bucket=bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            return _failure(404, "NotFound", f"{bucket}/{key}: {error}")
        name = "".join(c if c.isalnum() or c in "._-" else "_" for c in key.rpartition("/")[2])
        return StreamingResponse(
            found["Body"].iter_chunks(),
            # Shown as a file, never as a page of this origin.
            media_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _pass_on(params: dict[str, Any], **_: Any) -> None:
    """Pass on how an execution is to be started."""
    params["headers"].update(_start_headers.get({}))


def explain(error: Exception) -> tuple[str, str]:
    """Return a code and words for what boto3 has raised."""
    from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

    if isinstance(error, ClientError):
        found = error.response["Error"]
        return found.get("Code", "Error"), found.get("Message", str(error))
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        where = error.kwargs["endpoint_url"].rstrip("/")
        return DOWN, f"{where} does not answer. Is it running? (./local-cloud up)"
    return type(error).__name__, str(error)


def plain(value: Any) -> Any:
    """Return what JSON cannot hold in a form that it can; times in seconds since 1970."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def _failure(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"code": code, "error": message}, status)
