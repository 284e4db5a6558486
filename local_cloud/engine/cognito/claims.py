"""The claims of ID and access tokens, and what a pre token generation function changes in them.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Claims = dict[str, Any]

SCOPE = "aws.cognito.signin.user.admin"
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
#: Setting, its unit's key, unit and value where the client has none.
_VALIDITY = {
    "access": ("AccessTokenValidity", "AccessToken", "hours", 1),
    "id": ("IdTokenValidity", "IdToken", "hours", 1),
    "refresh": ("RefreshTokenValidity", "RefreshToken", "days", 30),
}
_RESERVED = frozenset(
    [
        *("acr", "amr", "at_hash", "auth_time", "azp", "exp", "iat", "iss", "jti", "nbf", "nonce"),
        *("origin_jti", "sub", "token_use"),
    ]
)
RESERVED_IN_ID = _RESERVED | {"aud", "cognito:username", "identities", "event_id"}
RESERVED_IN_ACCESS = _RESERVED | {
    *("client_id", "device_key", "event_id", "scope", "username", "version")
}
_FORBIDDEN_PREFIX = "dev:"


def validity_seconds(settings: Mapping[str, Any], kind: str) -> int:
    """Return how long a client's ``access``, ``id`` or ``refresh`` tokens are good for."""
    setting, unit_key, unit, default = _VALIDITY[kind]
    units = settings.get("TokenValidityUnits") or {}
    # A refresh token's validity of 0 is the default, as on AWS.
    value = int(settings.get(setting) or 0) or default
    used = units.get(unit_key, unit) if settings.get(setting) else unit
    return value * _UNITS[used]


def group_claims(groups: Iterable[Mapping[str, Any]]) -> Claims:
    """Return the claims of a user's groups, ``{"name", "role", "precedence"}``.

    The preferred role is that of the group with the lowest precedence, if it is the only one.
    """
    ordered = sorted(groups, key=_precedence)
    if not ordered:
        return {}
    claims: Claims = {"cognito:groups": [group["name"] for group in ordered]}
    roles = [group for group in ordered if group["role"]]
    if roles:
        claims["cognito:roles"] = list(dict.fromkeys(group["role"] for group in roles))
        first = {g["role"] for g in roles if _precedence(g) == _precedence(roles[0])}
        if len(first) == 1:
            claims["cognito:preferred_role"] = first.pop()
    return claims


def _precedence(group: Mapping[str, Any]) -> tuple[float, str]:
    value = group["precedence"]
    return (float("inf") if value is None else float(value), group["name"] if value is None else "")


def overridden(
    version: str, response: Mapping[str, Any], id_claims: Claims, access_claims: Claims
) -> tuple[Claims, Claims]:
    """Return both tokens' claims as a function's answer wants them.

    Reserved claims stay what they are, as on AWS.

    Args:
        version: the event's: ``1`` changes ID tokens; ``2`` and ``3`` access tokens as well.
        response: the ``response`` of the event that came back.

    Raises:
        ValueError: it has not the form that AWS describes.
    """
    key = "claimsOverrideDetails" if version == "1" else "claimsAndScopeOverrideDetails"
    details = _mapping(response.get(key))
    groups = _mapping(details.get("groupOverrideDetails"))
    id_claims, access_claims = dict(id_claims), dict(access_claims)
    if groups:
        _override_groups(groups, id_claims, access_claims)
    if version == "1":
        _change(id_claims, details, RESERVED_IN_ID, text_only=True)
        return id_claims, access_claims
    _change(id_claims, _mapping(details.get("idTokenGeneration")), RESERVED_IN_ID)
    access = _mapping(details.get("accessTokenGeneration"))
    _change(access_claims, access, RESERVED_IN_ACCESS)
    scopes = [*str(access_claims.get("scope", "")).split(), *_texts(access.get("scopesToAdd"))]
    removed = set(_texts(access.get("scopesToSuppress")))
    if any(len(scope.split()) != 1 for scope in scopes):
        raise ValueError("a scope has spaces")
    access_claims["scope"] = " ".join(s for s in dict.fromkeys(scopes) if s not in removed)
    return id_claims, access_claims


def _override_groups(details: Mapping[str, Any], *tokens: Claims) -> None:
    for number, claims in enumerate(tokens):
        for key, claim in (
            ("groupsToOverride", "cognito:groups"),
            ("iamRolesToOverride", "cognito:roles"),
        ):
            if details.get(key) is None or (number and claim != "cognito:groups"):
                continue
            values = _texts(details[key])
            if values:
                claims[claim] = values
            else:
                claims.pop(claim, None)
        if number == 0 and details.get("preferredRole"):
            claims["cognito:preferred_role"] = str(details["preferredRole"])


def _change(
    claims: Claims,
    details: Mapping[str, Any],
    reserved: frozenset[str],
    *,
    text_only: bool = False,
) -> None:
    for name, value in _mapping(details.get("claimsToAddOrOverride")).items():
        if text_only and not isinstance(value, str):
            raise ValueError(f"the claim {name} is not a string")
        if name not in reserved and not name.startswith(_FORBIDDEN_PREFIX):
            claims[name] = value
    for name in _texts(details.get("claimsToSuppress")):
        if name not in reserved:
            claims.pop(name, None)


def _mapping(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("an object was expected")
    return value


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("a list of strings was expected")
    return value
