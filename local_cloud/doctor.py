"""Looks at the machine before the cloud does."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import psutil

from local_cloud.installation import TEMPLATE, Home, Ports, State
from local_cloud.lambda_endpoint.confinement import why_not
from local_cloud.port_check import taken_ports

NEEDED_MEMORY_MB = 1500
NEEDED_DISK_MB = 1000


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: whether it is good, and what was seen or is to be done."""

    name: str
    good: bool
    text: str


def check_machine(home: Home, ports: Ports) -> Iterator[Check]:
    """Yield a check of everything that the cloud needs."""
    yield Check("python", True, f"{platform.python_version()} at {sys.executable}")
    for package in ("localstack-core", "moto-ext", "websockets"):
        try:
            yield Check("package", True, f"{package} {version(package)}")
        except PackageNotFoundError:
            yield Check("package", False, f"{package} is missing. Run: rm -r .venv; ./local-cloud")
    yield _bash()
    memory = psutil.virtual_memory().available / 2**20
    yield Check(
        "memory",
        memory >= NEEDED_MEMORY_MB,
        f"{memory:,.0f} MB free; about {NEEDED_MEMORY_MB:,} MB are needed",
    )
    try:
        home.make()
    except OSError as error:
        yield Check("folder", False, str(error))
        return
    disk = shutil.disk_usage(home.path).free / 2**20
    yield Check(
        "disk",
        disk >= NEEDED_DISK_MB,
        f"{disk:,.0f} MB free at {home.path}; about {NEEDED_DISK_MB:,} MB are needed",
    )
    words = why_not(home.path)
    yield Check("functions", True, words or f"cannot read {home.path}")
    yield _template()
    if State.read(home) is not None:
        yield Check("ports", True, "the cloud is running on them")
        return
    taken = taken_ports(ports)
    for sentence in taken:
        yield Check("ports", False, sentence)
    if not taken:
        numbers = f"{ports.engine}, {ports.console}, {ports.functions}, {ports.gateway}"
        yield Check("ports", True, f"{numbers} are free")


def _bash() -> Check:
    path = shutil.which("bash")
    if path is None:
        return Check("bash", False, "missing; the setup scripts need it. Install bash")
    return Check("bash", True, path)


def _template() -> Check:
    from local_aws.template import Template, TemplateError
    from local_cloud.lambda_endpoint.functions import read_functions
    from websocket_gateway.template_apis import read_apis

    try:
        template = Template.load(TEMPLATE)
        functions, apis = read_functions(template), read_apis(template).records
    except (TemplateError, ValueError) as error:
        return Check("template", False, str(error))
    routes = sum(len(api.routes) for api in apis)
    return Check("template", True, f"{len(functions)} functions, {routes} routes")
