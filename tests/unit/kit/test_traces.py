"""Spans are on disk when they have ended, in bounded files, and are read as traces."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local_aws.traces import Traces, before, header_of, place_of, traces_of
from local_cloud.trace_store import TraceStore


def test_a_trace_is_a_tree_of_what_several_processes_did(tmp_path: Path) -> None:
    gateway, endpoint = Traces(tmp_path, "gateway"), Traces(tmp_path, "lambda")
    frame = gateway.begin("message", "analyze", connection="c")
    invocation = endpoint.begin("invocation", "f", frame.header)
    call = endpoint.begin("call", "s3.GetObject", invocation.header)
    call.end("NoSuchKey: there is none")
    invocation.end()
    store = TraceStore(tmp_path)
    (trace,) = store.latest(5)
    summary = trace.summary()
    assert (summary["name"], summary["whole"]) == ("f", False), "what began it has not ended"
    frame.end(status=200)
    (trace,) = store.latest(5)
    assert [(depth, span["name"]) for depth, span in trace.tree()] == [
        (0, "analyze"),
        (1, "f"),
        (2, "s3.GetObject"),
    ]
    summary = trace.summary()
    assert (summary["kind"], summary["whole"]) == ("message", True)
    assert (summary["spans"], summary["errors"], summary["functions"]) == (3, 1, ["f"])
    assert summary["connection"] == "c"


def test_a_file_that_is_full_makes_room_for_the_next(tmp_path: Path) -> None:
    traces = Traces(tmp_path, "gateway", file_bytes=2000)
    store = TraceStore(tmp_path)
    for number in range(100):
        traces.begin("message", f"{number}").end()
        if number % 7 == 0:
            store.refresh()
    found = [trace.summary()["name"] for trace in store.latest(1000)]
    assert found[0] == "99"
    assert sorted(found, key=int, reverse=True) == found
    assert 5 < len(found) < 30
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4000
    assert before(traces.path).exists()
    assert {trace.name for trace in TraceStore(tmp_path).latest(1000)} == {
        trace.name for trace in store.latest(1000)
    }, "who read all along knows no more than who reads now"


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    traces = Traces(tmp_path, "gateway")
    traces.begin("message", "first").end()
    with traces.path.open("ab") as file:
        file.write(b'{"trace": "1-2-3", "id"')
    store = TraceStore(tmp_path)
    assert [trace.summary()["name"] for trace in store.latest(5)] == ["first"]
    with traces.path.open("ab") as file:
        file.write(b': "4"\n\n[]\n')
    assert [trace.summary()["name"] for trace in store.latest(5)] == ["first"]


def test_what_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    traces = Traces(tmp_path, "gateway")
    os.close(traces._file)
    traces.begin("message", "lost").end()


@pytest.mark.parametrize(
    ("header", "place"),
    [
        (header_of("1-2-3", "4"), ("1-2-3", "4")),
        ("Root=1-2-3", ("1-2-3", None)),
        ("Self=1-a-b; Root=1-2-3; Parent=; Sampled=0", ("1-2-3", None)),
        ("Parent=4;Sampled=1", None),
        ("nonsense", None),
        ("", None),
        (None, None),
    ],
)
def test_headers(header: str | None, place: tuple[str, str | None] | None) -> None:
    assert place_of(header) == place


def test_without_a_folder_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACES_FOLDER", raising=False)
    assert traces_of("gateway") is None
