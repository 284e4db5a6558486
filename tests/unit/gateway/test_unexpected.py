"""What no rule foresees: the client hears of it, and of nothing else is anything lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.gateway.test_core import accept, guarded, mapped, policy
from tests.unit.gateway.world import Bench, route
from websocket_gateway.core.backend import HttpAnswer, IntegrationFailed

ID_IN_PATH = """
      IntegrationMethod: GET
      IntegrationUri: http://api.test/items/{id}/parts
      RequestParameters: {integration.request.path.id: route.request.body.id}
"""


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("7", "http://api.test/items/7/parts"),
        ("../../admin?x#", "http://api.test/items/..%2F..%2Fadmin%3Fx%23/parts"),
        ("a b/ü", "http://api.test/items/a%20b%2F%C3%BC/parts"),
        ("{id}", "http://api.test/items/%7Bid%7D/parts"),
        ("@evil.example:80", "http://api.test/items/%40evil.example%3A80/parts"),
    ],
)
def test_a_path_value_of_a_message_stays_one_segment(tmp_path: Path, value: str, url: str) -> None:
    bench = Bench(tmp_path, mapped("HTTP_PROXY", ID_IN_PATH))
    bench.send(bench.opened(), action="say", id=value)
    assert [asked for _, asked, _, _ in bench.world.requested] == [url]


@pytest.mark.parametrize("value", [".", ".."])
def test_a_path_value_that_would_leave_its_segment_is_refused(tmp_path: Path, value: str) -> None:
    bench = Bench(tmp_path, mapped("HTTP_PROXY", ID_IN_PATH))
    (frame,) = bench.send(bench.opened(), action="say", id=value)
    assert json.loads(frame)["message"] == "Internal server error"
    assert bench.world.requested == []


def test_a_message_that_fails_unforeseen_gets_the_error_frame(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("say", "echo"))

    async def broken(function: str, payload: bytes, timeout: float) -> bytes:
        raise RuntimeError("no rule foresees this")

    bench.world.invoke = broken  # type: ignore[method-assign]
    client = bench.opened()
    (frame,) = bench.send(client, action="say")
    assert json.loads(frame)["message"] == "Internal server error"
    assert json.loads(frame)["connectionId"] == client.connection.connection_id
    bench.leave(client)  # and $disconnect raises nothing, either


def test_a_payload_that_is_not_utf_8_gets_the_error_frame(tmp_path: Path) -> None:
    uri = "arn:aws:lambda:us-east-1:000000000000:function:raw"
    bench = Bench(tmp_path, mapped("AWS", f"\n      IntegrationUri: {uri}\n"))

    async def raw(function: str, payload: bytes, timeout: float) -> bytes:
        return b"\xff\xfe"

    bench.world.invoke = raw  # type: ignore[method-assign]
    (frame,) = bench.send(bench.opened(), action="say")
    assert json.loads(frame)["message"] == "Internal server error"


def test_a_handshake_that_fails_unforeseen_is_a_500(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("$connect", "hello"))

    async def broken(function: str, payload: bytes, timeout: float) -> bytes:
        raise RuntimeError("no rule foresees this")

    bench.world.invoke = broken  # type: ignore[method-assign]
    assert bench.status() == 500


def test_a_changed_authorizer_is_asked_anew(tmp_path: Path) -> None:
    bench = guarded(tmp_path, ttl=300)
    assert bench.status("/dev?name=ann", Auth="secret") == 200
    bench.world.functions["gate"] = lambda event: policy("Deny")
    assert bench.status("/dev?name=ann", Auth="secret") == 200, "its answer is kept"
    (record,) = bench.registry.apis.values()
    (authorizer,) = record.authorizers.values()
    authorizer["AuthorizerResultTtlInSeconds"] = 200
    bench.registry.put(record)
    assert bench.status("/dev?name=ann", Auth="secret") == 403


# Metrics of an interval


def test_an_interval_has_its_own_least_and_greatest(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("say", "echo"))
    moments = iter([0.0, 0.0, 0.5, 1.0, 1.0, 1.1])
    bench.world.functions["echo"] = accept
    client = bench.opened()
    bench.world.steady = lambda: next(moments)  # type: ignore[method-assign]
    key = ("IntegrationLatency", (client.connection.api_id, "dev", "say"))
    bench.send(client, action="say")
    first = bench.gateway.metrics.drain()[key]
    bench.send(client, action="say")
    second = bench.gateway.metrics.drain()[key]
    assert (first.count, first.smallest, first.largest) == (1, 500.0, 500.0)
    assert second.largest == pytest.approx(100.0)
    assert bench.gateway.metrics.drain() == {}


def test_messages_both_ways_are_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("say", "echo"))
    bench.world.functions["echo"] = lambda event: {"statusCode": 200, "body": "hello"}
    client = bench.opened()
    bench.send(client, action="say")
    name = client.connection.connection_id.replace("=", "%3D")
    assert bench.http("POST", f"/dev/@connections/{name}", b"news").status == 200
    counted = bench.gateway.metrics.counters["MessageCount"]
    api = client.connection.api_id
    assert counted == {(api, "dev", "say"): 2, (api, "dev", ""): 1}


def test_a_mock_integration_has_no_latency(tmp_path: Path) -> None:
    bench = Bench(tmp_path, mapped("MOCK", "\n      RequestTemplates: {}\n"))
    bench.send(bench.opened(), action="say")
    assert bench.gateway.metrics.latencies == {}


def test_an_http_endpoint_that_fails_is_an_error_frame(tmp_path: Path) -> None:
    bench = Bench(tmp_path, mapped("HTTP_PROXY", "\n      IntegrationUri: http://api.test/\n"))

    async def away(*arguments: object) -> HttpAnswer:
        raise IntegrationFailed("away")

    bench.world.request = away  # type: ignore[method-assign, assignment]
    (frame,) = bench.send(bench.opened(), action="say")
    assert json.loads(frame)["message"] == "Internal server error"
