"""``python -m local_cloud.console``: serve the console and the Step Functions API."""

import argparse
import os
from pathlib import Path

import uvicorn

from local_aws.hosts import add_allowed_hosts
from local_cloud.console.app import Endpoints, create_app
from local_cloud.installation import PROJECT


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
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
