"""Looks at each AWS call: whose it is and whether it is allowed, in the trace that it names.

A call that names no trace is of none, unless a function makes it or it is ``StartExecution``. What
a state does, or another service on somebody's behalf, is told by its thread.
https://docs.aws.amazon.com/xray/latest/devguide/xray-services-lambda.html
"""

from __future__ import annotations

from typing import Any

from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.chain import HandlerChain
from localstack.aws.connect import InternalClientFactory
from localstack.http import Request, Response
from localstack.runtime import hooks
from localstack.services.edge import ROUTER
from localstack.utils.xray.trace_header import TraceHeader

from local_aws.credentials import key_of
from local_aws.redaction import shown
from local_aws.traces import HEADER, Span, header_in, traces_of
from local_cloud.engine import call_faults, sensitive, spans
from local_cloud.engine.permissions import guard
from local_cloud.engine.permissions.call_signatures import verify_call
from local_cloud.engine.service import answer_error

#: What begins a trace where its caller names none.
_BEGINS = ("stepfunctions", "StartExecution")
#: Parameters that say what a call is about, in the order in which they are looked for.
_RESOURCES = (
    "TableName",
    "Bucket",
    "stateMachineArn",
    "executionArn",
    "SecretId",
    "QueueUrl",
    "TopicArn",
    "FunctionName",
    "modelId",
    "logGroupName",
    "UserPoolId",
    "ClientId",
    "Name",
    "KeyId",
    "StackName",
)


@hooks.on_infra_start()
def trace_calls() -> None:
    """Judge calls, and write their spans where these are wanted."""
    spans.traces = traces_of("engine")
    ROUTER.add("/_faults", call_faults.answer, methods=["GET", "POST", "DELETE"])
    ROUTER.add("/_permissions", guard.told_roles, methods=["GET"])
    ROUTER.add("/_permissions/signed", _check_signed, methods=["POST"])
    handlers.serve_custom_service_request_handlers.append(verify_call)
    handlers.serve_custom_service_request_handlers.append(_begin)
    handlers.run_custom_response_handlers.append(_lose)
    handlers.run_custom_finalizers.append(_end)
    if spans.traces is None:
        return
    hook = InternalClientFactory._get_client_post_hook

    def hand_on(self: InternalClientFactory, client: Any) -> Any:
        client.meta.events.register("before-call.*.*", _name_trace)
        return hook(self, client)

    InternalClientFactory._get_client_post_hook = hand_on


def _check_signed(request: Request) -> Response:
    # Loaded by who asks.
    from local_cloud.engine.permissions import signatures

    return signatures.answer(request)


def _name_trace(params: dict[str, Any], **_: Any) -> None:
    """Have a call that a service makes be of the trace that its thread works for."""
    header = getattr(spans.here, "header", None)
    if header is not None:
        params["headers"][HEADER] = header


def _begin(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    if context.service is None or context.operation is None:
        return
    details = guard.judged(context)
    resource = _resource_of(context)
    span = _span_of(context, resource, details.get("caller"))
    if span is not None:
        span.details.update(details)
        context.span = span
        spans.here.header = span.header
        context.trace_context["aws_trace_header"] = TraceHeader.from_header_str(span.header)
    guard.refuse(context, details)
    context.lost = call_faults.strike(context, resource, details.get("caller")).lose


def _lose(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """Answer that an answer was lost, where that is wanted, after all was done."""
    if getattr(context, "lost", False) and response.status_code < 400:
        lost = CommonServiceException("InternalServerError", call_faults.LOST, 500)
        answer_error(context, response, lost)


def _resource_of(context: RequestContext) -> str | None:
    parameters = context.service_request or {}
    return next((str(parameters[name]) for name in _RESOURCES if parameters.get(name)), None)


def _span_of(context: RequestContext, resource: str | None, caller: str | None) -> Span | None:
    """Return the span of a call that is of a trace, or begins one."""
    if spans.traces is None:
        return None
    service, operation = context.service.service_name, context.operation.name
    header = header_in(context.request.headers)
    if header is None and caller is None and (service, operation) != _BEGINS:
        return None
    parameters = context.service_request or {}
    span = spans.traces.begin("call", f"{service}.{operation}", header, service=service)
    span.details["resource"] = resource
    if header is None and caller is not None:
        # Of which of its function's invocations it is, is told by the time.
        span.details["access_key"] = key_of(caller)
    if key := parameters.get("Key"):
        span.details["key"] = shown(key)
    span.details["request"] = shown(parameters, sensitive.marks_of(service, context.operation))
    if (waits := spans.waiting.get(str(parameters.get("taskToken", "")))) is not None:
        span.details["answers"] = {"trace": waits.trace, "span": waits.id}
        waits.details["answered_by"] = {"trace": span.trace, "span": span.id}
    return span


def _end(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    guard.note_change(context)
    span = getattr(context, "span", None)
    if span is None:
        return
    context.span = spans.here.header = None
    error: str | None = None
    if context.service_exception is not None:
        error = f"{context.service_exception.code}: {context.service_exception}"
    elif response.status_code >= 400:
        error = str(response.status_code)
    length = response.content_length
    span.end(error, status=response.status_code, bytes=length)
