"""No secret and no token is in what is shown of a payload, however it is wrapped."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.redaction import SHOWN_CHARACTERS, shown

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl-_x"
SECRET = "Corr-3ct-h0rse"


@pytest.mark.parametrize(
    "payload",
    [
        json.dumps({"action": "login", "password": SECRET}),
        json.dumps({"AuthParameters": {"USERNAME": "demo", "PASSWORD": SECRET}}),
        json.dumps({"body": json.dumps({"password": SECRET, "n": 1})}),
        json.dumps([{"SecretString": json.dumps({"apiKey": SECRET})}]),
        json.dumps({"headers": {"Authorization": f"Bearer {SECRET}"}}),
        json.dumps({"queryStringParameters": {"token": SECRET}}),
        json.dumps({"taskToken": SECRET}),
        f"grant_type=password&password={SECRET}&x=1",
        f"wss://localhost:8080/dev?token={SECRET}&x=1",
        json.dumps({"url": f"wss://localhost:8080/dev?token={SECRET}"}),
        '{"password": "' + SECRET + '" and this is no JSON',
        json.dumps({"detail": f"the secret was {{\"password\": \"{SECRET}\"}}"}),
        json.dumps({"password": SECRET, "long": "x" * 200_000}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_secret_is_not_shown(payload: str, as_bytes: bool) -> None:
    found = shown(payload.encode() if as_bytes else payload)
    assert SECRET not in found
    assert "…" in found


@pytest.mark.parametrize(
    "wrap", [str, lambda t: json.dumps({"a": t}), lambda t: json.dumps({"a": [f"x {t} y"]})]
)
def test_a_web_token_is_not_shown(wrap: object) -> None:
    assert callable(wrap)
    assert "c2lnbmF0dXJl" not in shown(wrap(JWT))


def test_the_parameters_of_a_call_are_shown_without_what_is_secret() -> None:
    found = shown({"TableName": "t", "Item": {"id": {"S": "1"}}, "Password": SECRET, "Body": b"xx"})
    assert found == '{"TableName":"t","Item":{"id":{"S":"1"}},"Password":"…","Body":"(2 bytes)"}'


def test_what_hides_nothing_is_shown_as_it_is() -> None:
    text = '{"question":  "What did it do?", "n": 1.50}'
    assert shown(text) == text
    assert shown("x" * SHOWN_CHARACTERS) == "x" * SHOWN_CHARACTERS
    assert shown("x" * (SHOWN_CHARACTERS + 1)) == "x" * SHOWN_CHARACTERS + "…"


@given(st.text(max_size=300))
def test_nothing_makes_it_fail(text: str) -> None:
    assert len(shown(text)) <= max(len(text) + 20, 20) * 12
    shown(text.encode())
    shown(json.dumps({"secret": text, "a": [text]}))
