"""The same echo on other emulators, in the same run, where they can be installed."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import httpx

from benchmarks.figures import say
from benchmarks.rest import settle
from benchmarks.round_trip import ROUNDS, measure_in_turn
from local_cloud.port_check import free_ports

#: With serverless 3 the last that it takes; serverless 4 wants a login, its fork osls does not.
SERVERLESS_OFFLINE = {
    "serverless-offline 13": ("serverless@3", "serverless-offline@13"),
    "serverless-offline 14": ("serverless@npm:osls@4", "serverless-offline@14"),
}
MINISTACK = "ministack==1.5.33"
LOCALEMU = "localemu==1.3.2"
START_SECONDS = 60.0
CODE = """
def handler(event, context):
    return {"statusCode": 200, "body": event.get("body") or ""}
"""


@dataclass(frozen=True)
class Api:
    """An API with one Python function behind its routes: one way, or two way."""

    code: str = CODE
    one_way: tuple[str, ...] = ("$connect",)
    two_way: tuple[str, ...] = ("$default",)


@dataclass(frozen=True)
class Peer:
    """Where a running peer serves the API."""

    url: str
    #: ``@connections`` without the connection's id.
    connections: str
    pid: int


@dataclass(frozen=True)
class Engine:
    """A running peer that serves AWS's APIs."""

    url: str
    #: What its start took.
    seconds: float
    pid: int


class Unavailable(RuntimeError):
    """The peer cannot be installed or started here."""


def run(message: str, ours: str) -> None:
    """Measure the gateway and its peers in turn, or say why one is left out.

    Args:
        ours: where the gateway serves the same echo.
    """
    _measure(message, {"local-cloud": ours}, [name for name in PEERS if name not in SLOW], ROUNDS)
    for name in SLOW:
        _measure(message, {}, [name], rounds=1)


def _measure(message: str, urls: dict[str, str], peers: list[str], rounds: int) -> None:
    with contextlib.ExitStack() as running:
        for name in peers:
            try:
                folder = running.enter_context(tempfile.TemporaryDirectory())
                peer = running.enter_context(PEERS[name](Path(folder), Api()))
                settle([peer.pid])
            except (Unavailable, OSError) as error:
                say("gateway.echo", target=name, skipped=str(error))
            else:
                urls[name] = peer.url
        asyncio.run(measure_in_turn("gateway.echo", urls, message, rounds))


def _install(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"cannot be installed: {error}") from error
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Unavailable(f"cannot be installed: {' '.join(last)}")


@contextlib.contextmanager
def _running(
    command: list[str], folder: Path, environment: dict[str, str], port: int
) -> Iterator[int]:
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Unavailable(f"did not start: {(folder / 'log').read_text()[-200:]}")
                time.sleep(0.02)
            yield process.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
        return True
    return False


@contextlib.contextmanager
def _serverless(packages: tuple[str, ...], folder: Path, api: Api) -> Iterator[Peer]:
    if shutil.which("npm") is None:
        raise Unavailable("npm is not installed")
    _install(["npm", "install", "--silent", "--no-audit", "--no-fund", *packages], folder)
    (folder / "index.py").write_text(api.code)
    # It runs the program that the runtime's name says.
    runtimes = folder / "bin"
    runtimes.mkdir()
    (runtimes / "python3.11").symlink_to(sys.executable)
    (runtimes / "python3").symlink_to(sys.executable)
    ports = free_ports()
    two_way = {"routeResponseSelectionExpression": "$default"}
    routes: list[dict[str, Any]] = [{"websocket": route} for route in api.one_way]
    routes += [{"websocket": {"route": route, **two_way}} for route in api.two_way]
    offline = {
        "websocketPort": ports.gateway,
        "httpPort": ports.console,
        "lambdaPort": ports.functions,
    }
    service = {
        "service": "echo",
        "provider": {"name": "aws", "runtime": "python3.11"},
        "functions": {"echo": {"handler": "index.handler", "events": routes}},
        "plugins": ["serverless-offline"],
        "custom": {"serverless-offline": offline},
    }
    (folder / "serverless.json").write_text(json.dumps(service))
    environment = {
        "PATH": f"{runtimes}:{os.environ['PATH']}",
        "SLS_TELEMETRY_DISABLED": "1",
        "SLS_NOTIFICATIONS_MODE": "off",
    }
    command = [str(folder / "node_modules" / ".bin" / "serverless"), "offline", "start"]
    with _running(command, folder, environment, ports.gateway) as pid:
        base = f"localhost:{ports.gateway}"
        yield Peer(f"ws://{base}", f"http://{base}/@connections", pid)


