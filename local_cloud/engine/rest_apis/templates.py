"""Mapping templates and models of REST APIs: LocalStack's, which see values alone, and end."""

from __future__ import annotations

from typing import Any

from jsonschema import _keywords, _legacy_keywords, _utils
from localstack.services.apigateway.next_gen.execute_api.template_mapping import (
    VelocityInput,
    VelocityUtilApiGateway,
)
from localstack.utils.aws.templating import VelocityUtil

from local_aws import velocity
from local_aws.given_patterns import NotMatched, compiled

_UTIL = {
    *("base64Decode", "base64Encode", "escapeJavaScript", "parseJson", "toJson", "urlDecode"),
    *("urlEncode", "quiet", "qr"),
}


def restrict_templates() -> None:
    """Have templates see what is documented of ``$input`` and ``$util``, and models match soon."""
    velocity.register(VelocityInput, ("body", "json", "params", "path"))
    velocity.register(VelocityUtilApiGateway, _UTIL)
    velocity.register(VelocityUtil, ("quiet", "qr"))
    velocity.restrict()
    for module in (_keywords, _legacy_keywords, _utils):
        named: Any = module
        named.re = _Search


class _Search:
    """What ``jsonschema`` uses of ``re``; nothing fits what takes more than linear time."""

    @staticmethod
    def search(pattern: str, text: str) -> bool:
        try:
            return compiled(pattern).search(text) is not None
        except NotMatched:
            return False
