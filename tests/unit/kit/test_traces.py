"""Spans are on disk when they have ended, in bounded files, and are read as traces."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws.credentials import key_of
from local_aws.traces import (
    Span,
    Traces,
    before,
    header_in,
    header_of,
    place_of,
    traces_of,
    w3c_of,
)
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


def invoked(traces: Traces, function: str, start: float, end: float, **more: object) -> str:
    """Write an invocation of that time, which begins a trace; return the trace's name."""
    span = traces.begin("invocation", function)
    traces.write(
        {
            "trace": span.trace,
            "id": span.id,
            "parent": None,
            "kind": "invocation",
            "name": function,
            "start": start,
            "end": end,
            **more,
        }
    )
    return span.trace


def called(traces: Traces, function: str, at: float) -> Span:
    """Write a call of that time that names no trace, with something below it."""
    span = traces.begin("call", "sqs.SendMessage", access_key=key_of(function))
    span.began = at
    traces.begin("execution", "below", span.header, execution="arn").end()
    span.end()
    return span


def test_a_call_that_names_no_trace_is_put_below_the_invocation_of_its_time(
    tmp_path: Path,
) -> None:
    traces, store = Traces(tmp_path, "engine"), TraceStore(tmp_path)
    call = called(traces, "f", 15.0)
    invoked(traces, "other", 10.0, 20.0)
    invoked(traces, "f", 1.0, 14.0)
    assert call.trace in store.refresh(), "it is told of before its invocation has ended"
    name = invoked(traces, "f", 10.0, 20.0)
    assert call.trace not in store.refresh()
    found = store.find(call.trace)
    assert found is not None
    assert found.name == name
    assert [(depth, span["kind"]) for depth, span in found.tree()] == [
        (0, "invocation"),
        (1, "call"),
        (2, "execution"),
    ]
    traces.begin("state", "later", call.header).end()
    assert {span["name"] for span in store.refresh()[name].spans.values()} >= {"later"}


def test_of_invocations_at_one_time_the_call_is_of_the_one_that_ran(tmp_path: Path) -> None:
    traces, store = Traces(tmp_path, "engine"), TraceStore(tmp_path)
    first = invoked(traces, "f", 10.0, 20.0, serial=True)
    second = invoked(traces, "f", 11.0, 30.0, serial=True)  # until 20, it waited for the first
    early, late = called(traces, "f", 15.0), called(traces, "f", 25.0)
    found = [store.find(call.trace) for call in (early, late)]
    assert [one and one.name for one in found] == [first, second]


def test_where_functions_run_side_by_side_a_call_is_given_to_none(tmp_path: Path) -> None:
    traces, store = Traces(tmp_path, "engine"), TraceStore(tmp_path)
    invoked(traces, "f", 10.0, 20.0)
    invoked(traces, "f", 11.0, 30.0)
    call = called(traces, "f", 15.0)
    assert call.trace in store.refresh()


def test_a_folder_that_cannot_be_written_has_no_traces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRACES_FOLDER", str(tmp_path / "file" / "traces"))
    assert traces_of("gateway") is None


@pytest.mark.parametrize(
    ("headers", "header"),
    [
        ({}, None),
        ({"x-amzn-trace-id": "Root=1-2-3", "traceparent": "00-" + "1" * 32}, "Root=1-2-3"),
        (
            {"traceparent": f"00-{'4bf92f35'}{'77b34da6a3ce929d0e0e4736'}-00f067aa0ba902b7-01"},
            "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1",
        ),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, None),
        ({"traceparent": f"00-{'4' * 32}-{'0' * 16}-01"}, None),
        ({"traceparent": "nonsense"}, None),
    ],
)
def test_a_request_names_its_trace_in_xrays_words_or_w3cs(
    headers: dict[str, str], header: str | None
) -> None:
    assert header_in(headers) == header
    if header and "Parent" in header:
        assert w3c_of(header) == headers


def test_w3c_is_told_of_no_trace_that_has_no_place() -> None:
    assert w3c_of("Root=1-2-3") == {}
    assert w3c_of("nonsense") == {}


def test_what_others_say_is_written_without_secrets(tmp_path: Path) -> None:
    traces = Traces(tmp_path, "engine")
    traces.begin("segment", "payment", user="demo", closed="1000 token=Corr-3ct").end(
        "Refused: password: Corr-3ct"
    )
    written = traces.path.read_text()
    assert "Corr-3ct" not in written
    assert "Refused: password: …" in written


def latest(folder: Path) -> list[str]:
    return sorted(trace.summary()["name"] for trace in TraceStore(folder).latest(100))


def test_traces_go_on_when_their_folder_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("local_aws.traces.LOOK_SECONDS", 0.0)
    folder = tmp_path / "traces"
    traces = Traces(folder, "gateway")
    traces.begin("message", "before").end()
    shutil.rmtree(folder)
    for name in ("one", "two"):
        traces.begin("message", name).end()
    assert latest(folder) == ["one", "two"]
    assert caplog.text.count("was removed") == 1
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_traces_go_on_when_their_folder_was_removed_at_the_moment_of_a_full_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    traces = Traces(tmp_path / "traces", "gateway", file_bytes=400)
    traces.begin("message", "before").end()
    shutil.rmtree(tmp_path / "traces")
    for name in ("lost", "lost too"):
        traces.begin("message", name, more="x" * 200).end()
    monkeypatch.setattr("local_aws.traces.LOOK_SECONDS", 0.0)
    traces._look_at = 0.0
    traces.begin("message", "after").end()
    assert latest(tmp_path / "traces") == ["after"]
    assert caplog.text.count("spans of traces are lost") == 1
    assert "traces go on; 2 spans were lost" in caplog.text


def test_a_span_that_is_no_json_is_lost_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    traces = Traces(tmp_path, "gateway")
    traces.begin("message", "no", number=1 << 80).end()
    traces.begin("message", "yes").end()
    assert latest(tmp_path) == ["yes"]
    assert "traces go on; 1 spans were lost" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process that runs")
def test_traces_go_on_when_files_may_be_opened_and_written_again(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from local_aws import traces
traces.LOOK_SECONDS = 0.0
made = traces.Traces(Path(sys.argv[1]), "gateway", file_bytes=2000)

def limited(kind, most, *names):
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (most, before[1]))
    for name in names:
        made.begin("message", name, more="x" * 300).end()
    resource.setrlimit(kind, before)
    made.begin("message", "after " + names[-1], more="x" * 300).end()

import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
made.begin("message", "first", more="x" * 300).end()
limited(resource.RLIMIT_FSIZE, 550, "cut", "refused")
limited(resource.RLIMIT_NOFILE, 3, "still written", "full", "not opened")
"""
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    found = latest(tmp_path)
    assert found == sorted(["first", "after refused", "still written", "after not opened"])
    assert ended.stderr.count("spans of traces are lost") == 2, ended.stderr


def test_traces_are_those_of_before_while_files_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Traces(tmp_path, "gateway").begin("message", "there").end()
    store = TraceStore(tmp_path)
    assert len(store.latest(5)) == 1

    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        assert len(store.latest(5)) == 1
    assert len(store.latest(5)) == 1
