"""``python -m local_cloud.console``: serve Step Functions Local."""

import argparse
import os

import uvicorn

from local_cloud.console.app import create_app


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="local_cloud.console", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8083)
    parser.add_argument(
        "--stepfunctions-endpoint",
        default=os.environ.get("AWS_ENDPOINT_URL", "http://localhost:4566"),
        help="the AWS API that answers (default: AWS_ENDPOINT_URL)",
    )
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=["localhost", "127.0.0.1", "[::1]"],
        help="another name by which this port may be reached",
    )
    arguments = parser.parse_args()
    app = create_app(arguments.stepfunctions_endpoint, arguments.allowed_host)
    print(f"Step Functions Local on http://{arguments.host}:{arguments.port}", flush=True)
    uvicorn.run(
        app, host=arguments.host, port=arguments.port, log_level="warning", access_log=False
    )


if __name__ == "__main__":
    main()