@contextlib.contextmanager
def _ministack(folder: Path, api: Api) -> Iterator[Peer]:
    program = _python_program(MINISTACK, "ministack", folder)
    port = free_ports().engine
    with _running([program], folder, {"GATEWAY_PORT": str(port)}, port) as pid:
        name = _make_api(f"http://localhost:{port}", api)
        base = f"localhost:{port}/_aws/execute-api/{name}/dev"
        yield Peer(f"ws://{base}", f"http://{base}/@connections", pid)


@contextlib.contextmanager
def localemu(folder: Path) -> Iterator[Engine]:
    """Install LocalEmu and start it with an empty home, until it tells its health.

    Raises:
        Unavailable: it cannot be installed or started here.
    """
    program = _python_program(LOCALEMU, "localemu", folder)
    port = free_ports().engine
    url = f"http://127.0.0.1:{port}"
    command = [program, "start", "--host", "127.0.0.1", "--port", str(port)]
    began = time.perf_counter()
    with _running(command, folder, {"HOME": str(folder)}, port) as pid:
        httpx.get(f"{url}/_localemu/health", timeout=START_SECONDS).raise_for_status()
        yield Engine(url, time.perf_counter() - began, pid)


def _python_program(package: str, program: str, folder: Path) -> str:
    _install([sys.executable, "-m", "uv", "venv", "-q", "-p", sys.executable, "venv"], folder)
    python = str(folder / "venv" / "bin" / "python")
    uv = [sys.executable, "-m", "uv", "pip", "install", "-q", "--system-certs", "--python", python]
    _install([*uv, package], folder)
    return str(folder / "venv" / "bin" / program)


def _make_api(endpoint: str, wanted: Api) -> str:
    session = boto3.Session("test", "test", region_name="us-east-1")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", wanted.code)
    function = session.client("lambda", endpoint_url=endpoint).create_function(
        FunctionName="echo",
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",  # type: ignore[arg-type]
        Role="arn:aws:iam::000000000000:role/echo",
        Handler="index.handler",
        Code={"ZipFile": packed.getvalue()},
    )["FunctionArn"]
    api = session.client("apigatewayv2", endpoint_url=endpoint)
    api_id = api.create_api(
        Name="echo", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    integration = api.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}"
        "/invocations",
    )["IntegrationId"]
    target = f"integrations/{integration}"
    for key in wanted.one_way:
        api.create_route(ApiId=api_id, RouteKey=key, Target=target)
    for key in wanted.two_way:
        route = api.create_route(
            ApiId=api_id,
            RouteKey=key,
            Target=target,
            RouteResponseSelectionExpression="$default",
        )["RouteId"]
        api.create_route_response(ApiId=api_id, RouteId=route, RouteResponseKey="$default")
    api.create_stage(ApiId=api_id, StageName="dev")
    return api_id


PEERS: dict[str, Callable[[Path, Api], contextlib.AbstractContextManager[Peer]]] = {
    **{name: partial(_serverless, packages) for name, packages in SERVERLESS_OFFLINE.items()},
    "ministack": _ministack,
}
#: Those of which a round takes minutes: measured once, after the others.
SLOW = ("ministack",)
