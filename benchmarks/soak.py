"""Mixed load on a whole cloud for a long while: nothing fails, and nothing grows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import websockets
from websockets.asyncio.client import connect

from benchmarks.echo_gateway import SIGNED, TEMPLATE
from benchmarks.figures import say
from benchmarks.soak_figures import Sample, look, verdict
from benchmarks.whole_cloud import analyse_once, cloud
from local_aws.http1 import HttpClient
from local_cloud.client import aws_client
from local_cloud.deploy.stack import Deployment
from local_cloud.installation import PROJECT, Home, Ports, State

MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))
CLIENTS = 30
#: How often each is done, and how long a change of code may take to be seen, in seconds.
RELOAD, DEPLOY, SNAPSHOT, ANALYSIS, SEEN = 10.0, 60.0, 90.0, 45.0, 20.0
#: Of the errors, which are all counted.
MOST_SHOWN = 20
STACK = "soak"
CODE = '''"""Answers a message with itself, and says which version of the code it is."""

VERSION = "{version}"


def handler(event, context):
    body = event.get("body")
    return {{"statusCode": 200, "body": VERSION if body is None else body}}
'''


def run() -> None:
    """Run the load for ``SOAK_MINUTES`` (60); print figures each minute, a verdict at the end.

    Raises:
        SystemExit: with status 1, where something failed or grew.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        shutil.copytree(TEMPLATE.parent, project)
        home = Home(Path(folder) / "home")
        with cloud(home) as ports:
            wrong = asyncio.run(Soak(home, ports, project, MINUTES * 60).run())
    say("soak", target="local-cloud", at_the_end=True, good=not wrong, wrong=wrong)
    if wrong:
        sys.exit(1)


