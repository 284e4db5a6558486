"""The runtime executor ``process``: LocalStack's environments are places at the Lambda endpoint.

https://docs.localstack.cloud/references/configuration/ (``LAMBDA_RUNTIME_EXECUTOR``)
"""

from __future__ import annotations

import base64
import contextlib
import time
from pathlib import Path
from typing import Any

import requests
from localstack import config
from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.invocation.lambda_models import (
    FunctionVersion,
    Invocation,
    InvocationResult,
)
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import (
    LambdaRuntimeException,
    RuntimeExecutor,
)

from local_aws.traces import HEADER, note_invocation
from local_cloud.engine import spans
from local_cloud.engine.functions.endpoint import ENDPOINT, TEMPLATE_ENDPOINT
from local_cloud.engine.functions.template_functions import TEMPLATE
from local_cloud.engine.state.services import is_inert
from local_cloud.lambda_endpoint.invoke_api import (
    CONCURRENCY,
    FUNCTIONS,
    INVOKED_ARN,
    REGISTRY,
    REQUEST_ID,
)
from local_cloud.lambda_endpoint.packages import SOURCE_MARK


class ProcessExecutor(RuntimeExecutor):  # type: ignore[misc]
    """Runs a version's invocations at the endpoint, which has workers as they are needed."""

    def start(self, env_vars: dict[str, str]) -> None:
        """Do nothing: the endpoint starts workers with the first invocation."""

    def stop(self) -> None:
        """Do nothing: the endpoint stops workers that have been idle."""

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return str(config.LOCALSTACK_HOST.host)

    def get_runtime_endpoint(self) -> str:
        return ENDPOINT.url

    def get_logs(self) -> str:
        return ""  # the endpoint delivers them

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Refuse: invocations go to the endpoint by the version (:mod:`.versions`)."""
        raise NotImplementedError

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack a version's code and layers, and register it at the endpoint."""
        settings, identifier = function_version.config, function_version.id
        if _is_of_template(function_version):
            return  # the endpoint has read it itself
        code = _unpacked(settings.code)
        answer = ENDPOINT.send(
            "PUT",
            _place(function_version),
            json={
                "region": identifier.region,
                "handler": settings.handler,
                "runtime": settings.runtime,
                "description": settings.description,
                "code": str(code),
                "layers": [str(_unpacked(layer.code)) for layer in settings.layers],
                # What is source has its requirements installed: a folder by reference, too.
                # To install them runs code.
                "packaged": is_inert("lambda")
                or not (settings.code.is_hot_reloading() or (code / SOURCE_MARK).exists()),
                "timeout": settings.timeout,
                "memory": settings.memory_size,
                "environment": _environment(settings.environment or {}),
                "reserved_concurrency": _reserved(function_version),
            },
        )
        if answer.status_code != 204:
            raise LambdaRuntimeException(answer.json().get("message", answer.text))

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Forget a version; one that was registered in its place stays."""
        if _is_of_template(function_version):
            return
        ENDPOINT.send("DELETE", _place(function_version))


def _is_of_template(version: FunctionVersion) -> bool:
    name = version.id.function_name
    return version.id.qualifier == "$LATEST" and name in TEMPLATE.functions()


def _place(version: FunctionVersion) -> str:
    identifier = version.id
    revision = version.config.internal_revision
    return f"{REGISTRY}{identifier.function_name}/{identifier.qualifier}/{revision}"


def _reserved(version: FunctionVersion) -> int | None:
    identifier = version.id
    functions = lambda_stores[identifier.account][identifier.region].functions
    function = functions.get(identifier.function_name)
    return None if function is None else function.reserved_concurrent_executions


def tell_reserved(name: str, executions: int | None) -> None:
    """Have the endpoint refuse more: who invokes there passes no limit of LocalStack's.

    One that is not there is told when it is told of the version.
    """
    with contextlib.suppress(LambdaRuntimeException):
        ENDPOINT.send("PUT", f"{REGISTRY}{name}/{CONCURRENCY}", json={"reserved": executions})


def _unpacked(code: Any) -> Path:
    code.prepare_for_execution()
    return Path(code.get_unzipped_code_location())


def _environment(variables: dict[str, str]) -> dict[str, str]:
    """Return a function's variables, with the engine where they say nothing or an empty text.

    A template may name an endpoint by a parameter that is empty on AWS.
    """
    return {**variables, "AWS_ENDPOINT_URL": variables.get("AWS_ENDPOINT_URL") or _engine_url()}


def _engine_url() -> str:
    return f"http://localhost:{config.GATEWAY_LISTEN[0].port}"


def send_for(version: FunctionVersion, method: str, path: str, **more: Any) -> requests.Response:
    """Ask where a version runs; an endpoint that began anew is told of it again.

    Raises:
        LambdaRuntimeException: it does not answer, or the version cannot run there.
    """
    if _is_of_template(version):
        return TEMPLATE_ENDPOINT.send(method, path, **more)
    answer = ENDPOINT.send(method, path, **more)
    if answer.status_code != 404:
        return answer
    ProcessExecutor.prepare_version(version)
    return ENDPOINT.send(method, path, **more)


def invoke_at_endpoint(version: FunctionVersion, invocation: Invocation) -> InvocationResult:
    """Run an invocation of a version.

    Raises:
        TooManyRequestsException: the endpoint has as many concurrent executions as it may.
        LambdaRuntimeException: the endpoint does not answer, or does not know the version.
    """
    identifier = version.id
    name = f"{identifier.function_name}:{identifier.qualifier}"
    headers = {
        REQUEST_ID: invocation.request_id,
        INVOKED_ARN: invocation.invoked_arn,
        "X-Amz-Log-Type": "Tail",
    }
    if invocation.client_context:
        headers["X-Amz-Client-Context"] = invocation.client_context
    if (trace := invocation.trace_context.get("aws_trace_header")) is not None:
        headers[HEADER] = trace.ensure_root_exists().to_header_str()
    if _is_of_template(version) and ENDPOINT is not TEMPLATE_ENDPOINT:
        name = identifier.function_name  # SAM knows no qualifiers
        del headers["X-Amz-Log-Type"]  # and refuses to run a function whose log is asked for
    target = f"{FUNCTIONS}/{name}/invocations"
    began = time.time()
    answer = send_for(version, "POST", target, data=invocation.payload, headers=headers)
    if answer.status_code == 429:
        told = answer.json()
        raise TooManyRequestsException(told["message"], Reason=told["Reason"], Type="User")
    if answer.status_code != 200:
        raise LambdaRuntimeException(f"{name}: {answer.status_code} {answer.text}")
    logs = base64.b64decode(answer.headers.get("X-Amz-Log-Result", "")).decode(errors="replace")
    failed = "X-Amz-Function-Error" in answer.headers
    if HEADER not in answer.headers:
        note_invocation(
            *(spans.traces, identifier.function_name, headers.get(HEADER), began),
            *(invocation.payload, answer.content),
            failed=failed,
        )
    return InvocationResult(
        invocation.request_id, answer.content, failed, logs, identifier.qualifier
    )


class ProcessExecutorPlugin(RuntimeExecutorPlugin):  # type: ignore[misc]
    """Names the executor for ``LAMBDA_RUNTIME_EXECUTOR=process``."""

    name = "process"

    def load(self, *_: object, **__: object) -> type[ProcessExecutor]:
        return ProcessExecutor
