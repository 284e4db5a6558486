"""Every door of a running cloud is known: who may connect to it, and who may read its files."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from uv import find_uv_bin

from local_cloud import places
from local_cloud.debug import debug, debuggers
from local_cloud.installation import PROJECT, Home, environment_without_aws
from local_cloud.lambda_endpoint import confinement
from local_cloud.places import awslocal_socket
from local_cloud.port_check import free_ports
from local_cloud.processes import family
from tests.conftest import own_stack
from tests.doors import Door, doors_of, open_to_others, written_files
from tests.integration.processes import started
from tests.stack import Stack, until
from tests.workflows import ROLE

pytestmark = [
    pytest.mark.embedded("containers have networks and files of their own"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc"),
]
AWSLOCAL = str(Path(sys.executable).with_name("awslocal"))
ECHO = {
    "python3.13": ("index.py", "def handler(event, context):\n    return event\n"),
    "nodejs20.x": ("index.mjs", "export const handler = async (event) => event;\n"),
}
#: Tries to read each file, and says which it can; the commands of ``awslocal`` run outside of it.
READING = """
import os, socket

def tried(path):
    try:
        with open(path, "rb") as file:
            return file.read(1) is not None
    except OSError:
        return False

def handler(event, context):
    found = [path for path in event["paths"] if tried(path)]
    with open("/tmp/" + context.aws_request_id, "w+") as own:
        own.write("mine")
    os.mkdir(own.name + "-folder")
    os.rename(own.name, own.name + "-folder/moved")  # Landlock could forbid that, too
    kept = tried(own.name + "-folder/moved")
    os.remove(own.name + "-folder/moved")
    os.rmdir(own.name + "-folder")
    taken = None
    if event.get("socket"):
        command = b'{"arguments": ["--version"], "environment": {}, "umask": 63}'
        log = os.open(event["log"], os.O_PATH)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
            server.connect(event["socket"])
            server.recv(64)
            socket.send_fds(server, [command], [0, 1, 2, os.open(".", os.O_RDONLY), log])
            taken = server.recv(64).decode()
        os.close(log)
    return {"read": found, "kept": kept, "taken": taken}
