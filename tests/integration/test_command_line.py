"""``local-cloud`` as a user meets it: up, down, and what is said when that cannot be."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import pytest

from local_cloud.client import aws_client, demo_login
from local_cloud.installation import PROJECT, Home, Ports, State
from local_cloud.lambda_endpoint.confinement import why_not
from local_cloud.port_check import free_ports
from local_cloud.processes import family, wait_gone

pytestmark = pytest.mark.embedded("starts its own clouds")

LIMIT_SECONDS = 90


@dataclass
class CommandLine:
    """Runs the command line in a home and on ports of its own."""

    home: Home
    ports: Ports
    temporary: Path

    def environment(self, **changed: str) -> dict[str, str]:
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
            "LOCAL_CLOUD_HOME": str(self.home.path),
            "TMPDIR": str(self.temporary),
            **self.ports.as_environment(),
            **changed,
        }

    def run(self, *words: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "local_cloud", *words],
            cwd=PROJECT,
            env=self.environment(**changed),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "local_cloud", *words],
            cwd=PROJECT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def put(self, key: str) -> None:
        """Have S3 hold an object."""
        aws_client("s3", self.ports).put_object(Bucket="causal-datasets", Key=key, Body=b"x")

    def holds(self, key: str) -> bool:
        found = aws_client("s3", self.ports).list_objects_v2(Bucket="causal-datasets", Prefix=key)
        return bool(found["KeyCount"])

    def family(self) -> list[psutil.Process]:
        """Return every process of the running cloud."""
        state = State.read(self.home)
        assert state is not None
        return family(state.pid)

    def nothing_is_left(self, processes: list[psutil.Process]) -> None:
        assert wait_gone(processes, 15) == []
        for port in asdict(self.ports).values():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        assert State.read(self.home) is None
        assert not self.home.engine_files.exists()
        assert os.listdir(self.temporary) == []


@pytest.fixture
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command_line = CommandLine(Home(tmp_path / "home"), free_ports(), temporary)
    yield command_line
    command_line.run("down")


def test_up_status_logs_provision_reset_and_down(command_line: CommandLine) -> None:
    debugger = free_ports().engine
    up = command_line.run("up", "-d", "--debug", f"send-prompt:{debugger}")
    assert up.returncode == 0, up.stdout + up.stderr
    assert f"send-prompt takes a debugger at 127.0.0.1:{debugger}" in up.stdout
    for words in ("LocalStack", "demo"):
        assert words not in up.stderr
    assert f"ws://localhost:{command_line.ports.gateway}" in up.stdout
    assert "login" in up.stdout

    again = command_line.run("up", "-d")
    assert again.returncode == 0
    assert "running already" in again.stdout

    status = command_line.run("status", "--json")
    report = json.loads(status.stdout)
    assert status.returncode == 0
    assert report["healthy"]
    assert set(report["parts"]) == {"engine", "lambda", "gateway", "console"}

    assert "Lambda endpoint on http" in command_line.run("logs", "lambda").stdout
    wrong = command_line.run("logs", "nobody")
    assert (wrong.returncode, "no log of 'nobody'" in wrong.stderr) == (2, True)

    provision = command_line.run("provision")
    assert provision.returncode == 0
    assert "table causal-events (was there)" in provision.stdout

    assert not command_line.holds("ours"), "it began empty"
    command_line.put("ours")
    refused = command_line.run("up", "-d", "--fresh")
    assert (refused.returncode, "./local-cloud reset" in refused.stderr) == (1, True)
    assert command_line.holds("ours")
    reset = command_line.run("reset")
    assert reset.returncode == 0, reset.stderr
    assert not command_line.holds("ours")

    processes = command_line.family()
    assert command_line.run("down").returncode == 0
    command_line.nothing_is_left(processes)
    assert command_line.run("down").returncode == 0, "twice does no harm"


def test_a_start_finds_what_was_there_and_a_fresh_one_does_not(command_line: CommandLine) -> None:
    assert command_line.run("up", "-d").returncode == 0
    command_line.put("ours")
    login = demo_login(command_line.ports)
    assert command_line.run("down").returncode == 0
    assert command_line.run("up", "-d").returncode == 0
    assert command_line.holds("ours")
    assert demo_login(command_line.ports) == login, "the same user and password"
    assert command_line.run("down").returncode == 0

    journal = command_line.home.data / "state.journal"
    journal.write_bytes(b"another" + journal.read_bytes())
    refused = command_line.run("up", "-d")
    assert (refused.returncode, "up --fresh" in refused.stderr) == (1, True), refused.stderr
    assert command_line.run("up", "-d", "--fresh").returncode == 0
    assert not command_line.holds("ours")


def test_snapshots_are_saved_loaded_and_given_away(
    command_line: CommandLine, tmp_path: Path
) -> None:
    assert command_line.run("up", "-d").returncode == 0
    command_line.put("ours")
    saved = command_line.run("snapshot", "save", "one")
    assert (saved.returncode, "Saved one" in saved.stdout) == (0, True), saved.stderr
    command_line.put("theirs")
    told = command_line.run("snapshot", "diff", "one", "--json").stdout.splitlines()
    different = [" ".join(json.loads(line)["path"]) for line in told]
    assert any("theirs" in path for path in different), told
    assert not any("ours" in path for path in different)
    loaded = command_line.run("snapshot", "load", "one")
    assert (loaded.returncode, "Loaded one." in loaded.stdout) == (0, True), loaded.stderr
    assert (command_line.holds("ours"), command_line.holds("theirs")) == (True, False)

    file = str(tmp_path / "given")
    assert command_line.run("snapshot", "export", "one", file).returncode == 0
    assert command_line.run("snapshot", "delete", "one").returncode == 0
    gone = command_line.run("snapshot", "load", "one")
    assert (gone.returncode, "there are: none" in gone.stderr) == (1, True)
    assert command_line.run("down").returncode == 0

    assert command_line.run("snapshot", "import", file, "two").returncode == 0
    assert [
        s["name"] for s in json.loads(command_line.run("snapshot", "list", "--json").stdout)
    ] == ["two"]
    unasked = command_line.run("snapshot", "load", "two")
    assert (unasked.returncode, "--yes" in unasked.stderr) == (1, True)
    loaded = command_line.run("snapshot", "load", "two", "--yes")
    assert "at the next start" in loaded.stdout, loaded.stderr
    assert command_line.run("up", "-d").returncode == 0
    assert command_line.holds("ours")


def test_ctrl_c_stops_everything(command_line: CommandLine) -> None:
    process = command_line.start("up")
    assert process.stdout is not None
    for line in process.stdout:
        if "Ctrl-C stops everything" in line:
            break
    processes = command_line.family()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert "Stopped." in process.stdout.read()
    command_line.nothing_is_left(processes)


def test_ctrl_c_while_it_starts_stops_everything(command_line: CommandLine) -> None:
    process = command_line.start("up")
    deadline = time.monotonic() + 30
    while (state := State.read(command_line.home)) is None or not state.parts:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    processes = command_line.family()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    command_line.nothing_is_left(processes)


def test_no_part_outlives_a_supervisor_that_is_killed(command_line: CommandLine) -> None:
    assert command_line.run("up", "-d").returncode == 0
    processes = command_line.family()
    processes[0].kill()
    assert wait_gone(processes, 20) == []
    status = command_line.run("status")
    assert status.returncode == 3
    assert command_line.run("up", "-d").returncode == 0, "and it starts again"
    processes = command_line.family()
    command_line.run("down")
    command_line.nothing_is_left(processes)


def test_a_start_that_fails_says_why_and_leaves_nothing(command_line: CommandLine) -> None:
    up = command_line.run("up", "-d", RESULTS_BUCKET="Not_A_Bucket")
    assert up.returncode == 1
    assert "cannot create bucket Not_A_Bucket" in up.stderr
    assert "Traceback" not in up.stderr
    command_line.nothing_is_left([])


@pytest.mark.parametrize("name", ["engine", "console", "functions", "gateway"])
def test_a_port_that_is_taken_is_said_with_the_remedy(command_line: CommandLine, name: str) -> None:
    port = getattr(command_line.ports, name)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        up = command_line.run("up", "-d")
    assert up.returncode == 1
    assert f"port {port} is taken by" in up.stderr
    assert f"{name.upper()}_PORT={port + 1} ./local-cloud up" in up.stderr


def test_a_port_that_is_no_number_is_said(command_line: CommandLine) -> None:
    up = command_line.run("up", ENGINE_PORT="http")
    assert up.returncode == 2
    assert "ENGINE_PORT='http' is no port number" in up.stderr


@pytest.mark.parametrize("detach", [[], ["-d"]])
def test_a_docker_engine_that_is_not_there_is_said(
    command_line: CommandLine, detach: list[str]
) -> None:
    up = command_line.run("up", "--docker", *detach, DOCKER_HOST="unix:///no/such/socket")
    assert up.returncode == 1
    assert "no Docker Engine answers. Start Docker" in up.stderr
    assert "Traceback" not in up.stderr


def test_a_home_names_the_cloud_that_is_meant(command_line: CommandLine, tmp_path: Path) -> None:
    assert command_line.run("up", "-d").returncode == 0
    try:
        assert command_line.run("status").returncode == 0
        here = str(command_line.home.path)
        assert command_line.run("--home", here, "status", LOCAL_CLOUD_HOME="").returncode == 0
        assert command_line.run("--home", str(tmp_path / "other"), "status").returncode == 3
        taken = command_line.run("--home", str(tmp_path / "other"), "up", "-d")
        assert taken.returncode == 1
        assert f"port {command_line.ports.engine} is taken by" in taken.stderr
        again = command_line.run("up", "-d")
        assert (again.returncode, "running already" in again.stdout) == (0, True)
    finally:
        command_line.run("down")


@pytest.mark.parametrize("command", [["status"], ["provision"], ["reset"]])
def test_a_command_that_needs_a_running_cloud_says_how_to_start_it(
    command_line: CommandLine, command: list[str]
) -> None:
    done = command_line.run(*command)
    assert done.returncode == 3
    assert "./local-cloud up -d" in done.stderr


def test_doctor_finds_nothing_wrong_here_and_says_what_is(command_line: CommandLine) -> None:
    well = command_line.run("doctor")
    assert well.returncode == 0, well.stdout
    words = why_not(command_line.home.path) or f"cannot read {command_line.home.path}"
    assert words.partition(":")[0] in well.stdout
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", command_line.ports.engine))
        holder.listen()
        ill = command_line.run("doctor")
    assert ill.returncode == 1
    assert f"port {command_line.ports.engine} is taken" in ill.stdout


def test_the_demo_brings_its_own_cloud_and_its_own_data(
    command_line: CommandLine, tmp_path: Path
) -> None:
    data = tmp_path / "pills and sleep.csv"
    rows = [f"{i % 2},{6 + i % 2 + (i % 5) / 10}" for i in range(60)]
    data.write_text("\n".join(["pill,sleep", *rows]))
    demo = command_line.run(
        "demo", "--json", "--csv", str(data), "--question", "What did the pill do to sleep?"
    )
    assert demo.returncode == 0, demo.stderr
    result = json.loads(demo.stdout.splitlines()[-1])
    assert result["estimates"]["difference_in_means"]["estimate"] == pytest.approx(1.0, abs=0.05)
    command_line.nothing_is_left([])


def test_the_demo_says_what_to_do_without_a_question(
    command_line: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "d.csv").write_text("a,b\n1,2\n")
    demo = command_line.run("demo", "--csv", str(tmp_path / "d.csv"))
    assert demo.returncode != 0
    assert "--question" in demo.stderr
    assert "Traceback" not in demo.stderr
