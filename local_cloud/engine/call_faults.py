"""Faults at the AWS APIs: calls that are late, fail in AWS's words, or whose answer is lost.

``GET``, ``POST`` and ``DELETE /_faults`` tell the rules, take more of them, and forget them all;
they are those of :mod:`local_aws.faults` for ``on: call``.
"""

from __future__ import annotations

import time
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.http import Request, Response

from local_aws.faults import CALL, NONE, Faults, Strike

FAULTS = Faults()
#: What AWS says with an error, and by which status.
_WORDS = {
    "ProvisionedThroughputExceededException": (
        400,
        "The level of configured provisioned throughput for the table was exceeded. "
        "Consider increasing your provisioning level with the UpdateTable API.",
    ),
    "ThrottlingException": (400, "Rate exceeded"),
    "Throttling": (400, "Rate exceeded"),
    "RequestLimitExceeded": (
        400,
        "Throughput exceeds the current throughput limit for your account.",
    ),
    "TransactionConflictException": (400, "Transaction is ongoing for the item"),
    "ConditionalCheckFailedException": (400, "The conditional request failed"),
    "TooManyRequestsException": (429, "Rate Exceeded."),
    "SlowDown": (503, "Please reduce your request rate."),
    "ServiceUnavailable": (503, "Service is unable to handle request."),
    "InternalServerError": (500, "Internal server error"),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "AccessDeniedException": (400, "User is not authorized to perform this action"),
    "GoneException": (410, "Gone"),
}
_UNNAMED = "InternalServerError"
#: What is answered in place of an answer that is lost: the SDKs try again, as after none.
LOST = "the answer was lost on purpose, after the call was done (./local-cloud faults list)"


def strike(context: RequestContext, resource: str | None, caller: str | None) -> Strike:
    """Have a call meet the rules: wait as long as they say, and return what else they do.

    Raises:
        CommonServiceException: it fails.
    """
    if not FAULTS.rules:
        return NONE
    struck = FAULTS.strike(
        CALL,
        service=context.service.service_name,
        operation=context.operation.name,
        resource=resource,
        caller=caller,
    )
    if struck.delay:
        time.sleep(struck.delay)
    if struck.fail:
        name = struck.error or _UNNAMED
        status, words = _WORDS.get(name, (400, "a fault on purpose"))
        raise CommonServiceException(name, words, struck.status or status)
    return struck


def answer(request: Request) -> Response:
    """Answer ``/_faults``."""
    if request.method == "DELETE":
        FAULTS.clear()
    elif request.method == "POST":
        try:
            told: Any = request.get_json(force=True, silent=True)
            faults = Faults.read(told)
            if elsewhere := next((rule.on for rule in faults.rules if rule.on != CALL), None):
                raise ValueError(f"on: {elsewhere} is the gateway's")
        except ValueError as wrong:
            return Response(str(wrong), 400)
        FAULTS.add(faults)
    return Response.for_json(FAULTS.told())
