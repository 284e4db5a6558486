"""``python -m local_cloud.console``: serve the console and the Step Functions API."""

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import uvicorn

from local_aws.hosts import add_allowed_hosts
from local_aws.listener import listen
from local_aws.open_files import allow_many_files
from local_cloud.console.app import Endpoints, create_app
from local_cloud.installation import PROJECT


class ConsoleServer(uvicorn.Server):
    """uvicorn's, which takes connections as the other parts do."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(1)
        config = self.config
        protocol: Callable[..., asyncio.BaseProtocol] = config.http_protocol_class
        loop = asyncio.get_running_loop()
        made = partial(
            protocol,
            config=config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            _loop=loop,
        )
        self.servers = [listen(made, config.host, config.port)]  # type: ignore[list-item]
        self.started = True


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="local_cloud.console", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8083)
    engine = os.environ.get("AWS_ENDPOINT_URL", "http://localhost:4566")
    websocket = os.environ.get("WEBSOCKET_URL", "ws://localhost:8080")
    parser.add_argument(
        "--stepfunctions-endpoint",
        default=engine,
        metavar="URL",
        help="the Step Functions API that answers (default: AWS_ENDPOINT_URL)",
    )
    parser.add_argument("--engine", default=engine, metavar="URL", help="of the other AWS APIs")
    parser.add_argument(
        "--gateway",
        default=websocket.replace("ws", "http", 1),
        metavar="URL",
        help="of the WebSocket gateway (default: from WEBSOCKET_URL)",
    )
    parser.add_argument(
        "--browser-websocket",
        default=os.environ.get("BROWSER_WEBSOCKET_URL", websocket),
        metavar="URL",
        help="of the same gateway, as a browser reaches it",
    )
    add_allowed_hosts(parser)
    parser.add_argument(
        "--inputs",
        type=Path,
        default=PROJECT / "config" / "test-data" / "inputs",
        metavar="FOLDER",
        help="saved inputs: state-machines/NAME/*.json, functions/NAME/*.json",
    )
    arguments = parser.parse_args()
    endpoints = Endpoints(
        step_functions=arguments.stepfunctions_endpoint,
        engine=arguments.engine,
        gateway=arguments.gateway,
        websocket=arguments.browser_websocket,
    )
    app = create_app(endpoints, arguments.allowed_hosts, arguments.inputs)
    print(f"Console on http://{arguments.host}:{arguments.port}", flush=True)
    allow_many_files()
    config = uvicorn.Config(
        app,
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    ConsoleServer(config).run()


if __name__ == "__main__":
    main()
