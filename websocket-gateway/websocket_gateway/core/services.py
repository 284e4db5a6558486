"""Integrations of type ``AWS`` with a service other than Lambda: the call that a URI stands for.

https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html (``uri``)
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

from websocket_gateway.core.backend import IntegrationFailed, ServiceCall

SERVICE_URI = re.compile(
    r"^arn:aws[\w-]*:apigateway:(?P<region>[\w-]+):(?:[\w-]+\.)?(?P<service>[\w-]+):"
    r"(?P<kind>action|path)/(?P<rest>.*)$"
)
_FORM = "application/x-www-form-urlencoded"


def service_call(
    uri: str, method: str, headers: Mapping[str, str], query: Mapping[str, str], body: str
) -> ServiceCall:
    """Return the request for an integration URI such as ``arn:aws:apigateway:…:sqs:action/Send…``.

    Args:
        headers: as they are mapped; names in any case.
        body: what the request template made.

    Raises:
        IntegrationFailed: the URI names no service, or one that AWS does not have.
    """
    match = SERVICE_URI.match(uri)
    if match is None:
        raise IntegrationFailed(f"{uri} names no AWS service")
    service, rest = match["service"], match["rest"]
    # Who asks is the integration's role.
    given = {n.lower(): value for n, value in headers.items() if n.lower() != "authorization"}
    given.setdefault("accept", "application/json")
    if match["kind"] == "path":
        target = "/" + quote(rest, safe="/:%")
        target += f"?{urlencode(query)}" if query else ""
        given.setdefault("content-type", "application/json")
        return ServiceCall(service, match["region"], method, target, body.encode(), given)
    metadata = _metadata(service)
    if metadata["protocol"] == "query" or given.get("content-type", "").startswith(_FORM):
        given["content-type"] = _FORM
        given.pop("x-amz-target", None)  # would name another action
        sent = _form(rest, metadata["apiVersion"], query, body)
    elif metadata["protocol"] == "json":
        given["content-type"] = f"application/x-amz-json-{metadata['jsonVersion']}"
        given["x-amz-target"] = f"{metadata['targetPrefix']}.{rest}"
        sent = body.encode()
    else:
        raise IntegrationFailed(
            f"{uri}: {service} has no actions; name its path (…:{service}:path/…)"
        )
    return ServiceCall(service, match["region"], "POST", "/", sent, given)


def _form(action: str, version: str, query: Mapping[str, str], body: str) -> bytes:
    """Return the form of an action.

    The action is the URI's alone: API Gateway writes it into the address that it asks
    (``Endpoint request URI: https://ec2.…/?Action=RunInstances&…`` in its execution log), and a
    template writes what clients send into the body.

    Raises:
        IntegrationFailed: the body or the query names another one.
    """
    name, *given = action.split("&")
    fields = [*query.items(), *parse_qsl(body.strip(), keep_blank_values=True)]
    form = {"Version": version, **dict(parse_qsl("&".join(given)))}
    for field, value in fields:
        if field == "Action" and value != name:
            raise IntegrationFailed(f"the integration's action is {name}, the request's {value!r}")
        form[field] = value
    return urlencode({**form, "Action": name}).encode()


@functools.cache
def _metadata(service: str) -> dict[str, str]:
    """Return how a service's API is spoken, from the SDK's model of it."""
    # Loaded with the first such integration: most APIs have none.
    from botocore.exceptions import DataNotFoundError
    from botocore.loaders import Loader

    loader = Loader()
    # A signature's name, which the URI has, is the client's for nearly all: states is not.
    names = {"states": "stepfunctions"}
    try:
        model = loader.load_service_model(names.get(service, service), "service-2")
    except DataNotFoundError as error:
        raise IntegrationFailed(f"AWS has no service {service!r}") from error
    return {name: value for name, value in model["metadata"].items() if isinstance(value, str)}
