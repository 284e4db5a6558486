"""Where the ports of a cloud are, and where they are not."""

from __future__ import annotations

import socket
import ssl
from dataclasses import astuple

import pytest

from tests.stack import Stack

#: An address of this machine, too, which whoever listens on all of them answers.
ANOTHER = "127.0.0.2"


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(0, id="engine"),
        pytest.param(1, id="console"),
        pytest.param(
            2,
            id="functions",
            marks=pytest.mark.embedded("SAM listens where its containers reach it"),
        ),
        pytest.param(3, id="gateway"),
    ],
)
def test_a_port_is_open_on_the_loopback_address_alone(stack: Stack, number: int) -> None:
    port = astuple(stack.ports)[number]
    socket.create_connection(("127.0.0.1", port), timeout=10).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((ANOTHER, port), timeout=10)


def test_the_engine_speaks_tls_on_its_one_port(stack: Stack) -> None:
    trusting = ssl._create_unverified_context()
    with (
        socket.create_connection(("127.0.0.1", stack.ports.engine), timeout=30) as client,
        trusting.wrap_socket(client) as encrypted,
    ):
        encrypted.sendall(b"GET /_localstack/health HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert encrypted.recv(65536).startswith(b"HTTP/1.0 200 ")
