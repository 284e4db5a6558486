"""``python -m websocket_gateway``: serve the WebSocket API of a template."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path

import uvloop

from websocket_gateway.definition import read_apis
from websocket_gateway.gateway import Gateway
from websocket_gateway.lambda_client import LambdaClient
from websocket_gateway.limits import Limits
from websocket_gateway.server import serve
from websocket_gateway.template import Template, TemplateError

# How long the functions have to hear of the connections that the gateway closes when it stops.
DISCONNECT_GRACE_SECONDS = 2.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="websocket-gateway", description=__doc__)
    parser.add_argument("--template", type=Path, default=Path("template.yaml"))
    parser.add_argument("--parameters", type=json.loads, default={}, help="JSON by name")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument(
        "--lambda-endpoint",
        default=os.environ.get("LAMBDA_ENDPOINT", "http://127.0.0.1:3001"),
        help="Lambda Invoke API (default: LAMBDA_ENDPOINT)",
    )
    limits = Limits()
    parser.add_argument("--idle-timeout", type=float, default=limits.idle, metavar="SECONDS")
    parser.add_argument(
        "--connection-duration", type=float, default=limits.connection, metavar="SECONDS"
    )
    parser.add_argument(
        "--integration-timeout", type=float, default=limits.integration, metavar="SECONDS"
    )
    parser.add_argument(
        "--new-connections-per-second",
        type=int,
        default=limits.new_connections_per_second,
        metavar="N",
        help="one more is answered with 429",
    )
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    template = Template.load(arguments.template, arguments.parameters)
    api = read_apis(template)[0]
    limits = Limits(
        idle=arguments.idle_timeout,
        connection=arguments.connection_duration,
        integration=arguments.integration_timeout,
        new_connections_per_second=arguments.new_connections_per_second,
    )
    gateway = Gateway(api, LambdaClient(arguments.lambda_endpoint), limits)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    server = await serve(gateway, arguments.host, arguments.port)
    print(
        f"WebSocket API {api.name} on ws://{arguments.host}:{arguments.port} "
        f"(stage {api.stage}, routes {', '.join(sorted(api.routes))})",
        flush=True,
    )
    await stopped.wait()
    server.close()
    for client in list(gateway.clients.values()):
        client.close(1001, "Going away")
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=DISCONNECT_GRACE_SECONDS)


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        uvloop.run(_run(_arguments()))
    except (TemplateError, ValueError, OSError) as error:
        sys.exit(f"websocket-gateway: {error}")


if __name__ == "__main__":
    main()