"""
READING_NODE = """
import { readFileSync } from "node:fs";
export const handler = async (event) => {
  const read = event.paths.filter((path) => {
    try { readFileSync(path); return true; } catch { return false; }
  });
  return { read, kept: true, taken: null };
};
"""
FOREIGN = b"GET /json/list HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class House:
    """A cloud that has done what opens doors, and the user's folders while it ran."""

    stack: Stack
    home: Home
    user: Path
    temporary: Path

    def processes(self) -> list[psutil.Process]:
        """Return its processes, those included that are nobody's children any more."""
        found = set(family(self.stack.state().pid))
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if any(str(self.home.path) in value for value in process.environ().values()):
                    found.add(process)
        return sorted(found - {psutil.Process()}, key=lambda process: process.pid)

    def make(self, name: str, runtime: str, code: str | None = None) -> None:
        """Make a function."""
        file, echo = ECHO[runtime]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(file, code or echo)
        api = self.stack.aws("lambda")
        api.create_function(
            FunctionName=name,
            Runtime=runtime,
            Handler="index.handler",
            Role=ROLE,
            Code={"ZipFile": packed.getvalue()},
        )
        api.get_waiter("function_active_v2").wait(FunctionName=name)

    def invoke(self, name: str, event: Any) -> Any:
        """Return a function's answer."""
        answer = self.stack.aws("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A cloud in a folder that is not below that for temporary files, as a user's is."""
    folder = PROJECT / ".local-cloud"
    folder.mkdir(exist_ok=True, mode=0o700)
    place = Path(tempfile.mkdtemp(prefix="doors-", dir=folder))
    home, user, temporary = Home(place / "home"), place / "user", place / "tmp"
    for made in (user, temporary):
        made.mkdir()
    umask = os.umask(0o022)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOME", str(user))
            patch.setenv("TMPDIR", str(temporary))
            patch.delenv("XDG_CACHE_HOME", raising=False)
            # What is installed is public, and the same for all clouds of this user.
            patch.setenv("UV_CACHE_DIR", _uv_cache())
            with own_stack(home.path) as stack:
                found = House(stack, home, user, temporary)
                _open_doors(found)
                yield found
    finally:
        os.umask(umask)
        shutil.rmtree(place)


def _uv_cache() -> str:
    said = subprocess.run([find_uv_bin(), "cache", "dir"], capture_output=True, text=True)
    return said.stdout.strip()


def _open_doors(house: House) -> None:
    """Do what makes the cloud listen, and write."""
    assert not debuggers(house.stack.ports), "nobody has asked for one yet"
    for name, runtime in (("door-python", "python3.13"), ("door-node", "nodejs20.x")):
        if runtime.startswith("nodejs") and shutil.which("node") is None:
            continue
        house.make(name, runtime)
        assert house.invoke(name, {"a": 1}) == {"a": 1}
        debug(house.stack.ports, f"{name}:{_free_port()}", wait=False)
        assert house.invoke(name, {"a": 2}) == {"a": 2}
    house.stack.aws("s3").create_bucket(Bucket="door")
    house.stack.aws("s3").put_object(Bucket="door", Key="object", Body=b"x" * 2_000_000)
    environment = {**environment_without_aws(), "LOCAL_CLOUD_HOME": str(house.home.path)}
    said = subprocess.run(
        [AWSLOCAL, "sts", "get-caller-identity"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answer(port: int, said: bytes, *, more: bool = True) -> bytes:
    """Return what a port answers until it closes the connection.

    Args:
        more: whether something might follow what is said.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(said)
        if not more:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while data := client.recv(65536):
                answer += data
        return answer


def _role(door: Door, house: House) -> str:
    """Return what a door is; raise where nobody knows."""
    parts = {port: name for name, port in asdict(house.stack.ports).items()}
    debugged = {one["port"]: name for name, one in debuggers(house.stack.ports).items()}
    if door.kind == "unix" and door.address == awslocal_socket(str(house.home.path)):
        return "awslocal"
    if door.kind == "udp" and "local_cloud.lambda_endpoint" in door.command:
        return "xray"
    if door.kind == "tcp":
        if door.port in parts:
            return parts[door.port]
        if door.port in debugged:
            return f"debugger of {debugged[door.port]}"
        if "local_cloud.lambda_endpoint" in door.command:
            return "runtime-api"
        if "debugpy" in door.command and "adapter" in door.command:
            return "debugpy"
        if "--inspect" in door.command:
            return "inspector"
    return "unknown"


def _is_refused(answer: bytes) -> bool:
    """Return whether HTTP's answer is that this host is not served here."""
    return answer.startswith((b"HTTP/1.1 403 ", b"HTTP/1.0 403 ", b"HTTP/1.0 400 "))


def _evaluation_of_a_page() -> bytes:
    """Return a web page's request whose body is a message of the Debug Adapter Protocol."""
    message = {
        "seq": 1,
        "type": "request",
        "command": "evaluate",
        "arguments": {"expression": "6 * 7", "context": "repl"},
    }
    body = json.dumps(message).encode()
    head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _keeps_out(door: Door, role: str) -> bool:
    """Return whether a door is shut to whom it should be, or is there no more."""
    try:
        return _is_shut(door, role)
    except ConnectionRefusedError:
        return True


def _is_shut(door: Door, role: str) -> bool:
    match role.partition(" ")[0]:
        case "engine" | "console" | "functions" | "gateway" | "runtime-api" | "inspector":
            return _is_refused(_answer(door.port, FOREIGN))
        case "debugger" if role.endswith("node"):
            return _is_refused(_answer(door.port, FOREIGN))
        case "debugger":
            return _answer(door.port, _evaluation_of_a_page()) == b""
        case "debugpy":  # one message without a session does nothing, and a page can send one
            return b'"success": true' not in _answer(door.port, _evaluation_of_a_page(), more=False)
        case "xray":  # takes segments from whoever runs programs here: test_xray_daemon.py
            return True
        case "awslocal":
            place = Path(door.address)
            modes = stat.S_IMODE(place.stat().st_mode), stat.S_IMODE(place.parent.stat().st_mode)
            return modes == (0o600, 0o700)
    return False


def test_every_socket_is_known_is_on_the_loopback_address_and_keeps_others_out(
    house: House,
) -> None:
    roles = {door: _role(door, house) for door in doors_of(house.processes())}
    assert not [door for door, role in roles.items() if role == "unknown"]
    wanted = {"engine", "console", "functions", "gateway", "runtime-api", "xray", "awslocal"}
    wanted |= {"debugger of door-python", "debugpy"}
    if shutil.which("node") is not None:
        wanted |= {"debugger of door-node", "inspector"}
    assert wanted == set(roles.values()), "each door was open, and is looked at"
    networked = {door for door in roles if door.kind != "unix"}
    assert {door.address for door in networked} == {"127.0.0.1"}
    assert not {door: role for door, role in roles.items() if not _keeps_out(door, role)}


def test_a_gateway_that_runs_a_templates_functions_has_no_other_doors() -> None:
    port = free_ports().gateway
    template = PROJECT / "benchmarks" / "echo" / "template.yaml"
    with started(
        "local_cloud.gateway_command",
        port,
        "/_gateway/health",
        *("--template", str(template), "--run-lambdas"),
        stdout=subprocess.DEVNULL,
    ) as process:
        doors = doors_of(family(process.pid))
        assert port in {door.port for door in doors}
        assert {(door.kind, door.address) for door in doors} == {("tcp", "127.0.0.1")}
        assert not [door for door in doors if not _keeps_out(door, "gateway")]


#: What has bits for others, and why nobody minds: a pattern below the cloud's folder, and reasons.
OPEN_FILES = {
    # Lambda's own modes, which functions may look at, in a folder that is closed.
    "engine/lambda/*/*/code",
    "engine/lambda/*/*/code/**",
}


def test_every_file_of_a_running_cloud_is_its_users_alone(house: House) -> None:
    assert stat.S_IMODE(house.home.path.stat().st_mode) == 0o700
    found = set(open_to_others(house.home.path))
    for folder in (house.user, house.temporary):
        found |= set(open_to_others(folder)) - {folder}
    listed = {path for pattern in OPEN_FILES for path in house.home.path.glob(pattern)}
    assert not found - listed
    opened = written_files(house.processes())
    assert opened, "they write something"
    assert not {path for path in opened if path.exists() and path.stat().st_mode & 0o077}
    closed = (house.home.path, house.user, house.temporary)
    assert not {path for path in opened if not any(map(path.is_relative_to, closed))}


landlocked = pytest.mark.skipif(
    confinement.version() < 2, reason="this kernel has no Landlock of Linux 5.19"
)


def _secrets(house: House) -> list[str]:
    """Return the files that no function is to read, and places where processes can be looked into.

    Raises:
        AssertionError: one is not there, or cannot be read by this process either.
    """
    home = house.home
    files = [home.signing_key, home.state_file, home.env_vars, home.log("engine")]
    files += [next(home.traces.glob("*.jsonl")), next(home.data.glob("*.journal"))]
    pids = [house.stack.state().pid, *house.stack.state().parts.values()]
    files += [Path(f"/proc/{pid}/{name}") for pid in pids for name in ("mem", "environ", "maps")]
    for file in files:
        file.open("rb").close()
    return [*map(str, files)]


@landlocked
@pytest.mark.parametrize("runtime", list(ECHO))
def test_a_function_reads_no_secret_of_the_cloud_and_all_else(house: House, runtime: str) -> None:
    if runtime.startswith("nodejs") and shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    name = f"reading-{runtime[:4]}"
    house.make(name, runtime, READING if runtime.startswith("python") else READING_NODE)
    allowed = [str(PROJECT / "README.md"), "/etc/hosts", "/proc/self/environ"]
    said = house.invoke(name, {"paths": [*_secrets(house), *allowed]})
    assert said == {"read": allowed, "kept": True, "taken": None}


@landlocked
def test_awslocal_runs_no_command_of_a_function(house: House) -> None:
    house.make("commanding", "python3.13", READING)
    log = places.awslocal_log(str(house.home.path))
    event = {"paths": [], "socket": awslocal_socket(str(house.home.path)), "log": log}
    assert house.invoke("commanding", event) == {"read": [], "kept": True, "taken": ""}


@landlocked
def test_a_debugged_function_reads_no_secret_either(house: House) -> None:
    house.make("debugged", "python3.13", READING)
    debug(house.stack.ports, f"debugged:{_free_port()}", wait=False)
    said = house.invoke("debugged", {"paths": _secrets(house)})
    assert said == {"read": [], "kept": True, "taken": None}


@landlocked
def test_what_installs_packages_reads_no_secret(house: House) -> None:
    folder = house.home.path.parent / "source"
    folder.mkdir()
    (folder / "index.py").write_text("def handler(event, context):\n    return event\n")
    (folder / "requirements.txt").write_text(f"-r {house.home.signing_key}\n")
    api = house.stack.aws("lambda")
    code = {"S3Bucket": "hot-reload", "S3Key": str(folder)}
    api.create_function(
        FunctionName="asking", Runtime="python3.13", Handler="index.handler", Role=ROLE, Code=code
    )

    def state() -> dict[str, Any] | None:
        found: dict[str, Any] = api.get_function_configuration(FunctionName="asking")
        return found if found["State"] != "Pending" else None

    made = until(state)
    assert made["State"] == "Failed"
    assert "denied" in made["StateReason"], made["StateReason"]
    assert "PRIVATE KEY" not in made["StateReason"]
