"""An API's address on AWS in a template becomes the one that it has here."""

from __future__ import annotations

import os
import re

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import (
    ChangeSetModelPreproc,
)
from localstack.utils.urls import localstack_host

_ON_AWS = re.compile(
    r"(?P<scheme>https|wss)://(?P<api>[a-z0-9]+)\.execute-api\.[a-z0-9-]+\."
    # What AWS::URLSuffix gives here is the engine's host.
    rf"(?:amazonaws\.com|{re.escape(localstack_host().host)})(?::\d+)?"
)
_theirs = ChangeSetModelPreproc._perform_static_replacements


def _gateway() -> str:
    # As this machine's programs reach it, where the engine itself does otherwise.
    named = os.environ.get("BROWSER_WEBSOCKET_URL") or os.environ.get("WEBSOCKET_URL")
    return (named or "ws://127.0.0.1:8080").rstrip("/")


def _is_websocket(api: str) -> bool:
    """Return whether the gateway has an API; a REST API has an address of the same form."""
    try:
        connect_to().apigatewayv2.get_api(ApiId=api)
    except ClientError:
        return False
    return True


def _is_rest(api: str) -> bool:
    """Return whether there is a REST API of this id."""
    try:
        connect_to().apigateway.get_rest_api(restApiId=api)
    except ClientError:
        return False
    return True


def localized(value: str) -> str:
    """Return a text with the address that an API has here for the one on AWS.

    A REST API's is the one below the engine's own name, which no resolver has to know names of.
    """
    match = _ON_AWS.search(value)
    if match is None:
        return str(_theirs(value))
    if _is_websocket(match["api"]):
        at = _gateway()
        if match["scheme"] == "https":
            at = at.replace("ws", "http", 1)
    elif _is_rest(match["api"]):
        at = f"http://{localstack_host().host_and_port()}/_aws/execute-api"
    else:
        return str(_theirs(value))
    return f"{value[: match.start()]}{at}/{match['api']}{value[match.end() :]}"


def localize_addresses() -> None:
    """Have every value that a stack resolves looked at."""
    ChangeSetModelPreproc._perform_static_replacements = staticmethod(localized)
