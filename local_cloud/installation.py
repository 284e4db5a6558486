"""Where an installation keeps its files, on which ports it listens, what is running."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from local_aws.account import REGION
from local_cloud import places
from local_cloud.processes import is_alive

PROJECT = Path(places.PROJECT)
MODELS = PROJECT / "config" / "models.yaml"
TEMPLATE = PROJECT / "lambdas" / "template.yaml"
SCRIPTS = PROJECT / "setup-scripts"


@dataclass(frozen=True)
class Ports:
    """The four ports of the cloud, on 127.0.0.1."""

    engine: int = 4566
    console: int = 8083
    functions: int = 3001
    gateway: int = 8080

    @classmethod
    def from_environment(cls) -> Ports:
        """Return the ports, each settable by its variable (``ENGINE_PORT``, …).

        Raises:
            ValueError: a variable holds no port number; names it.
        """
        values = {}
        for name, default in asdict(cls()).items():
            variable = _variable(name)
            text = os.environ.get(variable, str(default))
            if not text.isdecimal() or not 0 < int(text) < 65536:
                raise ValueError(f"{variable}={text!r} is no port number (1 to 65535)")
            values[name] = int(text)
        if len(set(values.values())) != len(values):
            raise ValueError(f"the four ports should differ: {values}")
        return cls(**values)

    def as_environment(self) -> dict[str, str]:
        """Return the variables that set these ports."""
        return {_variable(name): str(port) for name, port in asdict(self).items()}

    @property
    def engine_url(self) -> str:
        return f"http://localhost:{self.engine}"

    @property
    def console_url(self) -> str:
        return f"http://localhost:{self.console}"

    @property
    def functions_url(self) -> str:
        return f"http://localhost:{self.functions}"

    @property
    def gateway_url(self) -> str:
        return f"http://localhost:{self.gateway}"

    @property
    def websocket_url(self) -> str:
        return f"ws://localhost:{self.gateway}"


def _variable(port: str) -> str:
    return f"{port.upper()}_PORT"


@dataclass(frozen=True)
class Home:
    """The folder of one running cloud: ``LOCAL_CLOUD_HOME``, by default ``.local-cloud``."""

    path: Path

    @classmethod
    def from_environment(cls) -> Home:
        return cls(Path(places.home_folder()))

    def make(self) -> None:
        """Make it, for nobody but its user: what is below is theirs alone, whatever its own mode.

        Raises:
            OSError: it cannot be made, or belongs to somebody else.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Who owns a folder, or the link to it, decides what is in it, whatever its mode; and root
        # may change the mode of anybody's.
        if {self.path.lstat().st_uid, self.path.stat().st_uid} != {os.geteuid()}:
            raise PermissionError(
                f"{self.path} belongs to another user, who could read and replace what the cloud "
                "keeps there. Remove it, or name another folder in LOCAL_CLOUD_HOME"
            )
        self.path.chmod(0o700)
        self.logs.mkdir(exist_ok=True, mode=0o700)

    def open_log(self, part: str) -> BinaryIO:
        """Open what a part writes its output to, which nobody else may read."""
        return open_log(self.log(part))

    @property
    def state_file(self) -> Path:
        return self.path / "state.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def engine_files(self) -> Path:
        return self.path / "engine"

    @property
    def data(self) -> Path:
        """What the services hold, from one start to the next."""
        return self.path / "data"

    @property
    def next_data(self) -> Path:
        """What takes the place of ``data`` when that is emptied."""
        return self.path / "next-data"

    @property
    def old_data(self) -> Path:
        """What ``data`` was, when this version could not read it."""
        return self.path / "data.old"

    @property
    def traces(self) -> Path:
        """What messages have caused; each part writes files of its own there."""
        return self.path / "traces"

    @property
    def snapshots(self) -> Path:
        """Copies of ``data``, each with a name."""
        return self.path / "snapshots"

    @property
    def signing_key(self) -> Path:
        return self.path / "cognito-signing-key.pem"

    @property
    def packages(self) -> Path:
        # Shared by every cloud of this checkout: they run the same functions.
        return PROJECT / ".local-cloud" / "packages"

    @property
    def service_catalog(self) -> Path:
        # Made from the installed packages alone, so it is shared as well.
        from importlib.metadata import version

        versions = f"{version('localstack-core')}-{version('botocore')}"
        return PROJECT / ".local-cloud" / f"service-catalog-{versions}"

    @property
    def env_vars(self) -> Path:
        """What the setup scripts tell the functions, in the form of SAM's ``--env-vars``."""
        return self.path / "env-vars.json"

    @property
    def functions(self) -> Path:
        """What ``sam build`` has made of the functions."""
        return self.path / "functions"

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"


