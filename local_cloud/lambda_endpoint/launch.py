"""What starts a worker of a function: its command, and how it finds packages and programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from local_cloud.lambda_endpoint.debugger import VARIABLE, Debugger
from local_cloud.lambda_endpoint.functions import Function
from local_cloud.lambda_endpoint.runtimes import PYTHON, kind_of, node, python_of

_NODE_RUNTIME = Path(__file__).with_name("node") / "runtime.mjs"
_PYTHON_RUNTIME = Path(__file__).with_name("python") / "local_runtime.py"
#: What Lambda has beside the code of inline functions, after everything else.
_PYTHON_MODULES = _PYTHON_RUNTIME.with_name("inline")
_NODE_MODULES = _NODE_RUNTIME.with_name("modules")
OPTION = "LAMBDA_RUNTIME_API"
_BASE_PATH = "/usr/local/bin:/usr/bin:/bin"


def command_of(function: Function, debugger: Debugger | None = None) -> list[str]:
    """Return the command that starts a worker, which a debugger can attach to if there is one."""
    match kind_of(function.runtime):
        case "nodejs":
            options = []
            if debugger is not None:
                inspect = "inspect-wait" if debugger.wait else "inspect"
                options = [f"--{inspect}=127.0.0.1:{debugger.place()}"]
            return [node() or "node", *options, str(_NODE_RUNTIME)]
        case "provided":
            return [str(function.code / "bootstrap")]
    python = python_of(function.runtime)
    options = ["-X", "frozen_modules=off"] if debugger is not None else []  # debugpy asks for it
    return [*python_command(python, *options), function.handler]


def python_command(python: str, *options: str) -> list[str]:
    """Return the command that runs the Python runtime: without its handler, what forks workers."""
    # Without the kit's own packages (-S): a function sees what its requirements name. It leaves no
    # bytecode (-B): Python tells a stale one by the second of the edit, which is too slow.
    return [python, "-S", "-B", *options, str(_PYTHON_RUNTIME)]


def speaks_by_wire(function: Function) -> bool:
    """Return whether a worker takes its invocations over a socket of its own, and not by HTTP.

    ``LAMBDA_RUNTIME_API=http`` in the endpoint's environment has all of them take the HTTP one.
    """
    return kind_of(function.runtime) == PYTHON and os.environ.get(OPTION) != "http"


def may_be_forked(function: Function) -> bool:
    """Return whether a worker may be forked from a process that has its packages imported.

    ``LAMBDA_RUNTIME_API=wire`` has each of them start from nothing. On macOS they all do: what a
    process has loaded there may not survive a fork.
    """
    named = os.environ.get(OPTION)
    return sys.platform == "linux" and speaks_by_wire(function) and named != "wire"


def variables_of(
    function: Function, packages: Sequence[Path], debugger: Debugger | None = None
) -> dict[str, str]:
    """Return the environment variables by which a worker finds packages, programs, debugger."""
    kind = kind_of(function.runtime)
    last = _NODE_MODULES if kind == "nodejs" else _PYTHON_MODULES
    folders = os.pathsep.join(map(str, [*packages, last]))
    path = os.pathsep.join(
        [*(str(layer / "bin") for layer in function.layers if (layer / "bin").is_dir()), _BASE_PATH]
    )
    match kind:
        case "nodejs":
            place = Path(node() or "node").parent
            return {
                "NODE_PATH": folders,
                "PATH": f"{place}{os.pathsep}{path}",
                **_bucket_hosts(function.environment.get("AWS_ENDPOINT_URL", "")),
            }
        case "provided":
            return {"PATH": path}
    variables = {"PYTHONPATH": folders, "PATH": path}
    if debugger is not None:
        variables[VARIABLE] = f"{debugger.place()}{' wait' if debugger.wait else ''}"
    return variables


def _bucket_hosts(engine: str) -> dict[str, str]:
    """Return what has the SDK for Node.js, which puts a bucket into the host, name S3 there, too.

    The engine knows ``bucket.s3.localhost``; ``bucket.localhost`` might be any service.
    """
    parts = urlsplit(engine)
    if parts.hostname not in ("localhost", "127.0.0.1"):
        return {}
    return {"AWS_ENDPOINT_URL_S3": f"{parts.scheme}://s3.localhost:{parts.port}"}
