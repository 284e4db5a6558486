"""X-Ray's API, which LocalStack leaves out: reads the traces that there are, and takes segments.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html
"""

from __future__ import annotations

import datetime
import json
import operator
import re
from collections.abc import Callable
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.core import ServiceRequest, ServiceResponse
from localstack.services.plugins import Service

from local_aws.segments import document_of, flags_of, spans_of
from local_cloud.engine import spans
from local_cloud.engine.service import picked, service_of
from local_cloud.trace_store import Trace, TraceStore

PAGE, MOST_IDS = 100, 5
Test = Callable[[dict[str, Any]], bool]
_COMPARED = re.compile(r"(duration|responsetime)\s*(<=|>=|=|<|>)\s*([\d.]+)")
_NAMED = re.compile(r'service\(\s*"([^"]+)"\s*\)')
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
}
_FLAGS = ("ok", "error", "fault", "throttle")


class XRay:
    """Answers the operations that read and write traces."""

    def __init__(self) -> None:
        self.store = TraceStore.from_environment()
        self.answers: dict[str, Callable[[Any], dict[str, Any]]] = {
            "GetTraceSummaries": self.summaries,
            "BatchGetTraces": self.traces,
            "PutTraceSegments": self.put,
            "PutTelemetryRecords": lambda _: {},
            "GetSamplingRules": lambda _: {"SamplingRuleRecords": []},
            "GetSamplingTargets": lambda _: {"SamplingTargetDocuments": []},
        }

    def __call__(self, context: RequestContext, request: ServiceRequest) -> ServiceResponse:
        """Answer a call.

        Raises:
            CommonServiceException: it is wrong, or not answered here.
        """
        answer = picked(self.answers, context)
        if self.store is None:
            raise _wrong("No traces are written: start the cloud without --no-traces")
        return answer(dict(request))

    def summaries(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the traces of a time that a filter lets through, the latest first."""
        assert self.store is not None
        begin, end = (_seconds(request[name]) for name in ("StartTime", "EndTime"))
        tests = [_test(words) for words in _conditions(request.get("FilterExpression"))]
        found = []
        for trace in self.store.latest(10_000):
            if begin <= trace.summary()["start"] <= end:
                told = _summary(trace)
                found += [told] if all(test(told) for test in tests) else []
        first = int(request.get("NextToken") or 0)
        answer: dict[str, Any] = {
            "TraceSummaries": found[first : first + PAGE],
            "TracesProcessedCount": len(found),
            "ApproximateTime": datetime.datetime.now(datetime.UTC),
        }
        if len(found) > first + PAGE:
            answer["NextToken"] = str(first + PAGE)
        return answer

    def traces(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return traces with the documents of their segments."""
        assert self.store is not None
        names = request["TraceIds"]
        if len(names) > MOST_IDS:
            raise _wrong(f"TraceIds: at most {MOST_IDS}")
        known = self.store.refresh()
        return {
            "Traces": [
                {
                    "Id": name,
                    "Duration": known[name].summary()["seconds"],
                    "LimitExceeded": False,
                    "Segments": [
                        {"Id": span["id"], "Document": json.dumps(document_of(span))}
                        for _, span in known[name].tree()
                    ],
                }
                for name in names
                if name in known
            ],
            "UnprocessedTraceIds": [name for name in names if name not in known],
        }

    def put(self, request: dict[str, Any]) -> dict[str, Any]:
        """Take segments that an SDK has made."""
        unprocessed = []
        for document in request["TraceSegmentDocuments"]:
            try:
                found = list(spans_of(document))
            except ValueError as error:
                unprocessed.append({"ErrorCode": "ParseError", "Message": str(error)})
                continue
            for span in found:
                assert spans.traces is not None
                spans.traces.write(span)
        return {"UnprocessedTraceSegments": unprocessed}


def _wrong(why: str) -> CommonServiceException:
    return CommonServiceException("InvalidRequestException", why, 400, sender_fault=True)


def _seconds(moment: Any) -> float:
    return moment.timestamp() if isinstance(moment, datetime.datetime) else float(moment)


def _summary(trace: Trace) -> dict[str, Any]:
    told = trace.summary()
    flags = [flags_of(span) for span in trace.spans.values()]
    first = {"Name": told["name"], "Names": [told["name"]], "Type": told["kind"]}
    return {
        "Id": trace.name,
        "StartTime": datetime.datetime.fromtimestamp(told["start"], datetime.UTC),
        "Duration": told["seconds"],
        "ResponseTime": told["seconds"],
        "HasFault": any(one.get("fault") for one in flags),
        "HasError": any(one.get("error") for one in flags),
        "HasThrottle": any(one.get("throttle") for one in flags),
        "IsPartial": not told["whole"],
        "EntryPoint": first,
        "ServiceIds": [first, *({"Name": name, "Names": [name]} for name in told["functions"])],
        "Users": [{"UserName": told["user"]}] if told["user"] else [],
    }


def _conditions(expression: str | None) -> list[str]:
    return [part.strip() for part in re.split(r"\bAND\b|&&", expression or "") if part.strip()]


def _test(words: str) -> Test:
    """Return what tells whether a trace meets a condition of a filter expression.

    Raises:
        CommonServiceException: it is one of those that are not known here.
    """
    if words in _FLAGS:
        key = {"error": "HasError", "fault": "HasFault", "throttle": "HasThrottle"}.get(words)
        if key is not None:
            return lambda told: bool(told[key])
        return lambda told: not (told["HasError"] or told["HasFault"])
    if match := _COMPARED.fullmatch(words):
        compare, than = _COMPARE[match[2]], float(match[3])
        return lambda told: compare(told["Duration"], than)
    if match := _NAMED.fullmatch(words):
        name = match[1]
        return lambda told: any(name == one["Name"] for one in told["ServiceIds"])
    raise _wrong(
        f"FilterExpression: {words!r} is not known here: ok, error, fault, throttle, "
        'duration and responsetime with a number, service("NAME"), joined by AND'
    )


def xray() -> Service:
    """Return the service."""
    return service_of("xray", XRay())
