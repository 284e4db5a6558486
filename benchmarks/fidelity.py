"""Asks emulators the same questions as API Gateway's documentation answers.

The answers of the peers are kept in ``docs/websocket-fidelity.jsonl``, from which (with the
conformance tests) the table in ``docs/websocket-fidelity.md`` is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import websockets
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from benchmarks.figures import say
from benchmarks.peers import PEERS, Api, Peer, Unavailable
from tests.integration.raw_socket import (
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawSocket,
    frame,
)

SECONDS = 5.0
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=test"}
CODE = """
import json

RECORD = {record!r}

def handler(event, context):
    request = event["requestContext"]
    with open(RECORD, "a") as file:
        file.write(json.dumps(event) + chr(10))
    kind = request["eventType"]
    if kind == "CONNECT":
        wish = (event.get("queryStringParameters") or {{}}).get("wish")
        if wish == "refuse":
            return {{"statusCode": 403, "body": "not you"}}
        if wish == "raise":
            raise RuntimeError("no")
        if wish == "protocol":
            return {{"statusCode": 200, "headers": {{"Sec-WebSocket-Protocol": "chat"}}}}
        return {{"statusCode": 200}}
    if kind == "DISCONNECT":
        return {{"statusCode": 200}}
    if json.loads(event["body"]).get("action") == "raise":
        raise RuntimeError("no")
    return {{"statusCode": 200, "body": request["connectionId"]}}
"""
API = Api(
    one_way=("$connect", "$disconnect", "oneway"),
    two_way=("echo", "raise"),
)


class Prober:
    """Asks one emulator."""

    def __init__(self, peer: Peer, record: Path) -> None:
        self.peer = peer
        self.record = record

    def events(self) -> list[dict[str, Any]]:
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        return [json.loads(line) for line in lines]

    def open(self, query: str = "", **options: Any) -> Any:
        return connect(f"{self.peer.url}{query}", proxy=None, **options)

    async def ask(self, text: str | bytes) -> str:
        """Return the answer to a message: a frame's words, a close code, or silence."""
        async with self.open() as client:
            await client.send(text)
            try:
                answer = str(await asyncio.wait_for(client.recv(), SECONDS / 4))
            except TimeoutError:
                return "silence"
            except websockets.exceptions.ConnectionClosed:
                return f"closed with {client.close_code}"
        with contextlib.suppress(ValueError, AttributeError):
            return str(json.loads(answer).get("message", "an answer"))
        return "an answer"

    async def status(self, query: str) -> str:
        try:
            async with self.open(query):
                return "accepted"
        except websockets.exceptions.InvalidStatus as error:
            return str(error.response.status_code)
        except (websockets.exceptions.WebSocketException, OSError) as error:
            return type(error).__name__

    async def ended(self, how: str) -> str:
        """Return what ``$disconnect`` is told when a client leaves."""
        async with self.open() as client:
            await client.send('{"action": "echo"}')
            name = str(await client.recv())
            if how == "vanish":
                client.transport.abort()
        for _ in range(int(SECONDS / 0.05)):
            for event in self.events():
                context = event["requestContext"]
                if context["eventType"] == "DISCONNECT" and context["connectionId"] == name:
                    return str(context.get("disconnectStatusCode", "no code"))
            await asyncio.sleep(0.05)
        return "does not run"

    async def manage(self, method: str, closed: bool = False) -> str:
        """Return what ``@connections`` answers for an open or a closed connection."""
        async with self.open() as client:
            await client.send('{"action": "echo"}')
            name = str(await client.recv())
            if closed:
                await client.close()
                await asyncio.sleep(0.2)
            async with httpx.AsyncClient(trust_env=False, headers=SIGNED) as http:
                url = f"{self.peer.connections}/{name.replace('=', '%3D')}"
                try:
                    answer = await http.request(method, url, content=b"x", timeout=SECONDS)
                except httpx.HTTPError as error:
                    return type(error).__name__
            if method == "DELETE":
                await asyncio.wait_for(client.wait_closed(), SECONDS)
                return f"{answer.status_code}, closed with {client.close_code}"
            return str(answer.status_code)

    async def subprotocol(self, query: str) -> str:
        try:
            async with self.open(query, subprotocols=[Subprotocol("chat")]) as client:
                return str(client.subprotocol)
        except (websockets.exceptions.WebSocketException, OSError) as error:
            return type(error).__name__

    async def raw(self, *frames: bytes, path: str | None = None, header: str = "") -> str:
        """Return what comes back for raw bytes: a frame's kind, a close code, or the refusal."""
        return await asyncio.to_thread(self._raw, frames, path, header)

    def _raw(self, frames: tuple[bytes, ...], path: str | None, header: str) -> str:
        parts = urlsplit(self.peer.url)
        with RawSocket(parts.port or 80, SECONDS / 2) as client:
            try:
                head = client.upgrade(*filter(None, [header]), path=path or parts.path or "/")
                status = head.split(" ")[1]
                if status != "101":
                    return status
                if header:
                    agreed = "sec-websocket-extensions" in head.lower()
                    return "agreed on" if agreed else "not agreed on"
                client.send(b"".join(frames))
                opcode, payload = client.frame()
            except TimeoutError:
                return "silence"
            except ConnectionError:
                return "cut"
        if opcode == CLOSE:
            return f"closed with {int.from_bytes(payload[:2], 'big') or 'no code'}"
        return {TEXT: "an answer", PONG: "pong"}.get(opcode, f"opcode {opcode}")

    async def message_headers(self) -> str:
        async with self.open() as client:
            await client.send('{"action": "echo"}')
            await client.recv()
        messages = [e for e in self.events() if e["requestContext"]["eventType"] == "MESSAGE"]
        return "headers" if "headers" in messages[-1] else "none"


