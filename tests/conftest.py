"""``--localstack``: run the tests that need a real stack, on a stack of their own."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import docker
import pytest

from local_cloud import daemon
from local_cloud.docker_mode.compose import DEFAULT_PROJECT
from local_cloud.docker_mode.volumes import remove_project
from local_cloud.installation import Home, Options, Permissions, Ports, State
from local_cloud.model_override import ModelOverride
from local_cloud.port_check import free_ports
from tests.stack import Stack

ROOT = Path(__file__).parent.parent
NEEDS_STACK = {"integration", "e2e"}
#: Pages of it may call the APIs of the stack that the tests share.
ALLOWED_ORIGIN = "http://allowed.example"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--localstack",
        action="store_true",
        help="run integration and end-to-end tests: on the stack that AWS_ENDPOINT_URL names "
        "(its other ports from CONSOLE_PORT, FUNCTIONS_PORT, GATEWAY_PORT), else on one of "
        "their own, on free ports",
    )

    parser.addoption(
        "--docker",
        action="store_true",
        help="with --localstack: the stack of their own is one of Docker Compose and SAM, which is "
        "asked what Docker can change",
    )

    parser.addoption(
        "--all",
        action="store_true",
        help="with --docker: also what is the same in both modes",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "embedded: needs the embedded mode; says why")
    config.addinivalue_line("markers", "same_in_docker: Docker cannot change it; says why")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--docker"):
        for item in items:
            if mark := item.get_closest_marker("embedded"):
                item.add_marker(pytest.mark.skip(reason=f"embedded mode only: {mark.args[0]}"))
            elif not config.getoption("--all") and (
                mark := item.get_closest_marker("same_in_docker")
            ):
                reason = f"Docker cannot change it, --all runs it: {mark.args[0]}"
                item.add_marker(pytest.mark.skip(reason=reason))
            elif item.path.relative_to(ROOT / "tests").parts[0] not in NEEDS_STACK:
                item.add_marker(pytest.mark.skip(reason="no stack of Docker's is asked by it"))
    if config.getoption("--localstack"):
        return
    skip = pytest.mark.skip(reason="needs a running stack: pytest tests/ --localstack")
    for item in items:
        if item.path.relative_to(ROOT / "tests").parts[0] in NEEDS_STACK:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack that the tests share."""
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        os.environ["ENGINE_PORT"] = str(urlsplit(endpoint).port or 80)
        named = os.environ.get("COMPOSE_PROJECT_NAME") or DEFAULT_PROJECT
        project = named if mode_of(pytestconfig) == "docker" else None
        yield Stack(Ports.from_environment(), None, project)
        return
    # Functions do what their roles allow, and nothing else, as on AWS.
    options = Options(permissions=Permissions.ENFORCE.value)
    folder = tmp_path_factory.mktemp("cloud")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXTRA_CORS_ALLOWED_ORIGINS", ALLOWED_ORIGIN)
        with own_stack(folder, mode_of(pytestconfig), options) as started:
            yield started


@pytest.fixture
def model(stack: Stack) -> Iterator[ModelOverride]:
    """A model of the test's own at the shared stack, until the test has ended."""
    override = ModelOverride(stack.ports.engine_url)
    yield override
    override.end()


def mode_of(config: pytest.Config) -> str:
    return "docker" if config.getoption("--docker") else "embedded"


class own_stack:  # noqa: N801 - reads as a function
    """A stack on free ports with state of its own; stopped at the end."""

    def __init__(
        self,
        folder: Path,
        mode: str = "embedded",
        options: Options = Options(),  # noqa: B008 - it is frozen
    ) -> None:
        self.home = Home(folder)
        self.mode = mode
        self.options = options
        self.project = f"test-{uuid.uuid4().hex[:8]}"

    def __enter__(self) -> Stack:
        ports = free_ports()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("COMPOSE_PROJECT_NAME", self.project)
            daemon.start(
                self.home,
                ports,
                lambda p: print(p.part, p.text, file=sys.stderr),
                self.mode,
                self.options,
            )
        return Stack(ports, self.home, self.project if self.mode == "docker" else None)

    def stop(self) -> None:
        """Stop it; entered again, it finds what it held."""
        state = State.read(self.home)
        if state is not None:
            assert daemon.stop(state, 60), "the supervisor does not stop"

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self.mode == "docker":
            remove_project(docker.from_env(), self.project)


@pytest.fixture(scope="module")
def breakable_stack(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A stack whose parts the tests of one module kill; each leaves it running."""
    with own_stack(tmp_path_factory.mktemp("breakable"), mode_of(pytestconfig)) as started:
        yield started
