"""Where functions run: at ``LAMBDA_ENDPOINT``; with SAM there, those of the API beside the engine.

SAM runs the functions of its template alone. ``FUNCTIONS_BESIDE_ENGINE`` has the engine start the
kit's own endpoint for those that the API makes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from localstack import config
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException
from localstack.utils.urls import localstack_host

from local_cloud.engine.forwarder import (
    ANSWER_TIMEOUT_SECONDS,
    CONNECT_TIMEOUT_SECONDS,
    Forwarder,
)
from local_cloud.engine.functions.template_functions import TEMPLATE

PORT = 3001
_CA_VARIABLES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
START_SECONDS, RETRY_SECONDS = 60.0, 0.05


class Endpoint:
    """A Lambda endpoint, over connections that are kept."""

    def __init__(self, forwarder: Forwarder) -> None:
        self.url, self.session = forwarder.endpoint, forwarder.session

    def send(self, method: str, path: str, **more: Any) -> requests.Response:
        """Return its answer.

        Raises:
            LambdaRuntimeException: it does not answer.
        """
        try:
            return self.session.request(
                method,
                f"{self.url}{path}",
                timeout=(CONNECT_TIMEOUT_SECONDS, ANSWER_TIMEOUT_SECONDS),
                **more,
            )
        except requests.RequestException as error:
            raise LambdaRuntimeException(f"{self.url} does not answer: {error}") from error


class EndpointBesideEngine(Endpoint):
    """The kit's own endpoint as a process of the engine's, from the first need of it."""

    def __init__(self) -> None:
        super().__init__(Forwarder(f"http://127.0.0.1:{PORT}", "docker restart the engine"))
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()

    def send(self, method: str, path: str, **more: Any) -> requests.Response:
        with self._starting:
            if self._process is None or self._process.poll() is not None:
                self._start()
        return super().send(method, path, **more)

    def _start(self) -> None:
        listens = config.GATEWAY_LISTEN[0].port
        gateway = urlsplit(os.environ.get("WEBSOCKET_URL", ""))
        published = os.environ.get("BROWSER_WEBSOCKET_URL") or gateway.geturl()
        # What the engine and the gateway tell of themselves holds outside of their containers.
        stands_for = {
            urlsplit(published).port: gateway.netloc,
            localstack_host().port: f"127.0.0.1:{listens}",
        }
        relays = {str(p): to for p, to in stands_for.items() if p and p != listens}
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "local_cloud.lambda_endpoint", "--port", str(PORT)),
                *("--cache", os.environ["FUNCTIONS_BESIDE_ENGINE"]),
                *("--relays", json.dumps(relays)),
            ],
            env={
                **os.environ,
                "AWS_ENDPOINT_URL": f"http://localhost:{listens}",
                "WEBSOCKET_URL": published,
                **_certificates(),
            },
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if self.session.get(f"{self.url}/health", timeout=2).ok:
                    return
            except requests.RequestException:
                if self._process.poll() is not None:
                    break
            time.sleep(RETRY_SECONDS)  # a process tells nobody when it listens
        raise LambdaRuntimeException("what runs functions did not start; its log is the engine's")


def _certificates() -> dict[str, str]:
    """Return what has installers trust a proxy's CA, where a user has given one."""
    bundle = next(Path("/certs").glob("*.crt"), None)
    return {} if bundle is None else dict.fromkeys(_CA_VARIABLES, str(bundle))


TEMPLATE_ENDPOINT = Endpoint(TEMPLATE.forwarder)
ENDPOINT = (
    EndpointBesideEngine() if os.environ.get("FUNCTIONS_BESIDE_ENGINE") else TEMPLATE_ENDPOINT
)