#: By the name that conformance tests give: what AWS does, and how to ask.
PROBES: dict[str, tuple[str, Callable[[Prober], Awaitable[str]]]] = {
    "two-way": ("an answer", lambda p: p.ask('{"action": "echo"}')),
    "one-way": ("silence", lambda p: p.ask('{"action": "oneway"}')),
    "unrouted": ("Forbidden", lambda p: p.ask('{"action": "unknown"}')),
    "connect refuses": ("403", lambda p: p.status("?wish=refuse")),
    "subprotocol accepted": ("chat", lambda p: p.subprotocol("?wish=protocol")),
    "subprotocol ignored": ("None", lambda p: p.subprotocol("")),
    "binary": ("closed with 1003", lambda p: p.ask(b"x")),
    "frame too large": ("closed with 1009", lambda p: p.ask("x" * 33_000)),
    "client closes": ("1000", lambda p: p.ended("close")),
    "client vanishes": ("1006", lambda p: p.ended("vanish")),
    "post": ("200", lambda p: p.manage("POST")),
    "post to closed": ("410", lambda p: p.manage("POST", closed=True)),
    "get": ("200", lambda p: p.manage("GET")),
    "delete": ("204, closed with 1000", lambda p: p.manage("DELETE")),
    "message event": ("none", lambda p: p.message_headers()),
    "ping": ("pong", lambda p: p.raw(frame(PING, b"x"))),
    "fragments": (
        "an answer",
        lambda p: p.raw(
            frame(TEXT, b'{"action": "echo", "x": "' + b"x" * 30_000, fin=False),
            frame(CONTINUATION, b"x" * 30_000 + b'"}'),
        ),
    ),
    "protocol error": ("closed with 1002", lambda p: p.raw(frame(CONTINUATION, b"x"))),
    "not UTF-8": ("closed with 1007", lambda p: p.raw(frame(TEXT, b"\xc0\xaf"))),
    "close": ("closed with 3000", lambda p: p.raw(frame(CLOSE, (3000).to_bytes(2, "big")))),
    "compression": (
        "not agreed on",
        lambda p: p.raw(header="Sec-WebSocket-Extensions: permessage-deflate"),
    ),
    "URL too long": ("414", lambda p: p.raw(path=urlsplit(p.peer.url).path + f"/?{'x' * 4096}")),
    "connect fails": ("502", lambda p: p.status("?wish=raise")),
    "function fails": ("Internal server error", lambda p: p.ask('{"action": "raise"}')),
}


#: Each the end of some emulator: asked of one that was started for it.
FATAL = ("close", "not UTF-8", "connect fails", "function fails")


def run() -> None:
    """Ask every peer that can be installed; one line an answer."""
    harmless = [name for name in PROBES if name not in FATAL]
    for name in PEERS:
        for probes in (harmless, *([fatal] for fatal in FATAL)):
            _start_and_ask(name, probes)


def _start_and_ask(name: str, probes: list[str]) -> None:
    start = PEERS[name]
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "events.jsonl"
        api = Api(CODE.format(record=str(record)), API.one_way, API.two_way)
        try:
            with start(Path(folder), api) as peer:
                asyncio.run(_ask(name, Prober(peer, record), probes))
        except Unavailable as error:
            say("gateway.fidelity", target=name, skipped=str(error))


async def _ask(target: str, prober: Prober, probes: list[str]) -> None:
    for name in probes:
        expected, ask = PROBES[name]
        try:
            found = await asyncio.wait_for(ask(prober), 4 * SECONDS)
        except (TimeoutError, websockets.exceptions.WebSocketException, OSError) as error:
            found = type(error).__name__
        except (ValueError, KeyError, IndexError) as error:
            found = f"{type(error).__name__}: {error}"
        same = found == expected
        say("gateway.fidelity", target=target, probe=name, aws=expected, found=found, same=same)
