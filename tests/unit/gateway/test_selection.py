"""Route selection: which route key a message has."""

import pytest

from websocket_gateway.core.selection import Scope, SelectionExpression, choose


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
    assert SelectionExpression(expression).evaluate(Scope(body=body)) == key


SCOPE = Scope(
    body='{"action": "say", "version": 2}',
    context={"routeKey": "say", "authorizer": {"team": "red"}},
    headers={"x-api-key": "k"},
    query={"v": "1"},
    stage_variables={"tier": "beta"},
    status=404,
    response_body='{"kind": "missing"}',
)


@pytest.mark.parametrize(
    ("expression", "key"),
    [
        ("${request.body.version}-beta", "2-beta"),
        ("$request.header.x-api-key", None),
        ("${request.header.x-api-key}", "k"),
        ("$request.querystring.v", "1"),
        ("$context.authorizer.team", "red"),
        ("$stageVariables.tier", "beta"),
        ("$integration.response.statuscode", "404"),
        ("$integration.response.body.kind", "missing"),
        (r"\$default", "$default"),
        (r"\$request.body.action", "$request.body.action"),
    ],
)
def test_every_documented_variable_can_be_read(expression: str, key: str | None) -> None:
    assert SelectionExpression(expression).evaluate(SCOPE) == key


@pytest.mark.parametrize(
    ("key", "chosen"),
    [("200", "200"), ("404", r"/4\d\d/"), ("500", "$default"), (None, "$default")],
)
def test_a_key_chooses_itself_a_pattern_or_the_default(key: str | None, chosen: str) -> None:
    assert choose(key, {"200": 1, r"/4\d\d/": 2, "/(/": 3, "$default": 4}) == chosen


def test_a_pattern_takes_no_longer_for_whatever_is_sent() -> None:
    choices = {"/(a+)+$/": 1, "$default": 2}
    assert choose("a" * 10_000 + "!", choices) == "$default"
    assert choose("a" * 10_000, choices) == "/(a+)+$/"
