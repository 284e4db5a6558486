"""Resources of REST APIs make what calls an integration of a kind that they do not know."""

from __future__ import annotations

from localstack.services.plugins import Service
from moto.apigateway.integration_parsers.unknown_parser import TypeUnknownParser

from local_cloud.engine.state.codec import add_factory


def prepare(_: Service) -> None:
    """Have resources make it after a restart, too."""
    add_factory("TypeUnknownParser", TypeUnknownParser)
