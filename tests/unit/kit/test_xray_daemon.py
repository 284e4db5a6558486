"""The port of X-Ray's daemon takes segments from whoever sends them, and does nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local_aws.traces import Traces
from local_cloud.lambda_endpoint.xray_daemon import MOST_A_SECOND, XRayDaemon

HEAD = b'{"format": "json", "version": 1}\n'
SEGMENT = {"id": "70de5b6f19ff9a0a", "name": "work", "start_time": 1.0, "end_time": 2.0}
DATAGRAM = (
    HEAD + json.dumps({**SEGMENT, "trace_id": "1-581cf771-a006649127e371903a2de979"}).encode()
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("local_cloud.lambda_endpoint.xray_daemon.time.monotonic", lambda: now[0])
    return now


def written(folder: Path) -> int:
    return len((folder / "lambda.jsonl").read_text().splitlines())


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 60_000,
        b'{"id": 1, "name": 2, "start_time": [], "end_time": 3, "trace_id": 4}',
        b'{"id": 1, "name": 2, "start_time": 1e999, "end_time": 3, "trace_id": 4}',
        b'{"id": 1, "name": 2, "start_time": 1, "end_time": 3, "trace_id": 4, "subsegments": 7}',
        b"\xff\xfe",
        b"7",
        b"",
    ],
)
def test_what_is_no_segment_stops_nothing(tmp_path: Path, document: bytes) -> None:
    daemon = XRayDaemon(Traces(tmp_path, "lambda"))
    daemon.datagram_received(HEAD + document, None)
    before = written(tmp_path)
    daemon.datagram_received(DATAGRAM, None)
    assert written(tmp_path) == before + 1


def test_of_a_flood_only_so_many_are_taken_in_a_second(tmp_path: Path, clock: list[float]) -> None:
    daemon = XRayDaemon(Traces(tmp_path, "lambda"))
    for _ in range(MOST_A_SECOND + 5):
        daemon.datagram_received(DATAGRAM, None)
    assert written(tmp_path) == MOST_A_SECOND
    clock[0] += 1
    daemon.datagram_received(DATAGRAM, None)
    assert written(tmp_path) == MOST_A_SECOND + 1
