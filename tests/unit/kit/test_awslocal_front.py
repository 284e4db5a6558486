"""Which commands of ``awslocal`` the running cloud may take, and what becomes of the others."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from local_cloud.awslocal.front import READY, hand_over, may_be_handed_over
from local_cloud.places import awslocal_socket


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "s3 ls",
        "s3 cp - s3://bucket/key",
        "lambda invoke --function-name one /dev/stdout",
        "logs tail group --follow",
    ],
)
def test_what_needs_nothing_of_the_caller_is_handed_over(words: str) -> None:
    assert may_be_handed_over(words.split())


@pytest.mark.parametrize(
    "words",
    [
        "",
        "help",
        "s3 help",
        "configure",
        "configure set region eu-west-1",
        "ssm start-session --target one",
        "--endpoint-url http://localhost:1 s3 ls",
        "s3 ls --endpoint-url=http://localhost:1",
        "lambda invoke --payload fileb:///dev/fd/63 out",
    ],
)
def test_what_needs_the_callers_terminal_files_or_another_cloud_is_not(words: str) -> None:
    assert not may_be_handed_over(words.split())


def test_another_cloud_of_the_environment_is_not_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    assert not may_be_handed_over(["s3", "ls"])


def test_without_a_cloud_nothing_is_handed_over() -> None:
    assert hand_over(["s3", "ls"]) is None


def test_what_nobody_has_started_is_left_to_the_caller(home: Path) -> None:
    """A server that ends at its start, or on the command, has not run it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(awslocal_socket(str(home)))
        listener.listen()

        def end() -> None:
            listener.accept()[0].close()
            front, _ = listener.accept()
            front.send(READY)
            front.recv(1 << 20)
            front.close()

        server = threading.Thread(target=end)
        server.start()
        assert hand_over(["s3", "ls"]) is None
        assert hand_over(["s3", "ls"]) is None
        server.join()
