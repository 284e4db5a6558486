"""No secret and no token is in what is shown of a payload, however it is wrapped."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.redaction import SHOWN_CHARACTERS, Marks, shown, without_secrets

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
        json.dumps({"long": "x" * 3000, "password": SECRET}),
        json.dumps({"a": ["x", {"b": 1, "c": 1}], "password": [SECRET] * 2000})[:5000],
        json.dumps({"body": json.dumps({"password": SECRET, "long": '"' * 9000})}),
        '{"p\\u0061ssword": "' + SECRET + '"}',
        json.dumps({"passwords": [SECRET, SECRET]}),
        json.dumps({"credentials": {"user": "demo", "word": SECRET}}),
        json.dumps({"headers": {"cookie": f"theme=dark; sid={SECRET}"}}),
        json.dumps({"multiValueHeaders": {"Set-Cookie": [f"sid={SECRET}"]}}),
        json.dumps({"accessKey": SECRET}),
        json.dumps({"aws_secret_access_key": SECRET}),
        json.dumps({"DB_PASS": SECRET}),
        json.dumps({"STRIPE_KEY": SECRET}),
        json.dumps({"x-api-key": SECRET}),
        json.dumps({"userPassword2": SECRET}),
        json.dumps({"password_confirmation": SECRET}),
        json.dumps({"mysqlpass": SECRET}),
        json.dumps({"Name": "DB_PASS", "Value": SECRET}),
        json.dumps({"Parameters": [{"ParameterKey": "DbPassword", "ParameterValue": SECRET}]}),
        json.dumps({"Type": "SecureString", "Name": "/app/db", "Value": SECRET}),
        f"DB_PASS: {SECRET}\nNAME: demo",
        f"password: correct {SECRET} staple",
        f"Authorization: Basic {SECRET}",
        f"authorization=Bearer {SECRET}",
        f"cookie: theme=dark; sid={SECRET}",
        f"<Password>{SECRET}</Password>",
        f"postgres://demo:{SECRET}@localhost/db",
        f"it was refused: Bearer {SECRET}",
        f"Value '{SECRET}' at 'password' failed to satisfy constraint",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----\nmore",
        json.dumps({"certificate": f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_secret_is_not_shown(payload: str, as_bytes: bool) -> None:
    found = shown(payload.encode() if as_bytes else payload)
    assert SECRET not in found
    assert "…" in found


@pytest.mark.parametrize("name", ["password", "pin", "DbPassword", "api_secret", "passwords"])
def test_a_secret_that_is_a_number_is_not_shown(name: str) -> None:
    assert shown(json.dumps({name: 493817})) == json.dumps({name: "…"}, ensure_ascii=False).replace(
        ": ", ":"
    )
    assert "493817" not in shown(f"the {name}: 493817")
    assert "493817" not in shown({name: 493817})


def test_a_key_is_hidden_where_its_name_or_its_form_tells() -> None:
    key = "Zx81kPq7Lm0vRt5Ws2Yb"
    assert key not in shown(json.dumps({"key": key}))
    assert "AKIAIOSFODNN7EXAMPLE" not in shown("signed by AKIAIOSFODNN7EXAMPLE")
    for name, value in {"key": "results/2024/report.json", "Key": "demo", "routeKey": key}.items():
        assert value in shown({name: value})


@pytest.mark.parametrize(
    "payload",
    [
        {"SecretId": "causal/llm", "VersionStage": "AWSCURRENT"},
        {"PasswordPolicy": {"MinimumLength": 8}},
        {"inferenceConfig": {"maxTokens": 500}, "usage": {"inputTokens": 7}},
        {"AuthFlow": "USER_SRP_AUTH", "TokenUse": "id", "tokenType": "x"},
        {"properties": {"password": {"type": "string"}}},
        {"compass": "north", "ping": 1, "passenger": "x", "monkey": "y", "author": "z"},
        {"password": None, "token": True},
        {"resource": "arn:aws:secretsmanager:us-east-1:000000000000:secret:causal/llm-a1b2c3"},
    ],
)
def test_what_is_about_a_secret_is_shown(payload: dict[str, object]) -> None:
    assert json.loads(shown(payload)) == payload
    assert json.loads(shown(json.dumps(payload))) == payload


@pytest.mark.parametrize(
    "message",
    [
        "NoSuchKey: The specified key does not exist.",
        "ExpiredToken: The provided token has expired.",
        "InvalidAccessKeyId: The AWS Access Key Id does not exist in our records.",
        "InvalidPasswordException: Password not long enough",
    ],
)
def test_the_message_of_an_error_is_shown(message: str) -> None:
    assert shown(message) == message


def test_what_a_service_model_marks_is_not_shown() -> None:
    marks: Marks = {
        "Value": True,
        "Environment": {"Variables": (True,)},
        "Tags": ({"Value": True},),
    }
    found = shown(
        {
            "Name": "n",
            "Value": SECRET,
            "Environment": {"Variables": {"A": SECRET}},
            "Tags": [{"Key": "k", "Value": SECRET}],
        },
        marks,
    )
    assert SECRET not in found
    assert json.loads(found) == {
        "Name": "n",
        "Value": "…",
        "Environment": {"Variables": {"A": "…"}},
        "Tags": [{"Key": "k", "Value": "…"}],
    }


def test_the_beginning_of_json_is_shown_though_its_end_is_cut_off() -> None:
    found = shown('{"token": "t", "a": [1, {"b": "' + "x" * 200_000 + '"}]}')
    assert found.startswith('{"token":"…","a":[1,{"b":"xxxx')
    assert found.endswith("xx…")


def test_what_was_hidden_once_stays_as_it_is() -> None:
    for text in (f"password={SECRET}&x=1", json.dumps({"credentials": [1], "key": "a"})):
        assert shown(shown(text)) == shown(text)
    kept = {"tools": [{"password": SECRET}], "text": f"token: {SECRET}"}
    assert without_secrets(without_secrets(kept)) == without_secrets(kept)


@pytest.mark.parametrize(
    "payload",
    [
        "[" * 900 + '"secret"' + "]" * 900,
        '{"secret":' * 200 + "1" + "}" * 200,
        {"a": {"b": 1 << 80}, "c": "\ud800", "d": {1: object()}},
    ],
)
def test_what_is_nested_deeply_or_no_json_is_shown_in_part(payload: str) -> None:
    assert shown(payload)


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
