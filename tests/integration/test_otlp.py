"""A collector is handed the traces that there are, as OpenTelemetry has them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from local_aws.credentials import key_of
from local_aws.traces import Traces, header_in
from local_cloud.port_check import free_ports
from tests.integration.processes import started
from tests.stack import until

pytestmark = pytest.mark.embedded("the console is started by the test itself")


class Collector:
    """Takes traces by OTLP over HTTP; refuses them while it is told to."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []
        self.refuses = False
        self.refused = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if collector.refuses:
                    collector.refused.set()
                    self.send_response(400)
                else:
                    collector.take(self.path, body)
                    self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = (
                one.value.string_value
                for one in of_resource.resource.attributes
                if one.key == "service.name"
            )
            for scope in of_resource.scope_spans:
                self.spans += [(service, span) for span in scope.spans]

    def named(self, name: str) -> tuple[str, Any] | None:
        return next((one for one in self.spans if one[1].name == name), None)


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()


def test_what_is_new_reaches_the_collector_once(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = Traces(tmp_path, "gateway")
    traces.begin("message", "before").end()
    monkeypatch.setenv("TRACES_FOLDER", str(tmp_path))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    port = free_ports().console
    with started("local_cloud.console", port, "/_console/health"):
        header = header_in({"traceparent": f"00-{'4bf92f35' + '7' * 24}-00f067aa0ba902b7-01"})
        frame = traces.begin("message", "analyze", header, connection="c")
        call = traces.begin("call", "s3.GetObject", frame.header, caller="f", status=404)
        call.end("NoSuchKey: there is none", request='{"Key": "k"}')
        frame.end(status=200)
        service, root = until(lambda: collector.named("message analyze"))
        assert service == "websocket-gateway"
        assert root.trace_id.hex() == "4bf92f35" + "7" * 24
        assert root.parent_span_id.hex() == "00f067aa0ba902b7"
        service, below = until(lambda: collector.named("s3.GetObject"))
        assert service == "f"
        assert below.parent_span_id == root.span_id
        said = {one.key: one.value for one in below.attributes}
        assert said["rpc.method"].string_value == "GetObject"
        assert said["http.response.status_code"].int_value == 404
        assert said["error.type"].string_value == "NoSuchKey"
        assert below.status.message == "NoSuchKey: there is none"
        assert root.start_time_unix_nano <= below.start_time_unix_nano

        collector.refuses = True
        traces.begin("message", "kept").end()
        assert collector.refused.wait(20)
        collector.refuses = False
        until(lambda: collector.named("message kept"))
    names = [span.name for _, span in collector.spans]
    assert "message before" not in names
    assert names.count("message analyze") == names.count("message kept") == 1


def test_a_console_that_starts_again_goes_on_where_it_was(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = Traces(tmp_path, "engine")
    monkeypatch.setenv("TRACES_FOLDER", str(tmp_path))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    with started("local_cloud.console", free_ports().console, "/_console/health"):
        traces.begin("message", "first").end()
        until(lambda: collector.named("message first"))
        until(lambda: (tmp_path / "exported").exists())
    traces.begin("message", "meanwhile").end()
    call = traces.begin("call", "sqs.SendMessage", access_key=key_of("f"))
    call.end()
    with started("local_cloud.console", free_ports().console, "/_console/health"):
        until(lambda: collector.named("message meanwhile"))
        assert collector.named("sqs.SendMessage") is None, "it waits for its invocation"
        invocation = traces.begin("invocation", "f")
        invocation.began = call.began - 1
        invocation.end()
        _, below = until(lambda: collector.named("sqs.SendMessage"))
        _, above = until(lambda: collector.named("invocation f"))
        assert (below.trace_id, below.parent_span_id) == (above.trace_id, above.span_id)
