"""Clients of debuggers, as an editor has them: DAP for Python, the inspector for Node.js."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

Message = dict[str, Any]


class Conversation(ABC):
    """Messages that come in any order; each is taken by whoever waits for it."""

    def __init__(self) -> None:
        self.seen: list[Message] = []

    @abstractmethod
    async def receive(self) -> Message:
        """Return the next message."""

    async def until(self, wanted: Callable[[Message], bool]) -> Message:
        """Return the first message that is wanted; the others are kept."""
        while True:
            for message in self.seen:
                if wanted(message):
                    self.seen.remove(message)
                    return message
            self.seen.append(await self.receive())


class DapClient(Conversation):
    """Speaks the Debug Adapter Protocol over TCP.

    https://microsoft.github.io/debug-adapter-protocol/specification
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self.reader = reader
        self.writer = writer
        self.sequence = 0

    @classmethod
    async def attach(cls, port: int, breakpoints: dict[str, list[int]]) -> DapClient:
        """Attach, and set breakpoints: lines by file."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        await client.request("initialize", adapterID="test", linesStartAt1=True)
        attached = client.send("attach", justMyCode=False)
        await client.event("initialized")
        for file, lines in breakpoints.items():
            told = await client.request(
                "setBreakpoints",
                source={"path": file},
                breakpoints=[{"line": line} for line in lines],
            )
            assert all(one["verified"] for one in told["breakpoints"]), told
        await client.request("configurationDone")
        await client.answer(attached)
        return client

    def send(self, command: str, **arguments: Any) -> int:
        self.sequence += 1
        message = {"seq": self.sequence, "type": "request", "command": command}
        body = json.dumps({**message, "arguments": arguments}).encode()
        self.writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self.sequence

    async def request(self, command: str, **arguments: Any) -> Message:
        return await self.answer(self.send(command, **arguments))

    async def answer(self, sequence: int) -> Message:
        found = await self.until(lambda m: m.get("request_seq") == sequence)
        assert found["success"], found
        return dict(found.get("body") or {})

    async def event(self, name: str) -> Message:
        return dict((await self.until(lambda m: m.get("event") == name)).get("body") or {})

    async def receive(self) -> Message:
        length = 0
        while line := (await self.reader.readline()).strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return dict(json.loads(await self.reader.readexactly(length)))

    async def stopped(self) -> tuple[int, Message]:
        """Wait for a breakpoint; return the thread, and the variables of its frame."""
        thread = (await self.event("stopped"))["threadId"]
        frame = (await self.request("stackTrace", threadId=thread))["stackFrames"][0]
        scopes = (await self.request("scopes", frameId=frame["id"]))["scopes"]
        told = await self.request("variables", variablesReference=scopes[0]["variablesReference"])
        return thread, {one["name"]: one["value"] for one in told["variables"]}

    async def go_on(self, thread: int) -> None:
        await self.request("continue", threadId=thread)

    def close(self) -> None:
        self.writer.close()


class Inspector(Conversation):
    """Speaks to Node's inspector.

    https://chromedevtools.github.io/devtools-protocol/v8/Debugger/
    """

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__()
        self.socket = socket
        self.number = 0

    @classmethod
    async def attach(cls, port: int) -> Inspector:
        async with httpx.AsyncClient(trust_env=False) as client:
            (target,) = (await client.get(f"http://127.0.0.1:{port}/json/list")).json()
        inspector = cls(await connect(target["webSocketDebuggerUrl"], proxy=None))
        for method in ("Runtime.enable", "Debugger.enable", "Runtime.runIfWaitingForDebugger"):
            await inspector.request(method)
        return inspector

    async def request(self, method: str, **parameters: Any) -> Message:
        self.number += 1
        wanted = self.number
        await self.socket.send(json.dumps({"id": wanted, "method": method, "params": parameters}))
        found = await self.until(lambda m: m.get("id") == wanted)
        assert "error" not in found, found
        return dict(found["result"])

    async def event(self, method: str) -> Message:
        return dict((await self.until(lambda m: m.get("method") == method))["params"])

    async def receive(self) -> Message:
        return dict(json.loads(await self.socket.recv()))
