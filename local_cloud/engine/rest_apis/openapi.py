"""What an OpenAPI document says of who may call each method, in the words that LocalStack reads.

LocalStack's import knows authorizers alone: a method that wants a signature, and one that is open
under a default that is not, would come out otherwise than they are written.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authtype.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-auth.html
https://spec.openapis.org/oas/v3.0.3#security-requirement-object
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

AUTHORIZER, AUTHTYPE = "x-amazon-apigateway-authorizer", "x-amazon-apigateway-authtype"
#: A method's own word, beside ``security``.
AUTH = "x-amazon-apigateway-auth"
GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"
#: Schemes that stand for no authorizer; LocalStack makes one of each, which goes again.
SIGNED, OPEN = "kit-aws-iam", "kit-none"
_STANDS_FOR = {SIGNED: "AWS_IAM", OPEN: "NONE"}
TYPES = frozenset(_STANDS_FOR.values())
_OF_REST_APIS = frozenset({"token", "request", "cognito_user_pools"})
_VERBS = frozenset(
    {"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}
)


class WrongDocument(ValueError):
    """A document says what cannot be done; says where."""


def with_authorization(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document in which each method's security is what LocalStack makes of it.

    Raises:
        WrongDocument: a method names a scheme that there is not, or an authorizer is of a type
            that REST APIs do not have.
    """
    schemes = _schemes(document)
    for name, scheme in schemes.items():
        kind = str((scheme.get(AUTHORIZER) or {}).get("type", "token")).lower()
        if kind not in _OF_REST_APIS:
            raise WrongDocument(f"{name}: a REST API has no authorizers of type {kind}")
    default = document.get("security")
    paths = {
        path: {
            key: _method(f"{key.upper()} {path}", value, schemes, default)
            if key in _VERBS and isinstance(value, dict)
            else value
            for key, value in item.items()
        }
        if isinstance(item, dict)
        else item
        for path, item in (document.get("paths") or {}).items()
    }
    more = {name: {AUTHORIZER: {"type": kind}} for name, kind in _STANDS_FOR.items()}
    changed = {key: value for key, value in document.items() if key != "security"}
    if "components" in document and "securityDefinitions" not in document:
        components = document["components"] or {}
        changed["components"] = {**components, "securitySchemes": {**schemes, **more}}
    else:
        changed["securityDefinitions"] = {**schemes, **more}
    return {**changed, "paths": paths}


def gateway_responses(document: Any) -> dict[str, dict[str, Any]]:
    """Return the gateway responses that a document defines, by their types.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-gateway-responses.html
    """
    found = document.get(GATEWAY_RESPONSES) if isinstance(document, dict) else None
    return {str(kind): said for kind, said in (found or {}).items() if isinstance(said, dict)}


def _schemes(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = document.get("securityDefinitions") or (document.get("components") or {}).get(
        "securitySchemes"
    )
    return {name: scheme for name, scheme in (found or {}).items() if isinstance(scheme, dict)}


def _method(
    where: str, method: dict[str, Any], schemes: dict[str, dict[str, Any]], default: Any
) -> dict[str, Any]:
    own = (method.get(AUTH) or {}).get("type")
    said = [one for one in method.get("security", default) or [] if isinstance(one, dict)]
    kept = [one for one in said if "NONE" not in one]
    if unknown := sorted({name for one in kept for name in one} - schemes.keys()):
        raise WrongDocument(f"{where}: security names {unknown[0]}, which is no security scheme")
    if str(own).upper() == "AWS_IAM" or any(_is_signed(schemes[n]) for n in _names(kept)):
        return {**method, "security": [{SIGNED: []}, *kept]}
    if any(AUTHORIZER in schemes[name] for name in _names(kept)):
        return {**method, "security": kept}
    return {**method, "security": [{OPEN: []}, *kept]}


def _names(security: list[dict[str, Any]]) -> Iterator[str]:
    return (name for one in security for name in one)


def _is_signed(scheme: dict[str, Any]) -> bool:
    return AUTHORIZER not in scheme and str(scheme.get(AUTHTYPE, "")).lower() == "awssigv4"
