"""Every place that shows what others have sent shows it without secrets."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from local_aws.printable import LineFormatter
from local_aws.segments import document_of, spans_of
from local_aws.traces import Traces
from local_cloud.console import otlp
from local_cloud.engine.model import cassette
from local_cloud.engine.model.calls import Call
from local_cloud.engine.model.pieces import Asked, Stop, Text
from local_cloud.trace_store import TraceStore
from websocket_gateway.core.access_log import AccessLogFormat
from websocket_gateway.core.traffic import Traffic

SECRET = "Corr-3ct-h0rse"


def test_access_logs() -> None:
    form = AccessLogFormat("$context.routeKey $context.authorizer.apiToken $context.error.message")
    line = form.render(
        {
            "routeKey": "say",
            "authorizer": {"apiToken": SECRET},
            "error": {"message": f"refused: password={SECRET}"},
        }
    )
    assert line == "say … refused: password=…"


def test_the_messages_of_connections() -> None:
    traffic = Traffic(5)
    traffic.note(0, "c", "received", json.dumps({"password": SECRET, "text": "hello"}))
    (entry,) = traffic.after(0)
    assert entry["text"] == '{"password":"…","text":"hello"}'


def test_records_of_the_parts_own_logs() -> None:
    words = f"$connect: {json.dumps({'token': SECRET})}"
    record = logging.LogRecord("gateway", logging.WARNING, "", 0, words, (), None)
    assert SECRET not in LineFormatter("%(message)s").format(record)


def test_segments_of_functions_and_documents_of_spans(tmp_path: Path) -> None:
    segment = {
        "id": "a" * 16,
        "name": "pay",
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "start_time": 1.0,
        "end_time": 2.0,
        "fault": True,
        "cause": {"exceptions": [{"type": "Refused", "message": f"token={SECRET}"}]},
        "annotations": {"card_pin": 4711, "password": SECRET},
    }
    traces = Traces(tmp_path, "engine")
    for span in spans_of(json.dumps(segment)):
        traces.write(span)
    (trace,) = TraceStore(tmp_path).latest(1)
    (span,) = trace.spans.values()
    for told in (json.dumps(document_of(span)), otlp.told(trace.name, span).to_json()):
        assert SECRET not in told
        assert "4711" not in told


def asked(words: str) -> Asked:
    return Asked("m", [{"role": "user", "content": [{"text": words}]}])


def test_calls_of_models() -> None:
    call = Call(1, asked(f"my password: {SECRET}"), None)
    call.pieces = [(1, Text(f'{{"apiKey": "{SECRET}"}}')), (2, Stop("end_turn", 1, 1))]
    told = call.as_json()
    answers = ("pieces", "cassette", "script")  # are played again, and so kept as they were
    assert SECRET not in json.dumps({k: v for k, v in told.items() if k not in answers})
    assert SECRET not in json.dumps(json.loads(told["cassette"])["request"])


def test_a_cassette_that_was_recorded_by_other_rules_still_fits() -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": [{"text": "x"}]}]}
    old = {**request, "more": {"cookie": SECRET}}
    line = json.dumps({"request": old, "answer": [{"ms": 1, "stop": {"reason": "end_turn"}}]})
    (entry,) = cassette.read(line)
    assert entry["request"] == {**request, "more": {"cookie": "…"}}


@pytest.mark.parametrize("name", ["text", "message"])
def test_what_is_harmless_is_logged_as_it_is(name: str) -> None:
    record = logging.LogRecord("gateway", logging.INFO, "", 0, f"{name} of 3 keys", (), None)
    assert LineFormatter("%(message)s").format(record) == f"{name} of 3 keys"
