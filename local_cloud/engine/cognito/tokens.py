"""Tokens of users: issued, refreshed, revoked and verified.

A grant is what a sign-in gave an app client. Its refresh token is kept as a hash; access tokens are
good for as long as the grant is.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-with-identity-providers.html
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from moto.cognitoidp.models import (
    CognitoIdpUser,
    CognitoIdpUserPool,
    CognitoIdpUserPoolClient,
)

from local_cloud.engine.cognito import claims as token_claims
from local_cloud.engine.cognito import directory
from local_cloud.engine.cognito.attributes import claims_of, readable, schema_of
from local_cloud.engine.cognito.directory import GRANTS, LOCK, records
from local_cloud.engine.cognito.errors import not_authorized, refusal
from local_cloud.engine.cognito.triggers import Triggers, user_attributes, wrong_response
from local_cloud.engine.signing_key import InstallationSigner

Result = dict[str, Any]
#: How many refresh tokens of a grant are known: an older one is told to be invalid, not reused.
KEPT_TOKENS = 20

#: What the pools' tokens are signed with; set when the service starts.
_signers: list[InstallationSigner] = []


def sign_with(signer: InstallationSigner) -> None:
    """Have all tokens signed, and verified, with the installation's key."""
    _signers[:] = [signer]


def issuer(pool: CognitoIdpUserPool) -> str:
    """Return the ``iss`` of a pool's tokens: AWS's own."""
    return f"https://cognito-idp.{pool.region}.amazonaws.com/{pool.id}"


def rotates(client: CognitoIdpUserPoolClient) -> bool:
    """Return whether refresh tokens are good for one refresh (``RefreshTokenRotation``)."""
    setting = client.extended_config.get("RefreshTokenRotation") or {}
    return bool(setting.get("Feature") == "ENABLED")


def grant(
    pool: CognitoIdpUserPool, client: CognitoIdpUserPoolClient, user: CognitoIdpUser
) -> tuple[str, str]:
    """Begin a grant, and return its id (``origin_jti``) and its refresh token."""
    identifier, now = str(uuid.uuid4()), directory.now()
    lasts = token_claims.validity_seconds(client.extended_config, "refresh")
    token = _new_refresh_token(identifier)
    with LOCK:
        grants = records(pool, GRANTS)
        for old in [key for key, one in grants.items() if one["expires"] < now]:
            del grants[old]
        grants[identifier] = {
            "client": client.id,
            "sub": user.id,
            "began": int(now),
            # An access token may outlive the refresh token.
            "expires": now
            + max(lasts, token_claims.validity_seconds(client.extended_config, "access")),
            "refresh_until": now + lasts,
            # Refresh tokens by their hashes, and until when each is good.
            "tokens": {_hash(token): now + lasts},
        }
    return identifier, token


def issue(
    triggers: Triggers,
    client: CognitoIdpUserPoolClient,
    user: CognitoIdpUser,
    grant_id: str,
    source: str,
    metadata: Mapping[str, str],
) -> Result:
    """Return the ``AuthenticationResult`` of a grant, without a refresh token.

    Args:
        source: what the tokens are generated for: ``Authentication``, ``RefreshTokens``, …

    Raises:
        CommonServiceException: the pre token generation function failed, or the grant has ended.
    """
    pool, settings = triggers.pool, client.extended_config
    now = int(directory.now())
    kept = records(pool, GRANTS).get(grant_id)
    if kept is None:  # the user was signed out meanwhile
        raise not_authorized("Refresh Token has been revoked")
    groups = token_claims.group_claims(
        [
            {"name": g.group_name, "role": g.role_arn, "precedence": g.precedence}
            for g in list(user.groups)
        ]
    )
    common = {
        "sub": user.id,
        "iss": issuer(pool),
        "origin_jti": grant_id,
        "event_id": str(uuid.uuid4()),
        "auth_time": kept["began"],
        "iat": now,
    }
    schema = schema_of(pool)
    names = readable(settings.get("ReadAttributes") or (), schema)
    for_id = {
        **claims_of(user.attribute_lookup, names),
        **groups,
        **common,
        "cognito:username": user.username,
        "aud": client.id,
        "token_use": "id",
        "jti": str(uuid.uuid4()),
        "exp": now + token_claims.validity_seconds(settings, "id"),
    }
    for_access = {
        **{key: value for key, value in groups.items() if key == "cognito:groups"},
        **common,
        "client_id": client.id,
        "token_use": "access",
        "scope": token_claims.SCOPE,
        "jti": str(uuid.uuid4()),
        "exp": now + token_claims.validity_seconds(settings, "access"),
        "username": user.username,
    }
    for_id, for_access = _generated(triggers, user, source, metadata, groups, for_id, for_access)
    signer = _signers[0]
    return {
        "AccessToken": signer.encode({}, for_access, None),
        "IdToken": signer.encode({}, for_id, None),
        "ExpiresIn": for_access["exp"] - now,
        "TokenType": "Bearer",
    }


def _generated(
    triggers: Triggers,
    user: CognitoIdpUser,
    source: str,
    metadata: Mapping[str, str],
    groups: Mapping[str, Any],
    for_id: token_claims.Claims,
    for_access: token_claims.Claims,
) -> tuple[token_claims.Claims, token_claims.Claims]:
    version = triggers.version("PreTokenGeneration")
    request: dict[str, Any] = {
        "userAttributes": user_attributes(user),
        "groupConfiguration": {
            "groupsToOverride": groups.get("cognito:groups", []),
            "iamRolesToOverride": groups.get("cognito:roles", []),
            "preferredRole": groups.get("cognito:preferred_role"),
        },
        "clientMetadata": dict(metadata),
    }
    if version == "1":
        empty = {"claimsOverrideDetails": None}
    else:
        request["scopes"] = for_access["scope"].split()
        empty = {"claimsAndScopeOverrideDetails": None}
    answer = triggers.run("PreTokenGeneration", source, user.username, request, empty)
    if answer is None:
        return for_id, for_access
    try:
        return token_claims.overridden(version, answer, for_id, for_access)
    except ValueError as error:
        raise wrong_response(f"Invalid response of PreTokenGeneration: {error}") from error


