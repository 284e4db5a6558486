"""Runs ``awslambdaric``, with the gateway of this machine in place of API Gateway on AWS.

Functions make the address of ``@connections`` of their event, ``https://{domainName}/{stage}`` or
``https://{apiId}.execute-api.{region}.amazonaws.com/{stage}``, so that no variable could name
another. This file is run by the function's interpreter, and knows nothing of the kit.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.util
import os
import re
import runpy
import socket
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

_ON_AWS = re.compile(r"([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com")
_OURS = ("localhost", "127.0.0.1")


def local(url: str, gateway: str) -> str:
    """Return an address at the gateway for one that means an API of it; others as they are.

    Args:
        gateway: ``ws://host:port``.
    """
    asked, here = urlsplit(url), urlsplit(gateway)
    base = f"http://{here.netloc}"
    if match := _ON_AWS.fullmatch(asked.hostname or ""):
        base += f"/{match[1]}"
    elif not (
        asked.scheme == "https"
        and asked.hostname in {here.hostname, *_OURS}
        and asked.port == here.port
    ):
        return url
    return base + asked.path + (f"?{asked.query}" if asked.query else "")


class _Botocore(importlib.abc.MetaPathFinder):
    """Changes botocore when it is imported: a function that does without pays nothing."""

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "botocore.httpsession":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            self.apply(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec

    def apply(self, module: Any) -> None:
        """Change it."""
        session, gateway = module.URLLib3Session, self.gateway
        send = session.send

        def send_here(self: Any, request: Any) -> Any:
            asked, request.url = request.url, local(request.url, gateway)
            if request.url != asked:
                request.headers["X-Signed-For"] = asked
            return send(self, request)

        session.send = send_here


def listen_for_a_debugger(said: str) -> None:
    """Let a debugger attach.

    Args:
        said: a port, and ``wait`` where nothing is to run before one has.
    """
    debugger: Any = importlib.import_module("debugpy")
    port, _, wait = said.partition(" ")
    debugger.configure(subProcess=False)
    debugger.listen(("127.0.0.1", int(port)))
    if wait:
        debugger.wait_for_client()


def show_root(shown: str) -> None:
    """Have stack traces name a function's folder as on AWS, where its own tells nobody anything."""
    bootstrap: Any = importlib.import_module("awslambdaric.bootstrap")
    make_error, root = bootstrap.make_error, os.getcwd()

    def make_error_shown(
        message: Any, kind: Any, trace: list[str] | None, invoke_id: str | None = None
    ) -> Any:
        lines = [line.replace(root, shown) for line in trace or []]
        return make_error(message, kind, lines, invoke_id)

    bootstrap.make_error = make_error_shown


def _beside(name: str) -> Any:
    """Import a file beside this one, by a name that no function has."""
    place = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
    spec: Any = importlib.util.spec_from_file_location(f"local_cloud_{name}", place)
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def change_botocore(gateway: str) -> None:
    """Have botocore's requests go to this machine's gateway: now, or when it is imported."""
    change = _Botocore(gateway)
    if (module := sys.modules.get("botocore.httpsession")) is not None:
        change.apply(module)
    else:
        sys.meta_path.insert(0, change)


def be_patient() -> None:
    """Interrupt nobody when there is work: least of all the gateway, which brings it to others."""
    if hasattr(os, "SCHED_BATCH"):
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


if __name__ == "__main__":
    be_patient()
    if zygote := os.environ.pop("LOCAL_CLOUD_ZYGOTE", ""):
        _beside("zygote").serve(socket.socket(fileno=int(zygote)))
    sys.path[0] = os.getcwd()  # the function's folder, as with -m, and not this file's
    if wire := os.environ.pop("LOCAL_CLOUD_WIRE", ""):
        _beside("wire").speak(int(wire))
    if url := os.environ.get("WEBSOCKET_URL"):
        change_botocore(url)
    if debugger := os.environ.pop("LOCAL_CLOUD_DEBUGGER", ""):
        listen_for_a_debugger(debugger)
    if shown := os.environ.pop("LOCAL_CLOUD_SHOWN_ROOT", ""):
        show_root(shown)
    runpy.run_module("awslambdaric", run_name="__main__")
