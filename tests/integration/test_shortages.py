"""A part that may write no more, open no file or take no memory says so and loses nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.client import client_at
from local_cloud.state_files import JOURNAL
from tests.stack import Stack, until

pytestmark = [
    pytest.mark.embedded("limits the processes of this machine"),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process that runs"),
]

LARGE = b"large" * 200_000


@contextlib.contextmanager
def limited(pid: int, kind: int, most: int) -> Iterator[None]:
    """Let a process have no more than that of something for a while."""
    process = psutil.Process(pid)
    soft, hard = process.rlimit(kind)
    process.rlimit(kind, (most, hard))
    try:
        yield
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has been started anew
            process.rlimit(kind, (soft, hard))


@pytest.fixture
def bucket(breakable_stack: Stack) -> str:
    breakable_stack.aws("s3").create_bucket(Bucket="shortage")
    return "shortage"


def goes_on(call: Callable[[], Any]) -> Any:
    """Call again until there is an answer."""

    def answer() -> Any:
        try:
            return call()
        except (ClientError, BotoCoreError):
            return None

    return until(answer, 120)


def answers(url: str) -> bool:
    """Return whether a new connection is taken."""
    try:
        httpx.get(url, timeout=3, trust_env=False)
    except httpx.TransportError:
        return False
    return True


def restarted(stack: Stack) -> None:
    restarts = stack.state().restarts.get("engine", 0)
    stack.kill("engine")
    until(lambda: stack.state().restarts.get("engine", 0) > restarts, 60)


def test_an_engine_that_cannot_write_refuses_what_it_would_lose(
    breakable_stack: Stack, bucket: str
) -> None:
    stack = breakable_stack
    once = client_at("s3", stack.ports.engine_url, attempts=1)
    once.put_object(Bucket=bucket, Key="before", Body=b"there")
    assert stack.home is not None
    (journal,) = stack.home.path.rglob(JOURNAL)
    with limited(stack.state().parts["engine"], psutil.RLIMIT_FSIZE, journal.stat().st_size):
        for _ in range(2):  # one that finds out, and one that is told at once
            with pytest.raises(ClientError, match="make room") as refused:
                once.put_object(Bucket=bucket, Key="no-room", Body=b"x")
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        with pytest.raises(ClientError, match="make room"):
            stack.aws("sqs").create_queue(QueueName="no-room")
        assert once.get_object(Bucket=bucket, Key="before")["Body"].read() == b"there"
    goes_on(lambda: once.put_object(Bucket=bucket, Key="after", Body=LARGE))
    restarted(stack)
    body = goes_on(lambda: once.get_object(Bucket=bucket, Key="after"))["Body"].read()
    assert body == LARGE


def test_an_engine_without_file_handles_loses_nothing_and_goes_on(
    breakable_stack: Stack, bucket: str
) -> None:
    stack = breakable_stack
    s3 = client_at("s3", stack.ports.engine_url, attempts=1)
    s3.put_object(Bucket=bucket, Key="before", Body=b"there")
    answered = []
    with limited(stack.state().parts["engine"], psutil.RLIMIT_NOFILE, 3):
        for number in range(5):
            with contextlib.suppress(ClientError, BotoCoreError):
                s3.put_object(Bucket=bucket, Key=f"{number}", Body=f"{number}".encode())
                answered.append(number)
        with pytest.raises((ClientError, BotoCoreError)):
            s3.put_object(Bucket=bucket, Key="large", Body=LARGE)
        assert not answers(stack.ports.engine_url), "a connection was taken"
    goes_on(lambda: s3.put_object(Bucket=bucket, Key="after", Body=LARGE))
    restarted(stack)
    goes_on(lambda: s3.get_object(Bucket=bucket, Key="before"))
    for number in answered:
        assert s3.get_object(Bucket=bucket, Key=f"{number}")["Body"].read() == b"%d" % number
    assert s3.get_object(Bucket=bucket, Key="after")["Body"].read() == LARGE


def test_an_engine_without_memory_loses_nothing_and_goes_on(
    breakable_stack: Stack, bucket: str
) -> None:
    stack = breakable_stack
    s3 = client_at("s3", stack.ports.engine_url, attempts=1)

    def put(number: int) -> int | None:
        body = b"%d" % number * (1 << 20)
        try:
            s3.put_object(Bucket=bucket, Key=f"much-{number}", Body=body)
        except (ClientError, BotoCoreError):
            return None
        return number

    # It keeps the memory that it has, and gets no more.
    with (
        limited(stack.state().parts["engine"], psutil.RLIMIT_AS, 1 << 20),
        ThreadPoolExecutor(16) as pool,
    ):
        answered = [number for number in pool.map(put, range(16)) if number is not None]
    goes_on(lambda: s3.put_object(Bucket=bucket, Key="after", Body=LARGE))
    restarted(stack)
    assert goes_on(lambda: s3.get_object(Bucket=bucket, Key="after"))["Body"].read() == LARGE
    for number in answered:
        body = s3.get_object(Bucket=bucket, Key=f"much-{number}")["Body"].read()
        assert body == b"%d" % number * (1 << 20)


def test_functions_are_called_again_when_their_endpoint_may_open_files_again(
    breakable_stack: Stack,
) -> None:
    stack = breakable_stack
    once = client_at("lambda", stack.ports.functions_url, attempts=1)
    with limited(stack.state().parts["lambda"], psutil.RLIMIT_NOFILE, 3):
        assert not answers(stack.ports.functions_url), "a connection was taken"
    found = goes_on(lambda: once.invoke(FunctionName="websocket-handler", Payload=b"{}"))
    assert found["StatusCode"] == 200


def test_each_part_takes_connections_again_when_it_may_open_files_again(
    breakable_stack: Stack,
) -> None:
    state = breakable_stack.state()
    pages = {
        "gateway": f"{breakable_stack.ports.gateway_url}/_gateway/health",
        "lambda": f"{breakable_stack.ports.functions_url}/health",
        "console": f"{breakable_stack.ports.console_url}/_console/health",
    }
    with contextlib.ExitStack() as limits:
        for part in pages:
            limits.enter_context(limited(state.parts[part], psutil.RLIMIT_NOFILE, 3))
        for url in pages.values():
            assert not answers(url), "a connection was taken"
    for url in pages.values():
        until(lambda url=url: answers(url), 60)  # type: ignore[misc]
    assert breakable_stack.state().restarts == state.restarts, "none was started anew"
