"""Route selection: which route key a message has."""

import pytest

from websocket_gateway.selection import RouteSelectionExpression


@pytest.mark.parametrize(
    ("expression", "body", "key"),
    [
        ("$request.body.action", '{"action": "analyze"}', "analyze"),
        ("${request.body.action}", '{"action": "analyze"}', "analyze"),
        ("$request.body.a.b", '{"a": {"b": "deep"}}', "deep"),
        ("$request.body.a-$request.body.b", '{"a": "x", "b": 1}', "x-1"),
        ("$request.body.action", '{"other": "analyze"}', None),
        ("$request.body.action", '{"action": {"no": "text"}}', None),
        ("$request.body.action", "not JSON", None),
        ("$request.body.action", '["a list"]', None),
    ],
)
def test_a_message_has_the_key_that_the_expression_reads(
    expression: str, body: str, key: str | None
) -> None:
    assert RouteSelectionExpression(expression).evaluate(body) == key


def test_an_expression_that_reads_nothing_of_the_body_is_refused() -> None:
    with pytest.raises(ValueError, match=r"request\.body"):
        RouteSelectionExpression("$request.header.action")
