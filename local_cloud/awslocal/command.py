"""One command of the AWS CLI, sent to the local cloud whatever service it is of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from awscli.clidriver import CLIDriver, create_clidriver
from botocore.config import Config
from botocore.loaders import Loader

from local_aws.account import REGION
from local_cloud.awslocal.tail import add_tail
from local_cloud.installation import Home, Ports, State, aws_environment


def make_driver(
    endpoint: str, arguments: Sequence[str], loader: Loader | None = None
) -> tuple[CLIDriver, list[str]]:
    """Return an AWS CLI whose every call goes to ``endpoint``, and the arguments to give it.

    ``AWS_ENDPOINT_URL`` alone would not do: version 1 of the CLI gives SQS its old address in
    spite of it, and some services' endpoint rules put names of their own before the host.

    Args:
        endpoint: ``http://host:port``. Where the user names another, that one is taken.
        loader: has read descriptions of services before.
    """
    arguments = list(arguments)
    named = _named_endpoint(arguments)
    if named is None:
        arguments = ["--endpoint-url", endpoint, *arguments]
    driver = create_clidriver()
    if loader is not None:
        driver.session.register_component("data_loader", loader)
    # A host prefix ("sync-", an account's number) has no address here.
    driver.session.set_default_client_config(
        Config(inject_host_prefix=False, s3={"addressing_style": "path"})
    )
    there = urlsplit(named or endpoint)

    def go_there(request: Any, **_: object) -> None:
        # Clients that the CLI's own commands make know nothing of --endpoint-url.
        request.url = (
            urlsplit(request.url)._replace(scheme=there.scheme, netloc=there.netloc).geturl()
        )
        if "host" in request.headers:
            request.headers["host"] = there.netloc

    driver.session.register("before-send", go_there)
    driver.session.register("building-command-table.logs", add_tail)
    return driver, arguments


def _named_endpoint(arguments: Sequence[str]) -> str | None:
    for position, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--endpoint-url":
            return value if equals else "".join(arguments[position + 1 : position + 2])
    return None


def run(arguments: Sequence[str], loader: Loader | None = None) -> int:
    """Run one command of the AWS CLI against the cloud that runs here, or ``AWS_ENDPOINT_URL``.

    Args:
        arguments: the command's.
        loader: has read descriptions of services before.

    Returns:
        Its exit status.

    Raises:
        SystemExit: the arguments are none that it has; carries the exit status.
    """
    if not os.environ.get("AWS_ENDPOINT_URL"):
        state = State.read(Home.from_environment())
        os.environ.update(aws_environment(state.ports if state else Ports.from_environment()))
    elif not os.environ.get("AWS_PROFILE"):  # a local cloud takes any credentials
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ.setdefault(name, "test")
        os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    os.environ.setdefault("AWS_PAGER", "")
    driver, arguments = make_driver(os.environ["AWS_ENDPOINT_URL"], arguments, loader)
    return int(driver.main(arguments))