def open_log(path: Path) -> BinaryIO:
    """Open a log to be written at its end, which nobody else may read, nor look into its folder.

    Raises:
        OSError: it cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.fchmod(descriptor, 0o600)  # an earlier release has made it for everybody
    return os.fdopen(descriptor, "ab")


class Permissions(StrEnum):
    """What comes of a function's call that its role does not allow."""

    OFF = "off"
    WATCH = "watch"
    ENFORCE = "enforce"


@dataclass(frozen=True)
class Options:
    """What a cloud was asked to be, beside its ports.

    Args:
        stack: the template to deploy instead of the agent: path, name, parameters.
        debug: functions that a debugger may attach to, each ``NAME[:PORT]``.
        debug_wait: whether these wait for one.
        keeps_state: whether what the services hold is there at the next start.
        traces: whether it is written down what each message causes.
        permissions: see :class:`Permissions`.
    """

    stack: dict[str, Any] | None = None
    debug: tuple[str, ...] = ()
    debug_wait: bool = False
    keeps_state: bool = True
    traces: bool = True
    permissions: str = Permissions.WATCH.value


@dataclass
class State:
    """What is running: the supervisor's process, its ports, its parts' processes."""

    pid: int
    started_at: float
    ports: Ports
    mode: str = "embedded"
    options: Options = Options()
    ready: bool = False
    generation: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)

    def write(self, home: Home) -> None:
        draft = home.state_file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(home.state_file)

    @classmethod
    def read(cls, home: Home) -> State | None:
        """Return the state of the cloud that runs in ``home``, or ``None`` where none does."""
        try:
            values = json.loads(home.state_file.read_text())
            values["ports"] = Ports(**values["ports"])
            values["options"] = Options(**values.get("options", {}))
            # A cloud that another version started has to be found, too: to be stopped.
            known = {field.name for field in fields(cls)}
            state = cls(**{name: value for name, value in values.items() if name in known})
            process = psutil.Process(state.pid)
            # Process ids are used again: a later process is not ours.
            ours = process.create_time() <= state.started_at + 1
            return state if ours and is_alive(process) else None
        except (OSError, ValueError, TypeError, KeyError, psutil.NoSuchProcess):
            return None


def environment_without_aws() -> dict[str, str]:
    """Return the environment without the user's own credentials, profiles and endpoint."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def aws_environment(ports: Ports) -> dict[str, str]:
    """Return the environment in which AWS clients speak to this cloud, and to nothing else.

    The user's own credentials and profiles stay out of it, so that no mistake reaches AWS.
    """
    local = ",".join(filter(None, [os.environ.get("NO_PROXY"), "localhost,127.0.0.1"]))
    return {
        **environment_without_aws(),
        "AWS_ENDPOINT_URL": ports.engine_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "LAMBDA_ENDPOINT": ports.functions_url,
        "WEBSOCKET_URL": ports.websocket_url,
        "COGNITO_ENDPOINT": ports.engine_url,
        "S3_ENDPOINT": ports.engine_url,
        "DYNAMODB_ENDPOINT": ports.engine_url,
        "NO_PROXY": local,
        "no_proxy": local,
    }
