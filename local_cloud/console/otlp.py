"""Hands the traces on to an OpenTelemetry collector, as they come.

``OTEL_EXPORTER_OTLP_ENDPOINT`` names it, such as ``http://localhost:4318``; its other settings are
OpenTelemetry's, too. https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from local_aws.traces import TRACE_NAME
from local_cloud.console.trace_view import TraceView
from local_cloud.trace_store import Trace

LOG = logging.getLogger(__name__)

#: Beside the files of traces: when those that are in them were handed on.
MARK = "exported"
BATCH = 500
POLL_SECONDS = 0.5
#: How long a call that names no trace waits for the end of the invocation that made it.
PATIENCE_SECONDS = 60.0
#: Spans that were being written when files were last read are handed on once more.
OVERLAP_SECONDS = 2.0
_KINDS = {
    "message": SpanKind.SERVER,
    "connect": SpanKind.SERVER,
    "disconnect": SpanKind.SERVER,
    "invocation": SpanKind.SERVER,
    "call": SpanKind.CLIENT,
    "post": SpanKind.PRODUCER,
}
_AT_GATEWAY = ("message", "connect", "disconnect", "post")
#: Details of a span that have names of their own.
#: https://opentelemetry.io/docs/specs/semconv/
_NAMED = {
    "status": "http.response.status_code",
    "request_id": "faas.invocation_id",
    "function": "faas.name",
    "version": "faas.version",
    "log_group": "aws.log.group.names",
    "log_stream": "aws.log.stream.names",
    "execution": "aws.step_functions.execution.arn",
    "state_machine": "aws.step_functions.state_machine.arn",
    "user": "enduser.id",
}
_PLACED = ("trace", "id", "parent", "kind", "name", "start", "end", "error", "service")


class OtlpExport:
    """Hands on what is new, for as long as it runs.

    Args:
        traces: reads them.
        folder: where they are, and where is noted what was handed on.
        exporter: OpenTelemetry's, by its settings, unless another is given.
    """

    def __init__(
        self, traces: TraceView, folder: Path, exporter: SpanExporter | None = None
    ) -> None:
        self.traces = traces
        self.mark = folder / MARK
        self.exporter = exporter or OTLPSpanExporter()
        self._since = self._read_mark()
        #: Of each trace, the spans that were handed on.
        self._done: dict[str, int] = {}
        self._fails = False

    def _read_mark(self) -> float:
        try:
            return float(self.mark.read_text())
        except (OSError, ValueError):
            return time.time()  # what was there before nobody has asked for

    async def run(self) -> None:
        """Hand on what is new until it is cancelled."""
        while True:
            with contextlib.suppress(OSError):  # the folder is gone: there is nothing new
                await asyncio.to_thread(self.hand_on)
            await asyncio.sleep(POLL_SECONDS)  # a file that grows tells nobody

    def hand_on(self) -> int:
        """Hand on what is new; return how many spans the collector took.

        Raises:
            OSError: the folder cannot be read or written.
        """
        read = time.time()
        traces = {trace.name: trace for trace in self.traces.all()}
        self._done = {name: done for name, done in self._done.items() if name in traces}
        taken = 0
        for batch in _batches(self._new(traces.values(), read)):
            spans = [span for _, _, span in batch if span is not None]
            if spans and not self._send(spans):
                return taken  # tried again with the next look
            taken += len(spans)
            for name, count, _ in batch:
                self._done[name] = count
        if taken:
            draft = self.mark.with_suffix(".new")
            draft.write_text(str(read - OVERLAP_SECONDS))
            draft.replace(self.mark)
        return taken

    def _new(
        self, traces: Iterable[Trace], now: float
    ) -> Iterator[tuple[str, int, ReadableSpan | None]]:
        """Yield each span that was not handed on, with its trace and its place there."""
        for trace in traces:
            if TRACE_NAME.fullmatch(trace.name) is None:
                continue  # somebody else's name, which OpenTelemetry has no form for
            for place, line in enumerate(trace.lines[self._done.get(trace.name, 0) :]):
                span = orjson.loads(line)
                if (
                    span.get("access_key")
                    and span["parent"] is None
                    and now - span["end"] < PATIENCE_SECONDS
                ):
                    break  # it may be found to be a part of another trace
                new = span["end"] >= self._since
                count = self._done.get(trace.name, 0) + place + 1
                yield trace.name, count, told(trace.name, span) if new else None

    def _send(self, spans: list[ReadableSpan]) -> bool:
        went = self.exporter.export(spans) is SpanExportResult.SUCCESS
        if not went and not self._fails:
            LOG.warning("The collector takes no traces; they are kept and sent when it does.")
        self._fails = not went
        return went


def _batches[T](items: Iterable[T]) -> Iterator[list[T]]:
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def told(trace: str, span: Mapping[str, Any]) -> ReadableSpan:
    """Return a span as OpenTelemetry has it.

    Args:
        trace: which it is of.
    """
    kind, error = span["kind"], span.get("error")
    links = [
        Link(_place(link["trace"], link["span"]))
        for name in ("answers", "answered_by")
        if (link := span.get(name)) and TRACE_NAME.fullmatch(link["trace"])
    ]
    return ReadableSpan(
        name=span["name"] if kind == "call" else f"{kind} {span['name']}",
        context=_place(trace, span["id"]),
        parent=_place(trace, span["parent"]) if span.get("parent") else None,
        resource=Resource({"service.name": _service(span), "cloud.provider": "aws"}),
        attributes=dict(_attributes(span)),
        links=links,
        kind=_KINDS.get(kind, SpanKind.INTERNAL),
        status=Status(StatusCode.ERROR, str(error)) if error else Status(StatusCode.UNSET),
        start_time=int(span["start"] * 1e9),
        end_time=int(span["end"] * 1e9),
    )


def _place(trace: str, span: str) -> SpanContext:
    match = TRACE_NAME.fullmatch(trace)
    assert match is not None
    return SpanContext(
        int(match[1] + match[2], 16),
        int(span, 16),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _service(span: Mapping[str, Any]) -> str:
    if span["kind"] in ("invocation", "segment"):
        return str(span["name"])
    if span["kind"] == "call":
        return str(span.get("caller") or "local-cloud")
    return "websocket-gateway" if span["kind"] in _AT_GATEWAY else "step-functions"


def _attributes(span: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if span["kind"] == "call":
        service, _, operation = str(span["name"]).partition(".")
        yield "rpc.system", "aws-api"
        yield "rpc.service", service
        yield "rpc.method", operation
    if "error" in span:
        yield "error.type", str(span["error"]).partition(":")[0]
    for name, value in span.items():
        if name in _PLACED or value is None:
            continue
        plain = value if isinstance(value, str | int | float | bool) else orjson.dumps(value)
        if isinstance(plain, bytes):
            plain = plain.decode()
        yield _NAMED.get(name, f"local_cloud.{name}"), plain
