"""Mapping templates of REST APIs: LocalStack's, which see values alone."""

from __future__ import annotations

from localstack.services.apigateway.next_gen.execute_api.template_mapping import (
    VelocityInput,
    VelocityUtilApiGateway,
)
from localstack.utils.aws.templating import VelocityUtil

from local_aws import velocity

_UTIL = {
    *("base64Decode", "base64Encode", "escapeJavaScript", "parseJson", "toJson", "urlDecode"),
    *("urlEncode", "quiet", "qr"),
}


def restrict_templates() -> None:
    """Have templates see the documented members of ``$input`` and ``$util``, and no others."""
    velocity.register(VelocityInput, ("body", "json", "params", "path"))
    velocity.register(VelocityUtilApiGateway, _UTIL)
    velocity.register(VelocityUtil, ("quiet", "qr"))
    velocity.restrict()
