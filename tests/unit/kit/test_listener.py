"""A port goes on taking connections, whatever happened to one, and when files ran short."""

from __future__ import annotations

import signal
import sys

import psutil
import pytest

from tests.unit.shortage import answer_on, program

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process that runs")

LOOP = """
import asyncio, sys, uvloop
from local_aws.hosts import AllowedHosts
from local_aws.http1 import HttpServerProtocol
from local_aws.http_message import Response
from local_aws.listener import listen

async def handle(request):
    return Response(200, b"served")

def protocol():
    failing = made.pop() if made else None
    if failing:
        raise RuntimeError("no protocol")
    return HttpServerProtocol(handle, 1 << 20, AllowedHosts())

made = [True] if sys.argv[1:] else []

async def main():
    print(listen(protocol, "127.0.0.1", 0).sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()

uvloop.run(main())
"""
CONSOLE = """
import socket, sys
from local_aws import listener
from local_cloud.console import __main__ as console

listen = listener.listen
def told(factory, host, port):
    made = listen(factory, host, 0)
    print(made.sockets[0].getsockname()[1], flush=True)
    return made

console.listen = told
console.print = lambda *_, **__: None
sys.argv = ["console"]
console.main()
"""
ENGINE = """
import signal, threading
from localstack.config import HostAndPort
from rolo import Response
from rolo.gateway import Gateway
from local_cloud.engine.http_port.server import PortServer

def handle(chain, context, response):
    response.set_response(b"served")

def ask_for_much(*_):
    threading.stack_size(1 << 30)
    print("each thread wants a gigabyte", flush=True)

signal.signal(signal.SIGUSR1, ask_for_much)
server = PortServer()
server.register(Gateway(request_handlers=[handle]), [HostAndPort("127.0.0.1", 0)])
print(server._listeners[0].getsockname()[1], flush=True)
server.run()
"""


@linux
@pytest.mark.parametrize("code", [LOOP, CONSOLE, ENGINE], ids=["loop", "console", "engine"])
def test_a_port_without_files_turns_clients_away_and_serves_them_later(code: str) -> None:
    with program(code) as running:
        assert running.get().startswith(b"HTTP/1.1 200"), "before"
        files = running.open_files()
        none_left = next(number for number in range(max(files) + 2) if number not in files)
        with running.limited(psutil.RLIMIT_NOFILE, none_left):
            for _ in range(3):
                assert running.get().startswith(b"HTTP/1.1 503")
        with running.limited(psutil.RLIMIT_NOFILE, 3):  # nobody can even be turned away
            waiting = running.ask()
        assert answer_on(waiting)[9:12] in (b"200", b"503")
        for _ in range(3):
            assert running.get().startswith(b"HTTP/1.1 200")


def test_a_connection_that_cannot_be_begun_is_answered_and_the_next_one_served() -> None:
    with program(LOOP, "failing") as running:
        assert running.get().startswith(b"HTTP/1.1 503")
        assert running.get().endswith(b"served")


@linux
def test_the_engines_port_answers_503_while_no_thread_can_start() -> None:
    with program(ENGINE) as running:
        assert running.get().endswith(b"served")
        running.process.send_signal(signal.SIGUSR1)
        assert "gigabyte" in running.line()
        memory = psutil.Process(running.process.pid).memory_info().vms
        with running.limited(psutil.RLIMIT_AS, memory + (1 << 28)):
            for _ in range(3):
                assert running.get().startswith(b"HTTP/1.1 503")
        for _ in range(3):
            assert running.get().endswith(b"served")
