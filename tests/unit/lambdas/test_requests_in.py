"""What clients send: every mistake has an answer that names it."""

from __future__ import annotations

from typing import Any

import pytest

from agent_common.errors import InvalidMessage, Unauthorized, UnknownAction
from tests.unit.lambdas.function_code import load

requests_in = load("websocket-handler", "requests_in")
ACTIONS = {"analyze", "ping"}


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ("not json", InvalidMessage, "JSON"),
        ("[1]", InvalidMessage, "object"),
        ("{}", InvalidMessage, "action"),
        ('{"action": 7}', InvalidMessage, "action"),
        ('{"action": "fly"}', UnknownAction, "fly"),
        ("[" * 100_000, InvalidMessage, "JSON"),
        ('{"action": "ping", "requestId": "\\ud800"}', InvalidMessage, "JSON"),
    ],
)
def test_a_message_that_asks_nothing_is_refused(
    body: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        requests_in.parse_message(body, ACTIONS)


@pytest.mark.parametrize("value", [None, 7, "", "  ", "x" * 11])
def test_a_text_field_is_a_string_of_bounded_length(value: object) -> None:
    with pytest.raises(InvalidMessage, match="question"):
        requests_in.text({"action": "analyze", "question": value}, "question", 10)


@pytest.mark.parametrize("value", ["7", 0, 11, 1.5, True])
def test_a_number_is_whole_and_within_bounds(value: object) -> None:
    with pytest.raises(InvalidMessage, match="from 1 to 10"):
        requests_in.number({"maxTurns": value}, "maxTurns", 5, 1, 10)


def test_a_missing_number_has_its_default() -> None:
    assert requests_in.number({}, "maxTurns", 5, 1, 10) == 5


@pytest.mark.parametrize(
    ("event", "token", "headers"),
    [
        ({"queryStringParameters": {"token": "T"}}, "T", {}),
        (
            {"headers": {"Sec-WebSocket-Protocol": "bearer, T"}},
            "T",
            {"Sec-WebSocket-Protocol": "bearer"},
        ),
    ],
)
def test_a_token_comes_in_the_query_or_as_a_subprotocol(
    event: dict[str, Any], token: str, headers: dict[str, str]
) -> None:
    assert requests_in.credentials(event) == (token, headers)


@pytest.mark.parametrize(
    "event", [{}, {"queryStringParameters": {}}, {"headers": {"Sec-WebSocket-Protocol": "chat"}}]
)
def test_an_upgrade_without_a_token_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized, match="token"):
        requests_in.credentials(event)
