"""Pools, app clients and users of a call, and what this kit keeps in them beside moto.

All of it is plain data in attributes of moto's own objects, so that it is kept with them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from localstack.aws.api import RequestContext
from moto.cognitoidp.models import (
    CognitoIdpUser,
    CognitoIdpUserPool,
    CognitoIdpUserPoolClient,
    UserStatus,
    cognitoidp_backends,
)

from local_cloud.engine.cognito.attributes import Attributes, listed
from local_cloud.engine.cognito.errors import not_found, user_not_found

#: Held for as long as what is kept is read and changed: never while a function runs.
LOCK = threading.RLock()
_SUB = 36  # characters of a UUID
#: The attributes of a pool that hold records of ours, by key.
GRANTS, SESSIONS, MESSAGES = "kit_grants", "kit_sessions", "kit_messages"


def now() -> float:
    """Return the time, in seconds since 1970."""
    return time.time()


def all_pools() -> Iterator[CognitoIdpUserPool]:
    """Yield every account's and region's pools."""
    for regions in list(cognitoidp_backends.values()):
        for backend in list(regions.values()):
            yield from list(backend.user_pools.values())


def pool_of(context: RequestContext, pool_id: str) -> CognitoIdpUserPool:
    """Return a pool of the caller's account and region.

    Raises:
        CommonServiceException: ``ResourceNotFoundException``.
    """
    pools = cognitoidp_backends[context.account_id][context.region].user_pools
    if pool_id not in pools:
        raise not_found(f"User pool {pool_id} does not exist.")
    return pools[pool_id]


def find_pool(pool_id: str) -> CognitoIdpUserPool | None:
    """Return a pool of whatever account; its region is in its id."""
    region = pool_id.partition("_")[0]
    for account in cognitoidp_backends.values():
        if region in account and pool_id in account[region].user_pools:
            return account[region].user_pools[pool_id]
    return None


def client_of(client_id: str) -> tuple[CognitoIdpUserPool, CognitoIdpUserPoolClient]:
    """Return an app client and its pool: those who sign in sign no calls, and name no region.

    Raises:
        CommonServiceException: ``ResourceNotFoundException``.
    """
    for pool in all_pools():
        if (client := pool.clients.get(client_id)) is not None:
            return pool, client
    raise not_found(f"User pool client {client_id} does not exist.")


def client_secret(client: CognitoIdpUserPoolClient) -> str | None:
    """Return a client's secret; ``None`` for a public client."""
    return client.secret if client.generate_secret else None


def tells_of_users(client: CognitoIdpUserPoolClient | None) -> bool:
    """Return whether a client says that a user is not there (``PreventUserExistenceErrors``)."""
    if client is None:
        return True
    return bool(client.extended_config.get("PreventUserExistenceErrors", "LEGACY") != "ENABLED")


def find_user(pool: CognitoIdpUserPool, name: str) -> CognitoIdpUser | None:
    """Return the user of a name, an alias, or a ``sub``."""
    if (user := pool.users.get(name)) is not None:
        return user
    signs_in = pool.extended_config.get("UsernameAttributes") or ()
    aliases = pool.extended_config.get("AliasAttributes") or ()
    for user in list(pool.users.values()) if signs_in or aliases else ():
        known = user.attribute_lookup
        if any(known.get(attribute) == name for attribute in signs_in):
            return user
        for alias in aliases:
            verified = alias == "preferred_username" or known.get(f"{alias}_verified") == "true"
            if verified and known.get(alias) == name:
                return user
    return user_of_sub(pool, name) if len(name) == _SUB else None


def user_of(pool: CognitoIdpUserPool, name: str) -> CognitoIdpUser:
    """Return a user.

    Raises:
        CommonServiceException: ``UserNotFoundException``.
    """
    user = find_user(pool, name)
    if user is None:
        raise user_not_found()
    return user


def user_of_sub(pool: CognitoIdpUserPool, sub: str) -> CognitoIdpUser | None:
    """Return the user whose ``sub`` it is."""
    return next((user for user in list(pool.users.values()) if user.id == sub), None)


def records(owner: CognitoIdpUserPool | CognitoIdpUser, name: str) -> dict[str, Any]:
    """Return the records that an object keeps under a name."""
    kept: dict[str, Any] = owner.__dict__.setdefault(name, {})
    return kept


def new_user(
    pool: CognitoIdpUserPool, username: str | None, status: UserStatus, attributes: Attributes
) -> CognitoIdpUser:
    """Return a user who is not in the pool yet; without a name, it is the ``sub``."""
    return CognitoIdpUser(pool.id, username, None, status, listed(attributes))


def aliases_taken(
    pool: CognitoIdpUserPool, attributes: Attributes, user: CognitoIdpUser | None = None
) -> str | None:
    """Return the attribute by which somebody else already signs in."""
    names = pool.extended_config.get("UsernameAttributes") or ()
    for name in names:
        value = attributes.get(name)
        if not value:
            continue
        for other in list(pool.users.values()):
            if other is not user and other.attribute_lookup.get(name) == value:
                return str(name)
    return None
