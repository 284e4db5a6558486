"""The gateway's options."""

import pytest

from websocket_gateway.core.limits import Limits
from websocket_gateway.options import parser, settings_of


def test_the_limits_are_api_gateways_unless_told_otherwise() -> None:
    assert settings_of(parser().parse_args([])).limits == Limits()


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--idle-timeout", "idle"),
        ("--connection-duration", "connection"),
        ("--integration-timeout", "integration"),
        ("--handshake-timeout", "handshake"),
    ],
)
def test_a_time_may_be_a_fraction_of_a_second(option: str, name: str) -> None:
    limits = settings_of(parser().parse_args([option, "0.5"])).limits
    assert getattr(limits, name) == 0.5
