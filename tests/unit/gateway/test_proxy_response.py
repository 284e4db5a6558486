"""What a function's answer means to the gateway."""

from __future__ import annotations

import pytest

from websocket_gateway.core.proxy_response import parse_proxy_response


@pytest.mark.parametrize(
    ("payload", "status", "body"),
    [
        (b'{"statusCode": 200}', 200, None),
        (b'{"statusCode": "401", "body": "no"}', 401, "no"),
        (b'{"statusCode": 200, "body": {"a": 1}}', 200, '{"a":1}'),
        (b'{"statusCode": 200, "body": "aGk=", "isBase64Encoded": true}', 200, "hi"),
    ],
)
def test_a_proxy_response_is_understood(payload: bytes, status: int, body: str | None) -> None:
    answer = parse_proxy_response(payload)
    assert answer is not None
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize(
    "payload",
    [
        b"null",
        b"[]",
        b"not json",
        b'{"body": "no status"}',
        b'{"statusCode": true}',
        b'{"statusCode": 99}',
        b'{"statusCode": 200, "headers": "x"}',
        b'{"statusCode": 200, "body": "%%%", "isBase64Encoded": true}',
    ],
)
def test_anything_else_is_no_proxy_response(payload: bytes) -> None:
    assert parse_proxy_response(payload) is None


def test_header_names_do_not_depend_on_case() -> None:
    answer = parse_proxy_response(
        b'{"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "chat"}}'
    )
    assert answer is not None
    assert answer.headers == {"sec-websocket-protocol": "chat"}
