"""``python -m websocket_gateway``: serve the WebSocket APIs of a template."""

from __future__ import annotations

import argparse
import logging
import os
import sys

import uvloop

from local_aws.aws_api import AwsApi
from local_aws.log_delivery import LogDelivery
from local_aws.printable import log_to_stderr
from local_aws.traces import traces_of
from websocket_gateway.backend import NetworkBackend
from websocket_gateway.options import parser, settings_of
from websocket_gateway.service import GatewayService


async def _run(arguments: argparse.Namespace) -> None:
    url = os.environ.get("AWS_ENDPOINT_URL")
    engine = AwsApi(url) if url else None
    logs = LogDelivery(engine)
    traces = traces_of("gateway")
    backend = NetworkBackend(arguments.lambda_endpoint, logs, engine, traces)
    await GatewayService(settings_of(arguments), backend, logs, engine, traces).run()


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    log_to_stderr()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        uvloop.run(_run(parser().parse_args()))
    except (ValueError, OSError) as error:
        sys.exit(f"websocket-gateway: {error}")


if __name__ == "__main__":
    main()
