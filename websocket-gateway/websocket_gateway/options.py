"""The command-line options of the gateway."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path

import yaml

from local_aws import yaml_documents
from local_aws.faults import Faults
from local_aws.hosts import add_allowed_hosts
from websocket_gateway.core.limits import Limits
from websocket_gateway.service import Settings

_LIMITS = {
    "idle": ("--idle-timeout", "SECONDS", "without a message; then 1001"),
    "connection": ("--connection-duration", "SECONDS", "at most; then 1001"),
    "integration": ("--integration-timeout", "SECONDS", "an integration may take"),
    "handshake": ("--handshake-timeout", "SECONDS", "a client may take to say what it wants"),
    "frame": ("--frame-size", "BYTES", "of a frame; then 1009"),
    "message": ("--message-size", "BYTES", "of a message; then 1009"),
    "url": ("--url-length", "BYTES", "of a URL; then 414"),
    "unread": ("--unread", "BYTES", "that wait for a client that does not read"),
    "in_flight": ("--in-flight", "N", "messages of one connection at work at once"),
    "new_connections_per_second": ("--new-connections-per-second", "N", "one more is a 429"),
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options that every way to start the gateway takes."""
    options = argparse.ArgumentParser(
        prog="websocket-gateway",
        description="Serves the WebSocket APIs of a SAM or CloudFormation template.",
    )
    options.add_argument(
        "--template", type=Path, metavar="PATH", help="without one, the apigatewayv2 API makes APIs"
    )
    options.add_argument("--parameters", type=json.loads, default={}, help="JSON by name")
    options.add_argument("--host", default="127.0.0.1", help="address to listen on")
    options.add_argument("--port", type=int, default=8080)
    options.add_argument(
        "--lambda-endpoint",
        default=os.environ.get("LAMBDA_ENDPOINT", "http://127.0.0.1:3001"),
        metavar="URL",
        help="Lambda Invoke API (default: LAMBDA_ENDPOINT)",
    )
    options.add_argument(
        "--faults", type=Path, metavar="FILE", help="rules of faults to inject (YAML or JSON)"
    )
    options.add_argument(
        "--metrics-interval",
        type=float,
        default=60,
        metavar="SECONDS",
        help="between metrics put to CloudWatch at AWS_ENDPOINT_URL",
    )
    options.add_argument(
        "--recent-messages",
        type=int,
        default=0,
        metavar="N",
        help="keep the latest N for /_gateway/messages, where anyone on this port can read them",
    )
    options.add_argument(
        "--kept-apis",
        type=Path,
        metavar="FILE",
        help="keep APIs there that are made while it runs, and serve them at the next start",
    )
    add_allowed_hosts(options)
    group = options.add_argument_group("limits", "API Gateway's by default")
    for name, (option, metavar, words) in _LIMITS.items():
        default = getattr(Limits(), name)
        group.add_argument(
            option,
            dest=name,
            type=float if metavar == "SECONDS" else int,
            default=default,
            metavar=metavar,
            help=f"{words} (default: {default:g})",
        )
    return options


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return what the options say.

    Raises:
        ValueError: the fault file is wrong; says where.
        OSError: it cannot be read.
    """
    limits = replace(Limits(), **{name: getattr(arguments, name) for name in _LIMITS})
    return Settings(
        template=arguments.template,
        host=arguments.host,
        port=arguments.port,
        parameters=arguments.parameters,
        limits=limits,
        faults=read_faults(arguments.faults) if arguments.faults else None,
        recent_messages=arguments.recent_messages,
        kept_apis=arguments.kept_apis,
        metrics_seconds=arguments.metrics_interval,
        allowed_hosts=tuple(arguments.allowed_hosts),
    )


def read_faults(path: Path) -> Faults:
    """Read a fault file.

    Raises:
        ValueError: says which rule is wrong, and how.
        OSError: it cannot be read.
    """
    try:
        # As plain words: YAML would read the key "on" as true.
        document = yaml_documents.load(path.read_text(), yaml.BaseLoader)
        return Faults.read(document)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
