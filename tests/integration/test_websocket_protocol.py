"""RFC 6455 on the wire, in the case groups of the Autobahn test suite, and fuzzed input."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_cloud.port_check import free_ports
from tests.behaviours import behaviour
from tests.integration.processes import gateway_started, write
from tests.integration.raw_socket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawSocket,
    frame,
    handshake,
)

pytestmark = pytest.mark.same_in_docker("the same gateway reads the same frames")

RFC = "https://www.rfc-editor.org/rfc/rfc6455"
TEMPLATE = r"""
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: mirror, ProtocolType: WEBSOCKET}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: dev}
  Mirror:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: MOCK
      TemplateSelectionExpression: \$default
      RequestTemplates: {$default: '{"statusCode": 200}'}
  Answer:
    Type: AWS::ApiGatewayV2::IntegrationResponse
    Properties:
      ApiId: !Ref Api
      IntegrationId: !Ref Mirror
      IntegrationResponseKey: $default
      ResponseTemplates: {$default: "$context.connectionId"}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $default, Target: !Sub 'integrations/${Mirror}'}
  Response:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref Route, RouteResponseKey: $default}
"""


@dataclass
class Gateway:
    port: int

    def open(self) -> RawSocket:
        client = RawSocket(self.port)
        assert " 101 " in client.upgrade()
        return client

    def health(self) -> Any:
        url = f"http://127.0.0.1:{self.port}/_gateway/health"
        return httpx.get(url, trust_env=False).json()

    def assert_well(self) -> None:
        """It answers, and every connection is gone."""
        deadline = time.monotonic() + 10
        while self.health()["connections"]:
            assert time.monotonic() < deadline, "a connection was left"
            time.sleep(0.02)


@pytest.fixture(scope="module")
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = write(tmp_path_factory.mktemp("protocol"), template_dot_yaml=TEMPLATE)
    port = free_ports().gateway
    limits = ("--handshake-timeout", "1", "--unread", "200000")
    with gateway_started(request, port, folder, *limits) as log:
        served = Gateway(port)
        yield served
        served.assert_well()
    said = log.read_text()
    assert "Traceback" not in said
    assert "failed" not in said


@behaviour(
    "protocol",
    "text comes back: empty, short, in frames of 16 and of 64 bit length",
    RFC,
    probe="two-way",
)
@pytest.mark.parametrize("size", [0, 125, 126, 127, 128, 30_000])
def test_a_text_message_of_any_allowed_size(gateway: Gateway, size: int) -> None:
    with gateway.open() as client:
        client.send(frame(TEXT, b"*" * size))
        opcode, payload = client.frame()
        assert (opcode, len(payload)) == (TEXT, 16)


@behaviour(
    "protocol", "a ping is answered with its payload, between fragments too", RFC, probe="ping"
)
@pytest.mark.parametrize("payload", [b"", b"hello", bytes(range(125))])
def test_a_ping_is_answered(gateway: Gateway, payload: bytes) -> None:
    with gateway.open() as client:
        client.send(frame(TEXT, b"a", fin=False) + frame(PING, payload))
        assert client.frame() == (PONG, payload)
        client.send(frame(PONG, b"unasked") + frame(CONTINUATION, b"b"))
        assert client.frame()[0] == TEXT


def test_frames_that_come_with_the_handshake_are_answered_behind_its_answer(
    gateway: Gateway,
) -> None:
    with RawSocket(gateway.port) as client:
        client.send(handshake() + frame(PING, b"early") + frame(TEXT, b"a message"))
        assert client.head().startswith("HTTP/1.1 101")
        assert client.frame() == (PONG, b"early")
        assert client.frame()[0] == TEXT


def test_more_than_is_read_before_the_handshakes_answer_is_not_lost(gateway: Gateway) -> None:
    with RawSocket(gateway.port) as client:
        client.send(handshake() + 20 * frame(TEXT, b"*" * 30_000))
        assert client.head().startswith("HTTP/1.1 101")
        assert [client.frame()[0] for _ in range(20)] == [TEXT] * 20


def test_pings_byte_by_byte_are_answered_in_order(gateway: Gateway) -> None:
    with gateway.open() as client:
        for byte in b"".join(frame(PING, bytes([n])) for n in range(10)):
            client.send(bytes([byte]))
        assert [client.frame() for _ in range(10)] == [(PONG, bytes([n])) for n in range(10)]


@behaviour(
    "protocol", "what RFC 6455 forbids closes the connection with 1002", RFC, probe="protocol error"
)
@pytest.mark.parametrize(
    "sent",
    [
        *(pytest.param(frame(TEXT, b"x", reserved=n), id=f"reserved {n}") for n in (1, 2, 4, 7)),
        *(pytest.param(frame(n), id=f"opcode {n}") for n in (3, 7, 11, 15)),
        pytest.param(frame(TEXT, b"x", masked=False), id="not masked"),
        pytest.param(frame(PING, b"x", fin=False), id="a fragmented ping"),
        pytest.param(frame(PING, b"x" * 126), id="a ping over 125 bytes"),
        pytest.param(frame(CONTINUATION, b"x"), id="a continuation of nothing"),
        pytest.param(
            frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), id="a message within a message"
        ),
        pytest.param(frame(CLOSE, b"x"), id="a close of one byte"),
        *(
            pytest.param(frame(CLOSE, n.to_bytes(2, "big")), id=f"close code {n}")
            for n in (0, 999, 1004, 1005, 1006, 1016, 2000, 2999)
        ),
    ],
)
def test_a_protocol_error_is_1002(gateway: Gateway, sent: bytes) -> None:
    with gateway.open() as client:
        client.send(sent)
        assert client.close_code() == 1002


@behaviour(
    "protocol", "text that is not UTF-8 closes the connection with 1007", RFC, probe="not UTF-8"
)
@pytest.mark.parametrize(
    "sent",
    [
        frame(TEXT, b"\xce\xba\xed\xa0\x80"),
        frame(TEXT, b"\xf4\x90\x80\x80"),
        frame(TEXT, b"\xc0\xaf", fin=False) + frame(CONTINUATION, b""),
        frame(CLOSE, b"\x03\xe8\xff\xfe"),
    ],
    ids=["a surrogate", "beyond Unicode", "in fragments", "a reason"],
)
def test_text_that_is_not_utf8(gateway: Gateway, sent: bytes) -> None:
    with gateway.open() as client:
        client.send(sent)
        assert client.close_code() in (1007, 1002)


def test_a_character_may_be_split_between_fragments(gateway: Gateway) -> None:
    text = "κόσμε".encode()
    with gateway.open() as client:
        client.send(frame(TEXT, text[:1], fin=False))
        client.send(b"".join(frame(CONTINUATION, text[i : i + 1], fin=False) for i in range(1, 9)))
        client.send(frame(CONTINUATION, text[9:]))
        assert client.frame()[0] == TEXT


@behaviour(
    "protocol", "a close is answered with its code; what comes after it is ignored", RFC, "close"
)
@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 3000, 4999])
def test_a_close_is_answered(gateway: Gateway, code: int) -> None:
    with gateway.open() as client:
        client.send(frame(CLOSE, code.to_bytes(2, "big") + b"bye") + frame(TEXT, b"more"))
        assert client.close_code() == code


def test_a_close_without_a_code_is_answered(gateway: Gateway) -> None:
    with gateway.open() as client:
        client.send(frame(CLOSE))
        assert client.close_code() in (None, 1000, 1005)


@behaviour(
    "protocol",
    "a binary message is refused with 1003",
    "apigateway-websocket-api-develop-binary-media-types.html",
    probe="binary",
)
def test_a_binary_message_is_refused(gateway: Gateway) -> None:
    with gateway.open() as client:
        client.send(frame(BINARY, b"x"))
        assert client.close_code() == 1003


@behaviour(
    "protocol",
    "no extension is agreed on: API Gateway does not compress",
    "believed",
    "compression",
)
def test_compression_is_not_agreed_on(gateway: Gateway) -> None:
    with RawSocket(gateway.port) as client:
        head = client.upgrade("Sec-WebSocket-Extensions: permessage-deflate")
        assert " 101 " in head
        assert "extensions" not in head.lower()


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("Sec-WebSocket-Version: 8", " 400 "),
        ("Sec-WebSocket-Key: short", " 400 "),
        ("Upgrade: h2c", " 426 "),
    ],
)
def test_a_wrong_handshake_is_refused(gateway: Gateway, line: str, status: str) -> None:
    name = line.partition(":")[0]
    lines = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        name: line.partition(": ")[2],
    }
    head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    with RawSocket(gateway.port) as client:
        client.send(f"GET / HTTP/1.1\r\n{head}\r\n".encode())
        assert status in client.head()


@behaviour(
    "limits",
    "a URL over 4,096 characters is refused",
    "apigateway-execution-service-websocket-limits-table.html",
)
def test_a_url_that_is_too_long(gateway: Gateway) -> None:
    with RawSocket(gateway.port) as client:
        assert " 414 " in client.upgrade(path=f"/?{'x' * 4096}")


@behaviour("addresses", "an unknown stage is a 403", "believed", probe="unknown stage")
def test_an_unknown_stage(gateway: Gateway) -> None:
    with RawSocket(gateway.port) as client:
        assert " 403 " in client.upgrade(path="/nowhere")


# Clients that are slow, or only half there


def test_a_client_that_says_nothing_is_cut(gateway: Gateway) -> None:
    with RawSocket(gateway.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: loc")
        began = time.monotonic()
        assert client.at_end()
        assert time.monotonic() - began < 5


def test_a_client_that_does_not_answer_a_close_is_cut(gateway: Gateway) -> None:
    with gateway.open() as client:
        client.send(frame(TEXT, b"hi"))
        name = client.frame()[1].decode()
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=test"}
        url = f"http://127.0.0.1:{gateway.port}/dev/@connections/{name}"
        assert httpx.delete(url, headers=signed, trust_env=False).status_code == 204
        assert client.close_code() == 1000
        assert httpx.post(url, headers=signed, trust_env=False).status_code == 410


def test_a_client_that_does_not_read_is_cut_and_harms_no_other(gateway: Gateway) -> None:
    with gateway.open() as deaf, gateway.open() as other:
        deaf.send(frame(TEXT, b"hi"))
        name = deaf.frame()[1].decode()
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=test"}
        url = f"http://127.0.0.1:{gateway.port}/dev/@connections/{name}"
        statuses = set()
        with httpx.Client(headers=signed, trust_env=False) as client:
            for _ in range(400):
                statuses.add(client.post(url, content=b"x" * 100_000).status_code)
                if 410 in statuses:
                    break
        assert 410 in statuses, "the gateway does not hold more and more for it"
        other.send(frame(TEXT, b"hi"))
        assert other.frame()[0] == TEXT


def test_one_client_does_not_starve_another(gateway: Gateway) -> None:
    with gateway.open() as greedy, gateway.open() as other:
        greedy.send(frame(TEXT, b"x" * 100) * 20_000)
        began = time.monotonic()
        other.send(frame(TEXT, b"hi"))
        assert other.frame()[0] == TEXT
        waited = time.monotonic() - began
        for _ in range(20_000):
            greedy.frame()
        assert waited < time.monotonic() - began, "it did not wait for all of the other's"


# Fuzzed

FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZ
@given(data=st.binary(min_size=1, max_size=300))
def test_any_bytes_in_place_of_a_handshake(gateway: Gateway, data: bytes) -> None:
    with RawSocket(gateway.port) as client:
        client.send(data)
    assert gateway.health()["status"] == "ok"


@FUZZ
@given(
    lines=st.lists(
        st.tuples(
            st.sampled_from(["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "X", "Cookie"]),
            st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
        ),
        max_size=8,
    ),
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
)
def test_any_headers_in_a_handshake(
    gateway: Gateway, lines: list[tuple[str, str]], path: str
) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    with RawSocket(gateway.port) as client:
        client.send(f"GET /{path} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
    assert gateway.health()["status"] == "ok"


@FUZZ
@given(data=st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_in_place_of_frames(gateway: Gateway, data: list[bytes]) -> None:
    with gateway.open() as client:
        for part in data:
            try:
                client.send(part)
            except ConnectionError:
                break
    assert gateway.health()["status"] == "ok"


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@FUZZ
@given(document=JSON | st.just([[]] * 3), action=JSON)
def test_any_json_in_a_message(gateway: Gateway, document: Any, action: Any) -> None:
    with gateway.open() as client:
        for body in (document, {"action": action}):
            client.send(frame(TEXT, json.dumps(body).encode("utf-8", "replace")))
            assert client.frame()[0] == TEXT


@FUZZ
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "PATCH"]),
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
    body=st.binary(max_size=200),
    prefix=st.sampled_from(["/dev/@connections/", "/v2/", "/v2/apis/", "/_gateway/", "/"]),
)
def test_any_http_request(
    gateway: Gateway, method: str, path: str, body: bytes, prefix: str
) -> None:
    request = (
        f"{method} {prefix}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: AWS4-HMAC-SHA256 x\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with RawSocket(gateway.port) as client:
        client.send(request.encode() + body)
        status = client.head().split(" ")[1]
        assert status != "500"
    assert gateway.health()["status"] == "ok"