def refreshable(
    pool: CognitoIdpUserPool, client: CognitoIdpUserPoolClient, token: str
) -> tuple[str, CognitoIdpUser]:
    """Return the grant and the user of a refresh token.

    Raises:
        CommonServiceException: ``NotAuthorizedException``: it is none of this client, expired, was
            revoked, or its user is gone or disabled;
            ``RefreshTokenReuseException``: it was rotated.
    """
    with LOCK:
        identifier, kept = _grant_of(pool, token)
        if kept is None or kept["client"] != client.id:
            raise not_authorized("Invalid Refresh Token")
        now = directory.now()
        if now >= kept["refresh_until"]:
            raise not_authorized("Refresh Token has expired")
        if now >= kept["tokens"][_hash(token)]:
            raise refusal(
                "RefreshTokenReuseException", "Refresh token has been invalidated by rotation"
            )
        user = directory.user_of_sub(pool, kept["sub"])
        if user is None:
            raise not_authorized("Invalid Refresh Token")
        if not user.enabled:
            raise not_authorized("User is disabled.")
        return identifier, user


def rotate(pool: CognitoIdpUserPool, client: CognitoIdpUserPoolClient, token: str) -> str:
    """Return a new refresh token, whose predecessor is good for the grace period only.

    The new one expires when the first one would have.

    Raises:
        CommonServiceException: as :func:`refreshable`, which is asked again: of two refreshes at
            once without a grace period, one wins.
    """
    with LOCK:
        identifier, _ = refreshable(pool, client, token)
        kept = records(pool, GRANTS)[identifier]
        setting = client.extended_config.get("RefreshTokenRotation") or {}
        ends = directory.now() + int(setting.get("RetryGracePeriodSeconds") or 0)
        tokens, hashed = dict(kept["tokens"]), _hash(token)
        tokens[hashed] = min(tokens[hashed], ends)
        fresh = _new_refresh_token(identifier)
        tokens[_hash(fresh)] = kept["refresh_until"]
        kept["tokens"] = dict(list(tokens.items())[-KEPT_TOKENS:])
        return fresh


def revoke(pool: CognitoIdpUserPool, client: CognitoIdpUserPoolClient, token: str) -> None:
    """End the grant of a refresh token: its access tokens are refused from now on.

    A token that is not one, or no more, is no error (RFC 7009 section 2.2).

    Raises:
        CommonServiceException: ``UnsupportedOperationException``: the client does not revoke;
            ``UnauthorizedException``: the token is another client's.
    """
    if client.extended_config.get("EnableTokenRevocation", True) is False:
        raise refusal("UnsupportedOperationException", "Token revocation is not enabled")
    with LOCK:
        identifier, kept = _grant_of(pool, token)
        if kept is None:
            return
        if kept["client"] != client.id:
            raise refusal("UnauthorizedException", "The token was not issued to this client")
        del records(pool, GRANTS)[identifier]


def sign_out(pool: CognitoIdpUserPool, user: CognitoIdpUser) -> None:
    """End every grant of a user."""
    with LOCK:
        grants = records(pool, GRANTS)
        for identifier in [key for key, one in grants.items() if one["sub"] == user.id]:
            del grants[identifier]


def of_access_token(
    token: str,
) -> tuple[CognitoIdpUserPool, CognitoIdpUserPoolClient, CognitoIdpUser]:
    """Return whose an access token is.

    Raises:
        CommonServiceException: ``NotAuthorizedException``: it is forged, expired or revoked, or its
            scope or user does not do.
    """
    try:
        claims = jwt.decode(token, _signers[0].key, algorithms=["RS256"]).claims
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise not_authorized("Invalid Access Token") from error
    if claims.get("token_use") != "access":
        raise not_authorized("Invalid Access Token")
    pool = directory.find_pool(str(claims.get("iss", "")).rpartition("/")[2])
    if pool is None or claims["iss"] != issuer(pool):
        raise not_authorized("Invalid Access Token")
    if directory.now() >= float(claims.get("exp", 0)):
        raise not_authorized("Access Token has expired")
    client = pool.clients.get(str(claims.get("client_id")))
    user = directory.user_of_sub(pool, str(claims.get("sub")))
    if client is None or user is None:
        raise not_authorized("Invalid Access Token")
    if str(claims.get("origin_jti")) not in records(pool, GRANTS):
        raise not_authorized("Access Token has been revoked")
    if token_claims.SCOPE not in str(claims.get("scope", "")).split():
        raise not_authorized("Access Token does not have required scopes")
    if not user.enabled:
        raise not_authorized("User is disabled.")
    return pool, client, user


def _grant_of(pool: CognitoIdpUserPool, token: str) -> tuple[str, dict[str, Any] | None]:
    identifier = token.partition(".")[0]
    kept = records(pool, GRANTS).get(identifier)
    return identifier, kept if kept is not None and _hash(token) in kept["tokens"] else None


def _new_refresh_token(grant_id: str) -> str:
    return f"{grant_id}.{secrets.token_urlsafe(96)}"


def _hash(token: str) -> str:
    """Return what is kept of a token that is as random as this: its SHA-256."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
