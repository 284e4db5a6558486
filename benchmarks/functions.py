"""Functions made by the API, and stacks: created, invoked, deployed."""

from __future__ import annotations

import http.client
import io
import json
import statistics
import sys
import tempfile
import time
import uuid
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.figures import percentiles, say
from benchmarks.whole_cloud import cloud
from local_aws.aws_api import authorization
from local_cloud.client import aws_client
from local_cloud.deploy.session import Session, Wanted
from local_cloud.installation import PROJECT, TEMPLATE, Home, Ports

CREATIONS, INVOCATIONS = 10, 1000
ECHO = "def handler(event, context):\n    return event\n"
EXAMPLE = PROJECT / "examples" / "websocket-chat"


def run() -> None:
    """Measure on a cloud of its own, and on one that has the kit's template as its stack."""
    with tempfile.TemporaryDirectory() as folder, cloud(Home(Path(folder))) as ports:
        _creation(ports)
        _invocation(ports)
        _example(ports)
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        began = time.perf_counter()
        with cloud(home, "--template", str(TEMPLATE), "--stack", "kit") as ports:
            say("stack.kit", up_seconds=round(time.perf_counter() - began, 2), seconds=_took(ports))


def _took(ports: Ports) -> float:
    """Return the seconds from a stack's first event to its last."""
    api = aws_client("cloudformation", ports)
    times = [e["Timestamp"] for e in api.describe_stack_events(StackName="kit")["StackEvents"]]
    return round(float((max(times) - min(times)).total_seconds()), 2)


def _zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("index.py", ECHO)
    return made.getvalue()


def _create(api: Any) -> str:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    api.create_function(
        FunctionName=name,
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="index.handler",
        Code={"ZipFile": _zipped()},
    )
    return name


def _creation(ports: Ports) -> None:
    """From CreateFunction to the first answer, as soon as the function may be invoked."""
    api = aws_client("lambda", ports)
    seconds = []
    for _ in range(CREATIONS):
        began = time.perf_counter()
        name = _create(api)
        while api.get_function(FunctionName=name)["Configuration"]["State"] != "Active":
            time.sleep(0.01)  # Lambda tells nobody when a function is active
        assert api.invoke(FunctionName=name, Payload=b"1")["Payload"].read() == b"1"
        seconds.append(time.perf_counter() - began)
        api.delete_function(FunctionName=name)
    say(
        "functions.create_to_answer",
        creations=CREATIONS,
        p50_ms=round(statistics.median(seconds) * 1000, 1),
        max_ms=round(max(seconds) * 1000, 1),
    )


def _invocation(ports: Ports) -> None:
    """Warm invocations, one after the other, over one connection, at both ports."""
    name = _create(aws_client("lambda", ports))
    aws_client("lambda", ports).get_waiter("function_active_v2").wait(FunctionName=name)
    signature = authorization("lambda")
    for where, port in (("4566", ports.engine), ("3001", ports.functions)):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        seconds = []
        for number in range(INVOCATIONS + 50):
            body = json.dumps({"n": number})
            began = time.perf_counter()
            connection.request(
                "POST",
                f"/2015-03-31/functions/{name}/invocations",
                body,
                {"Authorization": signature},
            )
            answer = connection.getresponse().read()
            seconds.append(time.perf_counter() - began)
            assert json.loads(answer) == {"n": number}, answer
        say("functions.invoke", at=where, invocations=INVOCATIONS, **percentiles(seconds[50:]))


def _example(ports: Ports) -> None:
    """A stack of three functions, a table and a socket, from nothing and again."""
    session = Session(ports, Wanted.of(EXAMPLE, f"bench-{uuid.uuid4().hex[:8]}", []))
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        list(session.run())
        seconds.append(round(time.perf_counter() - began, 2))
    session.stack.delete()
    say("stack.example", seconds=seconds[0], again_seconds=seconds[1])
