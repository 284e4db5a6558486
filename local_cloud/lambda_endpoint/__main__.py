"""``python -m local_cloud.lambda_endpoint``: serve a template's functions."""

import argparse
import json
import os
import sys
from pathlib import Path

import uvloop

from local_aws.hosts import add_allowed_hosts
from local_aws.printable import log_to_stderr
from local_cloud.lambda_endpoint.capacity import CONCURRENT_EXECUTIONS
from local_cloud.lambda_endpoint.debugger import Wanted
from local_cloud.lambda_endpoint.packages import InstallError
from local_cloud.lambda_endpoint.server import LambdaEndpoint, Settings


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local_cloud.lambda_endpoint", description=__doc__)
    parser.add_argument(
        "--template", type=Path, metavar="PATH", help="without one, the Lambda API makes functions"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=3001)
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(".local-cloud/packages"),
        help="folder for installed packages",
    )
    parser.add_argument(
        "--concurrent-executions",
        type=int,
        default=CONCURRENT_EXECUTIONS,
        metavar="N",
        help="that the account may have; one more answers 429 (default: %(default)s, as on AWS)",
    )
    parser.add_argument(
        "--env-vars",
        type=Path,
        metavar="FILE",
        help='JSON as for SAM: {"Parameters": {"NAME": "value"}}; read again when it changes',
    )
    parser.add_argument("--parameters", type=json.loads, default={}, help="JSON by name")
    parser.add_argument(
        "--relays",
        type=json.loads,
        default={},
        help='JSON: ports of 127.0.0.1 that stand for others: {"8080": "host:port"}',
    )
    parser.add_argument(
        "--warm-workers",
        choices=["EAGER", "LAZY"],
        default="LAZY",
        help="EAGER starts a worker of each function ahead of its first invocation; "
        "of those with more packages than others when any is invoked",
    )
    parser.add_argument(
        "--debug",
        action="append",
        type=Wanted.read,
        default=[],
        metavar="NAME[:PORT]",
        help="a function that a debugger can attach to; as often as needed",
    )
    parser.add_argument(
        "--debug-wait", action="store_true", help="such a function waits for its debugger"
    )
    parser.add_argument(
        "--private",
        type=Path,
        metavar="FOLDER",
        help="what functions cannot read, where the system can keep them out",
    )
    add_allowed_hosts(parser)
    return parser.parse_args()


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    log_to_stderr()
    arguments = _arguments()
    settings = Settings(
        template=arguments.template.resolve() if arguments.template else None,
        host=arguments.host,
        port=arguments.port,
        cache=arguments.cache.resolve(),
        concurrent_executions=arguments.concurrent_executions,
        env_vars=arguments.env_vars,
        parameters=arguments.parameters,
        eager=arguments.warm_workers == "EAGER",
        region=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
        allowed_hosts=tuple(arguments.allowed_hosts),
        relays=arguments.relays,
        debugged=tuple(arguments.debug),
        debug_wait=arguments.debug_wait,
        private=arguments.private.resolve() if arguments.private else None,
        cloudwatch_endpoint=os.environ.get("AWS_ENDPOINT_URL"),
    )
    try:
        uvloop.run(LambdaEndpoint(settings).run())
    except (InstallError, ValueError, OSError) as error:
        sys.exit(f"Lambda endpoint: {error}")


if __name__ == "__main__":
    main()
