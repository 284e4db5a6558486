"""SRP as the SDKs compute it: pycognito's own client is the other side."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycognito import aws_srp

from local_cloud.engine.cognito import srp

POOL = "us-east-1_pool1"


def answered(
    password: str, *, known: str = "Correct-Horse-7", username: str = "ada", salt: int = 0xABCDEF
) -> tuple[str, dict[str, Any]]:
    """Return the signature that a pool expects, and what pycognito answers with a password."""
    client = aws_srp.AWSSRP(username, password, POOL, "client", client=object())
    verifier = srp.verifier("pool1", username, known, salt)
    exchange = srp.Exchange.begin(verifier, aws_srp.long_to_hex(client.large_a_value))
    block = base64.b64encode(bytes(range(48))).decode()
    sent = client.process_challenge(
        {
            "USER_ID_FOR_SRP": username,
            "SALT": f"{salt:x}",
            "SRP_B": exchange.public,
            "SECRET_BLOCK": block,
            "USERNAME": username,
        },
        {"USERNAME": username},
    )
    expected = srp.signature(
        *(exchange.key(verifier), "pool1", username, base64.b64decode(block), sent["TIMESTAMP"])
    )
    return expected, sent


def test_a_client_that_knows_the_password_signs_as_the_pool_expects() -> None:
    expected, sent = answered("Correct-Horse-7")
    assert srp.is_signature(expected, sent["PASSWORD_CLAIM_SIGNATURE"])
    assert srp.is_timestamp(sent["TIMESTAMP"])


@pytest.mark.parametrize("salt", [0x7F, 0x80, 0xFF00, 1 << 127, (1 << 128) - 1])
def test_a_salt_with_its_first_bit_set_is_hashed_as_the_client_hashes_it(salt: int) -> None:
    expected, sent = answered("Correct-Horse-7", salt=salt)
    assert srp.is_signature(expected, sent["PASSWORD_CLAIM_SIGNATURE"])


@settings(max_examples=10, deadline=None)
@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_only_the_same_password_signs_the_same(known: str, tried: str) -> None:
    expected, sent = answered(tried, known=known)
    signed = srp.is_signature(expected, sent["PASSWORD_CLAIM_SIGNATURE"])
    assert signed == (known == tried)


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!", "ä", "A" * 44, "A" * 100_000])
def test_anything_else_is_no_signature(signature: str) -> None:
    expected, _ = answered("Correct-Horse-7")
    assert not srp.is_signature(expected, signature)


@pytest.mark.parametrize(
    "text", ["0", f"{srp.N:x}", f"{2 * srp.N:x}", "", "-1", "0x1", "xyz", "1" * 1025, "1 "]
)
def test_a_public_value_that_makes_every_password_right_is_refused(text: str) -> None:
    assert not srp.is_public_value(text)


def test_two_exchanges_have_nothing_in_common() -> None:
    begun = [srp.Exchange.begin(5, "2") for _ in range(2)]
    assert begun[0].public != begun[1].public
    assert len(begun[0].public) > 700, "B is a number of the 3072-bit group"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (datetime(2026, 11, 3, 4, 5, 6, tzinfo=UTC).strftime("%a %b 3 %H:%M:%S UTC %Y"), True),
        ("Tue Nov 03 04:05:06 UTC 2026", False),
        ("2026-11-03T04:05:06Z", False),
        ("Tue Nov 3 04:05:06 UTC 2026\n", False),
    ],
)
def test_a_timestamp_is_as_the_sdks_write_it(text: str, good: bool) -> None:
    assert srp.is_timestamp(text) == good
