"""One deployment as a user follows it: what happens, where the result is, again on each change."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError

from local_cloud.debug import debug
from local_cloud.deploy.errors import DeployFailed
from local_cloud.deploy.source import Source, find_template
from local_cloud.deploy.stack import Deployment, Event
from local_cloud.installation import Home, Ports
from local_cloud.lambda_endpoint.debugger import NotDebugged
from local_cloud.lambda_endpoint.sources import fingerprint

WATCH_SECONDS = 0.5


@dataclass(frozen=True)
class Wanted:
    """A template to deploy, under which name, with which parameters."""

    path: str
    name: str
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path, name: str, parameters: Iterable[str]) -> Wanted:
        """Return what a command line asks for.

        Args:
            name: of the stack; the template's folder gives one if it is empty.
            parameters: each ``NAME=VALUE``.

        Raises:
            DeployFailed: there is no such template, or a parameter is none.
        """
        template = find_template(path).resolve()
        values = {}
        for one in parameters:
            key, equals, value = one.partition("=")
            if not equals or not key:
                raise DeployFailed(f"{one!r} is no parameter: give NAME=VALUE")
            values[key] = value
        default = re.sub(r"[^A-Za-z0-9-]+", "-", template.parent.name).strip("-")
        return cls(str(template), name or default or "stack", values)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Session:
    """Deploys a template into a running cloud.

    Args:
        by_reference: the engine reads this machine's folders; in a container it does not.
    """

    def __init__(self, ports: Ports, wanted: Wanted, *, by_reference: bool = True) -> None:
        self.ports = ports
        self.stack = Deployment(ports, wanted.name)
        self.source = Source(
            Path(wanted.path),
            Home.from_environment().path / "built" / wanted.name,
            self.stack.upload,
            by_reference=by_reference,
        )
        self.parameters = wanted.parameters
        self._marks: dict[Path, int] = {}

    def run(self) -> Iterator[Event]:
        """Deploy it once, and yield what happens.

        Raises:
            DeployFailed: it cannot be deployed.
        """
        # Before they are read: what changes from now on is another deployment's.
        self._marks = {path: _mark(path) for path in self.source.watched}
        try:
            template = self.source.prepared()
            for path in self.source.watched:
                self._marks.setdefault(path, _mark(path))
            yield from self.stack.run(template, self.parameters)
        except DeployFailed as error:
            raise DeployFailed(self.source.line_of(str(error))) from error
        except BotoCoreError as error:
            raise DeployFailed(
                f"The engine does not answer ({error}). See: ./local-cloud status"
            ) from error

    def debug(self, spec: str, *, wait: bool) -> None:
        """Let a debugger attach to a function.

        Args:
            spec: ``NAME[:PORT]``, by its name or by its logical id in the template.

        Raises:
            DeployFailed: the stack has no such function, or it cannot be debugged.
        """
        name, colon, port = spec.partition(":")
        named = self.stack.physical_ids("AWS::Lambda::Function")
        physical = named.get(name, name)
        if physical not in named.values():
            raise DeployFailed(f"The stack has no function {name} (it has: {', '.join(named)})")
        try:
            debug(self.ports, f"{physical}{colon}{port}", wait=wait)
        except NotDebugged as error:
            raise DeployFailed(str(error)) from error

    def wait_for_change(self, interrupted: threading.Event) -> None:
        """Return when a file that the deployment depends on is not what it was deployed from.

        Raises:
            KeyboardInterrupt: somebody has interrupted it.
        """
        while all(_mark(path) == mark for path, mark in self._marks.items()):
            if interrupted.wait(WATCH_SECONDS):  # no file tells of its change, on every system
                raise KeyboardInterrupt

    def results(self) -> Mapping[str, list[str]]:
        """Return the outputs, the socket addresses and the functions' log groups."""
        return {
            "outputs": [f"{key} = {value}" for key, value in self.stack.outputs().items()],
            "sockets": self.stack.sockets(),
            "logs": [
                f"awslocal logs tail /aws/lambda/{name} --follow"
                for name in self.stack.resources("AWS::Lambda::Function")
            ],
        }


def _mark(path: Path) -> int:
    """Return what changes when a file does, or one in a folder."""
    return fingerprint([path]) if path.is_dir() else _modified(path)


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # an editor is replacing it
        return 0
