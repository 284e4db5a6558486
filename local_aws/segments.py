"""X-Ray's segment documents: spans made of them, and they of spans.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws.json_text import loads
from local_aws.redaction import shown

#: Where segments of this kind come from, as X-Ray names it; others are parts of those.
_ORIGINS = {
    "message": "AWS::ApiGateway::Stage",
    "connect": "AWS::ApiGateway::Stage",
    "disconnect": "AWS::ApiGateway::Stage",
    "invocation": "AWS::Lambda::Function",
    "execution": "AWS::StepFunctions::StateMachine",
}
#: Details of a span that have a place of their own in a document.
_PLACED = ("trace", "id", "parent", "kind", "name", "start", "end", "error", "request", "response")
_THROTTLING = ("Throttl", "ProvisionedThroughput", "TooManyRequests", "SlowDown", "RequestLimit")


def spans_of(document: str | bytes) -> Iterator[dict[str, Any]]:
    """Yield the spans of a segment and of what is in it; none of one that is still under way.

    Raises:
        ValueError: it is no segment document; says why.
    """
    try:
        segment = loads(document)
    except RecursionError as error:
        raise ValueError("a segment document is nested too deeply") from error
    if not isinstance(segment, dict):
        raise ValueError("a segment document is a JSON object")
    if missing := [
        name for name in ("id", "name", "start_time", "trace_id") if name not in segment
    ]:
        raise ValueError(f"a segment document needs {missing[0]}")
    try:
        yield from _spans(segment, str(segment["trace_id"]), segment.get("parent_id"))
    except (RecursionError, TypeError) as error:
        raise ValueError(f"a segment document of another form: {error}") from error


def _spans(segment: Mapping[str, Any], trace: str, parent: str | None) -> Iterator[dict[str, Any]]:
    if "end_time" in segment:
        details = {
            name: segment[name]
            for name in ("annotations", "metadata", "http", "aws", "namespace")
            if segment.get(name)
        }
        span = {
            "trace": trace,
            "id": str(segment["id"]),
            "parent": parent,
            "kind": "segment",
            "name": str(segment["name"]),
            "start": _seconds(segment["start_time"]),
            "end": _seconds(segment["end_time"]),
        }
        if segment.get("fault") or segment.get("error"):
            span["error"] = _cause(segment.get("cause"))
        yield {**span, **({"request": shown(details)} if details else {})}
    for inner in segment.get("subsegments") or ():
        if isinstance(inner, dict) and {"id", "name", "start_time"} <= inner.keys():
            yield from _spans(inner, trace, str(segment["id"]))


def _seconds(time: Any) -> float:
    seconds = float(time)
    if not math.isfinite(seconds):
        raise ValueError(f"{seconds} is no time")
    return seconds


def _cause(cause: Any) -> str:
    if isinstance(cause, dict):
        for one in cause.get("exceptions") or ():
            return ": ".join(str(one[key]) for key in ("type", "message") if one.get(key))
    return "failed"


def document_of(span: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a span."""
    kind = span["kind"]
    document: dict[str, Any] = {
        "id": span["id"],
        "trace_id": span["trace"],
        "name": span["name"],
        "start_time": span["start"],
        "end_time": span["end"],
    }
    if span.get("parent"):
        document["parent_id"] = span["parent"]
    if kind in _ORIGINS:
        document["origin"] = _ORIGINS[kind]
    else:
        document["type"] = "subsegment"
    if kind == "call":
        service, _, operation = str(span["name"]).partition(".")
        resource = span.get("resource")
        document["name"] = service
        document["namespace"] = "aws"
        document["aws"] = {
            "operation": operation,
            **({"resource_names": [resource]} if resource else {}),
        }
    if "error" in span:
        document |= flags_of(span)
        document["cause"] = {"exceptions": [{"id": span["id"], "message": str(span["error"])}]}
    if "status" in span:
        document["http"] = {"response": {"status": span["status"]}}
    metadata = {name: value for name, value in span.items() if name not in _PLACED and value}
    for name in ("request", "response"):
        if span.get(name):
            metadata[name] = span[name]
    if metadata:
        document["metadata"] = {"local-cloud": metadata}
    return document


def flags_of(span: Mapping[str, Any]) -> dict[str, bool]:
    """Return whether a span that has failed is an error of its caller, a throttle or a fault."""
    if "error" not in span:
        return {}
    if any(word in str(span["error"]) for word in _THROTTLING):
        return {"error": True, "throttle": True}
    status = span.get("status")
    return {"error": True} if isinstance(status, int) and 400 <= status < 500 else {"fault": True}
