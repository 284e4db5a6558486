"""The four parts of the cloud: how each is started, and how it says that it is ready."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from local_cloud.installation import TEMPLATE, Home, Ports, aws_environment


@dataclass(frozen=True)
class Part:
    """A child process with a port and a page that answers 200 when it is ready."""

    name: str
    title: str
    port: int
    module: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    health: str

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "local_cloud.lifeline", self.module, *self.arguments]

    @property
    def health_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.health}"


def make_parts(ports: Ports, home: Home) -> dict[str, Part]:
    """Return the parts by name, in the order in which they are started."""
    environment = aws_environment(ports)
    parts = [
        Part(
            "engine",
            "LocalStack",
            ports.engine,
            "localstack.runtime.main",
            (),
            {**environment, **_engine_settings(ports, home)},
            "/_localstack/health",
        ),
        Part(
            "lambda",
            "Lambda endpoint",
            ports.functions,
            "local_cloud.lambda_endpoint",
            (
                *("--template", str(TEMPLATE), "--port", str(ports.functions)),
                *("--cache", str(home.packages), "--env-vars", str(home.env_vars)),
                *("--warm-workers", "EAGER"),
            ),
            environment,
            "/health",
        ),
        Part(
            "gateway",
            "WebSocket gateway",
            ports.gateway,
            "websocket_gateway",
            ("--template", str(TEMPLATE), "--port", str(ports.gateway)),
            environment,
            "/_gateway/health",
        ),
        Part(
            "console",
            "Step Functions Local",
            ports.console,
            "local_cloud.console",
            ("--port", str(ports.console)),
            environment,
            "/_console/health",
        ),
    ]
    return {part.name: part for part in parts}


def _engine_settings(ports: Ports, home: Home) -> dict[str, str]:
    # https://docs.localstack.cloud/references/configuration/
    return {
        "GATEWAY_LISTEN": f"127.0.0.1:{ports.engine}",
        "LOCALSTACK_HOST": f"localhost:{ports.engine}",
        "FILESYSTEM_ROOT": str(home.engine_files),
        "OVERRIDE_IN_DOCKER": "0",  # its files lie there even if this machine is a container
        "PROVIDER_OVERRIDE_DYNAMODB": "moto",
        "PROVIDER_OVERRIDE_LAMBDA": "endpoint",
        "COGNITO_SIGNING_KEY_FILE": str(home.signing_key),
        "TMPDIR": str(home.engine_files),
        "LS_LOG": "warn",
        # glibc gives every thread a heap of its own; LocalStack answers on dozens of threads.
        "MALLOC_ARENA_MAX": "2",
        # Nothing is asked of the internet.
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
    }
