"""Codes of software tokens, by RFC 6238's own test vectors."""

from __future__ import annotations

import base64

import pytest

from local_cloud.engine.cognito import totp

#: RFC 6238 appendix B, the SHA-1 rows, of whose eight digits the last six are ours.
SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    assert totp.code_of_step(SECRET, seconds // 30) == code
    assert totp.step_of_code(SECRET, code, seconds) == seconds // 30


@pytest.mark.parametrize(
    ("away", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_the_adjacent_steps_count_and_no_others(away: int, good: bool) -> None:
    code = totp.code_of_step(SECRET, 1000 + away)
    assert (totp.step_of_code(SECRET, code, 30_000.0) is not None) == good


@pytest.mark.parametrize("code", ["", "000", "12345678", "ä23456", "28708\uff12"])
def test_what_is_no_code_is_none_of_now(code: str) -> None:
    assert totp.step_of_code(SECRET, code, 59) is None


def test_every_user_gets_a_secret_of_their_own() -> None:
    secrets = {totp.new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(len(one) == 52 and totp.code_of_step(one, 1) for one in secrets)
