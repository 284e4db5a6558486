"""``awslocal`` in a process that the running cloud forks: nothing differs but the time it takes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from local_cloud.installation import aws_environment, environment_without_aws
from local_cloud.processes import children, command_line, is_alive
from tests.stack import Stack, until

PROGRAM = str(Path(sys.executable).with_name("awslocal"))
SERVER = "local_cloud.awslocal.server"
GROUP = "awslocal-test"

Follow = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def home(stack: Stack) -> Path:
    if stack.home is None:
        pytest.skip("somebody else's cloud: its home is not known")
    logs = stack.aws("logs")
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=GROUP)
    return stack.home.path


def environment(home: Path) -> dict[str, str]:
    return {**environment_without_aws(), "LOCAL_CLOUD_HOME": str(home)}


def run(home: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    options = {"env": environment(home), "capture_output": True, "text": True, **options}
    return subprocess.run([PROGRAM, *words], check=False, timeout=60, **options)


@pytest.fixture
def follow(stack: Stack, home: Path) -> Iterator[Follow]:
    """Starts a command that runs until it is ended, and waits until the cloud runs it."""
    begun: list[subprocess.Popen[str]] = []

    def begin() -> subprocess.Popen[str]:
        front = subprocess.Popen(
            [PROGRAM, "logs", "tail", GROUP, "--follow"],
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell's background job ignores it, and so does what that starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        begun.append(front)
        until(lambda: commands(stack))
        return front

    yield begin
    for front in begun:
        with front:
            front.kill()


def servers(stack: Stack) -> list[psutil.Process]:
    return [p for p in children(stack.state().pid) if SERVER in command_line(p)]


def commands(stack: Stack) -> list[psutil.Process]:
    """The forked processes that run a command."""
    return [p for server in servers(stack) for p in children(server.pid) if is_alive(p)]


def test_one_process_forks_for_all_commands(stack: Stack, home: Path) -> None:
    run(home, "dynamodb", "list-tables")
    (server,) = servers(stack)
    alone = subprocess.run(
        [PROGRAM, "dynamodb", "list-tables"],
        env=aws_environment(stack.ports),
        capture_output=True,
        text=True,
        check=True,
    )
    handed_over = run(home, "dynamodb", "list-tables")
    assert (handed_over.returncode, handed_over.stdout) == (0, alone.stdout)
    assert servers(stack) == [server]


def test_a_command_has_its_own_folder_files_and_settings(
    stack: Stack, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "asked.json").write_text('{"Limit": 1}')
    told = run(
        home,
        *("dynamodb", "list-tables", "--cli-input-json", "file://asked.json"),
        cwd=tmp_path,
        env={**environment(home), "AWS_DEFAULT_OUTPUT": "text"},
    )
    assert "TABLENAMES\t" in told.stdout
    words = ("s3api", "get-object", "--bucket", "causal-datasets", "--key", "shared/nsw.json")
    run(home, *words, "answer.json", cwd=tmp_path, umask=0o077)
    answer = tmp_path / "answer.json"
    assert json.loads(answer.read_text())
    assert stat.S_IMODE(answer.stat().st_mode) == 0o600


def test_what_is_piped_through_it_is_whole(stack: Stack, home: Path) -> None:
    data = "".join(f"line {number} ü\n" for number in range(20_000))
    place = "s3://causal-datasets/awslocal-test/piped.txt"
    assert run(home, "s3", "cp", "-", place, input=data).returncode == 0
    assert run(home, "s3", "cp", place, "-").stdout == data
    assert run(home, "s3", "rm", place).returncode == 0


def test_a_file_that_only_the_caller_has_open_is_read(stack: Stack, home: Path) -> None:
    read, write = os.pipe()
    os.write(write, b'{"requestContext": {}}')
    os.close(write)
    words = ("lambda", "invoke", "--function-name", "websocket-handler", "/dev/stdout")
    told = run(home, *words, "--payload", f"fileb:///dev/fd/{read}", pass_fds=[read])
    os.close(read)
    assert "connectionId" in told.stdout


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["dynamodb", "list-tabels"], 2, "Invalid choice"),
        (["s3", "ls", "s3://there-is-none"], 255, "NoSuchBucket"),
    ],
)
def test_a_failure_is_told_as_by_the_aws_cli(
    stack: Stack, home: Path, words: list[str], status: int, said: str
) -> None:
    told = run(home, *words)
    assert told.returncode == status
    assert said in told.stderr


def test_ctrl_c_ends_a_command(stack: Stack, follow: Follow) -> None:
    front = follow()
    front.send_signal(signal.SIGINT)
    assert front.wait(10) == 130
    until(lambda: not commands(stack))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_ends_with_who_asked_for_it(
    stack: Stack, follow: Follow, number: signal.Signals
) -> None:
    front = follow()
    front.send_signal(number)
    assert front.wait(10) == -number
    until(lambda: not commands(stack))


def test_a_command_that_dies_of_a_signal_is_told_so(stack: Stack, follow: Follow) -> None:
    front = follow()
    (command,) = commands(stack)
    command.kill()
    assert front.wait(10) == -signal.SIGKILL


def test_a_server_that_dies_is_replaced(stack: Stack, home: Path, follow: Follow) -> None:
    front = follow()
    (command,) = commands(stack)
    (server,) = servers(stack)
    server.kill()
    _, said = front.communicate(timeout=10)
    assert front.returncode == 1
    assert "has ended, and this command with it" in said
    until(lambda: not command.is_running())
    assert json.loads(run(home, "dynamodb", "list-tables").stdout)["TableNames"]
    assert servers(stack) != [server]


def test_nobody_else_may_ask(stack: Stack, home: Path) -> None:
    mode = (home / "awslocal.socket").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
