"""``python -m local_cloud.lambda_endpoint``: serve a template's functions."""

import json
import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from websocket_gateway.template import TemplateError

from local_cloud.lambda_endpoint.packages import InstallError
from local_cloud.lambda_endpoint.server import LambdaEndpoint, Settings


def main(
    template: Annotated[Path, typer.Option(help="SAM template")] = Path("template.yaml"),
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on")] = 3001,
    cache: Annotated[Path, typer.Option(help="Folder for installed packages")] = Path(
        ".local-cloud/packages"
    ),
    max_concurrency: Annotated[
        int, typer.Option(help="Invocations in flight for one function; one more answers 429")
    ] = 100,
    env_vars: Annotated[
        str, typer.Option(help='JSON as in SAM\'s --env-vars: {"Parameters": {"NAME": "value"}}')
    ] = "{}",
    parameters: Annotated[str, typer.Option(help="JSON of template parameters")] = "{}",
) -> None:
    """Serve the functions of a SAM template on the Lambda Invoke API."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    settings = Settings(
        template=template.resolve(),
        host=host,
        port=port,
        cache=cache.resolve(),
        max_concurrency=max_concurrency,
        overrides=json.loads(env_vars),
        parameters=json.loads(parameters),
        region=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
        cloudwatch_endpoint=os.environ.get("AWS_ENDPOINT_URL"),
    )
    try:
        uvloop.run(LambdaEndpoint(settings).run())
    except (InstallError, TemplateError, OSError) as error:
        sys.exit(f"Lambda endpoint: {error}")


if __name__ == "__main__":
    typer.run(main)