class Soak:
    """One run.

    Args:
        project: a folder with the template that is deployed, which is changed meanwhile.
        seconds: how long.
    """

    def __init__(self, home: Home, ports: Ports, project: Path, seconds: float) -> None:
        self.home = home
        self.ports = ports
        self.project = project
        self.seconds = seconds
        self.done: Counter[str] = Counter()
        self.errors = 0
        self.samples: list[Sample] = []
        #: One client each, whose connections are used again.
        self.functions = aws_client("lambda", ports)
        self.environment = {
            **os.environ,
            **ports.as_environment(),
            "LOCAL_CLOUD_HOME": str(home.path),
        }

    async def run(self) -> list[str]:
        """Run it; return what was not to be."""
        self._write_code(0)
        await self._command("deploy", str(self.project), "--stack", STACK)
        (self.url,) = await asyncio.to_thread(Deployment(self.ports, STACK).sockets)
        self.begun = time.monotonic()
        load = [
            asyncio.create_task(self._again("messages", self._client, 0.0)) for _ in range(CLIENTS)
        ]
        for name, work, pause in (
            ("calls", self._calls, 0.2),
            ("reloads", self._reload, RELOAD),
            ("deploys", self._deploy, DEPLOY),
            ("snapshots", self._snapshot, SNAPSHOT),
            ("analyses", self._analyse, ANALYSIS),
        ):
            load.append(asyncio.create_task(self._again(name, work, pause)))
        step = min(60.0, self.seconds / 12)
        while self._passed < self.seconds:
            await asyncio.sleep(min(step, max(self.seconds - self._passed, 0.1)))
            self._sample()
        await asyncio.gather(*load)
        if self.errors > self.samples[-1].errors:  # in what was under way
            self._sample()
        return verdict(self.samples, self.seconds / 6)

    @property
    def _passed(self) -> float:
        return time.monotonic() - self.begun

    def _sample(self) -> None:
        state = State.read(self.home)
        if state is None:
            raise RuntimeError("the cloud has ended")
        done = dict(self.done)
        restarts = sum(state.restarts.values())
        sample = Sample(round(self._passed, 1), look(state), restarts, self.errors, done)
        self.samples.append(sample)
        say("soak", target="local-cloud", at_the_end=False, **asdict(sample))

    async def _again(self, name: str, work: Callable[[], Awaitable[None]], pause: float) -> None:
        """Do something until the time is up; what fails is counted and said."""
        while self._passed < self.seconds:
            try:
                await work()
                self.done[name] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what the run is about
                self.errors += 1
                if self.errors <= MOST_SHOWN:
                    say("soak", at=round(self._passed, 1), failed=name, error=repr(error)[:500])
                await asyncio.sleep(1)
            await asyncio.sleep(min(pause, max(self.seconds - self._passed, 0.0)))

    async def _command(self, *words: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "local_cloud", *words),
            env=self.environment,
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"{words[0]}: {said.decode(errors='replace')[-400:]}")

    async def _client(self) -> None:
        """Connect, echo, and leave in one of the ways that clients leave."""
        way = random.choice(["close", "abort", "delete", "binary", "too large", "stay"])  # noqa: S311
        with contextlib.suppress(websockets.exceptions.ConnectionClosed):
            async with connect(self.url, proxy=None) as socket:
                for _ in range(random.randint(1, 40)):  # noqa: S311 - a load, not a secret
                    text = json.dumps({"action": "echo", "text": "x" * random.randint(0, 20_000)})  # noqa: S311
                    try:
                        await socket.send(text)
                        answer = await socket.recv()
                    except websockets.exceptions.ConnectionClosed as error:
                        raise RuntimeError(f"a connection was closed: {error}") from error
                    if answer != text:
                        raise RuntimeError(f"answered {str(answer)[:200]}")
                    self.done["echoes"] += 1
                    await asyncio.sleep(random.random() / 2)  # noqa: S311
                if way == "abort":
                    socket.transport.abort()
                elif way == "binary":
                    await socket.send(b"x")
                    await socket.recv()
                elif way == "too large":
                    await socket.send("x" * 33_000)
                    await socket.recv()
                elif way == "stay":
                    await asyncio.sleep(random.random() * 20)  # noqa: S311
                elif way == "delete":
                    http = HttpClient(self.ports.gateway_url)
                    path = "/dev/@connections/AAAAAAAAAAAAAAA="
                    await http.request("DELETE", path, b"", SIGNED)
                    http.close()

    async def _calls(self) -> None:
        await asyncio.to_thread(self._call_each)

    def _call_each(self) -> None:
        """Write, read and remove in the services that agents use; what is kept does not grow."""
        if not self.done["calls"]:
            aws = aws_client("s3", self.ports)
            aws.create_bucket(Bucket=STACK)
            self.aws: dict[str, Any] = {"s3": aws} | {
                name: aws_client(name, self.ports) for name in ("dynamodb", "sqs")
            }
            self.aws["dynamodb"].create_table(
                TableName=STACK,
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
            self.queue = self.aws["sqs"].create_queue(QueueName=STACK)["QueueUrl"]
        key, body = f"key-{random.randint(0, 50)}", os.urandom(2000)  # noqa: S311
        self.aws["s3"].put_object(Bucket=STACK, Key=key, Body=body)
        if self.aws["s3"].get_object(Bucket=STACK, Key=key)["Body"].read() != body:
            raise RuntimeError("S3 gave back something else")
        item = {"id": {"S": key}, "value": {"S": body.hex()}}
        self.aws["dynamodb"].put_item(TableName=STACK, Item=item)
        found = self.aws["dynamodb"].get_item(TableName=STACK, Key={"id": item["id"]})
        if found["Item"] != item:
            raise RuntimeError("DynamoDB gave back something else")
        self.aws["sqs"].send_message(QueueUrl=self.queue, MessageBody=key)
        taken = self.aws["sqs"].receive_message(QueueUrl=self.queue, WaitTimeSeconds=5)
        for message in taken.get("Messages", []):
            self.aws["sqs"].delete_message(
                QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"]
            )

    def _write_code(self, version: int) -> None:
        file = self.project / "function" / "index.py"
        draft = file.with_suffix(".new")
        draft.write_text(CODE.format(version=version))
        draft.replace(file)  # as editors do

    async def _reload(self) -> None:
        """Change the function's code, and see that the next answers come of that."""
        version = self.done["reloads"] + 1
        self._write_code(version)

        def answered() -> str:
            answer = self.functions.invoke(FunctionName="echo", Payload=b"{}")
            return str(json.loads(answer["Payload"].read()).get("body"))

        until = time.monotonic() + SEEN
        while (said := await asyncio.to_thread(answered)) != str(version):
            if time.monotonic() > until:
                raise RuntimeError(f"version {said} answers in place of {version}")

    async def _deploy(self) -> None:
        """Deploy the stack again, with another time-out of its function."""
        template = self.project / "template.yaml"
        seconds = 10 + self.done["deploys"] % 10
        template.write_text(TEMPLATE.read_text().replace("Timeout: 5", f"Timeout: {seconds}"))
        await self._command("deploy", str(self.project), "--stack", STACK)

    async def _snapshot(self) -> None:
        await self._command("snapshot", "save", STACK)

    async def _analyse(self) -> None:
        await asyncio.to_thread(analyse_once, self.ports)
