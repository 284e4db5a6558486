"""How much later a model's words reach a client of Bedrock's API than they leave its server."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.figures import percentiles, say
from benchmarks.rest import settle
from benchmarks.whole_cloud import cloud
from local_aws.aws_api import authorization
from local_cloud.installation import Home, State
from local_cloud.memory import resident_mb

MODEL = "amazon.nova-lite-v1:0"
ONE_BY_ONE, AT_ONCE, WORDS, PAUSE_SECONDS = 100, 500, 20, 0.2


class WordServer:
    """Streams words by OpenAI's API; remembers when the first of each answer left."""

    def __init__(self) -> None:
        self.left: dict[str, float] = {}
        self.pause = 0.0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        asked = json.loads(await reader.readexactly(length))["messages"][-1]["content"]
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for number in range(WORDS):
            self.left.setdefault(asked, time.perf_counter())
            writer.write(_line({"delta": {"content": f"{number} "}}))
            await writer.drain()
            await asyncio.sleep(self.pause)
        writer.write(_line({"delta": {}, "finish_reason": "stop"}) + b"data: [DONE]\n\n")
        await writer.drain()
        writer.close()


def _line(choice: object) -> bytes:
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


def run() -> None:
    """Measure streams one by one, then many at once with the engine's memory."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_run(Path(folder)))


async def _run(folder: Path) -> None:
    words = WordServer()
    server = await asyncio.start_server(words, "127.0.0.1", 0, backlog=AT_ONCE)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    file = folder / "models.yaml"
    entry = {"match": "*", "answer": "openai", "base_url": url, "model": "words"}
    file.write_text(yaml.safe_dump({"models": [entry]}))
    before = os.environ.get("MODELS_FILE")
    os.environ["MODELS_FILE"] = str(file)
    home = Home(folder / "cloud")
    try:
        running = cloud(home)
        ports = await asyncio.to_thread(running.__enter__)
        try:
            await _measure(words, ports.engine, home)
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)
    finally:
        os.environ.pop("MODELS_FILE")
        if before is not None:
            os.environ["MODELS_FILE"] = before
        server.close()


async def _measure(words: WordServer, port: int, home: Home) -> None:
    async def late(name: str) -> float:
        """Return how much later than it left the first word was there."""
        body = json.dumps({"messages": [{"role": "user", "content": [{"text": name}]}]})
        head = (
            f"POST /model/{MODEL}/converse-stream HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: {authorization('bedrock')}\r\nContent-Type: application/json\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        # Not by a library: it would cost more than what is measured.
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"{head}{body}".encode())
            told = await reader.readuntil(b"contentBlockDelta")
            first = time.perf_counter()
            rest = await reader.read()
        finally:
            writer.close()
        if b" 200 " not in told[:20] or b"metadata" not in rest:
            raise RuntimeError((told + rest).decode(errors="replace"))
        return first - words.left[name]

    state = State.read(home)
    assert state is not None
    await asyncio.to_thread(settle, state.parts.values())
    await late("warm up")
    times = [await late(f"one {number}") for number in range(ONE_BY_ONE)]
    say("models.first_word", runs=ONE_BY_ONE, **percentiles(times))
    words.pause = PAUSE_SECONDS
    idle = _engine_mb(home)
    began = time.perf_counter()
    streams = [asyncio.create_task(late(f"many {number}")) for number in range(AT_ONCE)]
    await asyncio.sleep(WORDS * PAUSE_SECONDS / 2)  # in their midst
    busy = _engine_mb(home)
    times = await asyncio.gather(*streams)
    say(
        "models.at_once",
        streams=AT_ONCE,
        seconds=round(time.perf_counter() - began, 2),
        idle_mb=idle,
        busy_mb=busy,
        after_mb=_engine_mb(home),
        **percentiles(times),
    )


def _engine_mb(home: Home) -> int:
    state = State.read(home)
    assert state is not None
    return round(resident_mb(state.parts["engine"]))
