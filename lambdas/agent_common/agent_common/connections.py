"""Who is connected: the connections table."""

from __future__ import annotations

import time
from functools import lru_cache

from agent_common.aws import table
from agent_common.errors import Unauthorized
from agent_common.tokens import User

# API Gateway ends a connection after two hours; a missed $disconnect must not leave it here.
LIFETIME_SECONDS = 2 * 60 * 60 + 300


def put(connection_id: str, user: User) -> None:
    """Note who opened a connection."""
    now = int(time.time())
    table("CONNECTIONS_TABLE").put_item(
        Item={
            "connectionId": connection_id,
            "userId": user.user_id,
            "username": user.username,
            "connectedAt": now,
            "expiresAt": now + LIFETIME_SECONDS,
        }
    )


def delete(connection_id: str) -> None:
    """Forget a connection; one that is not known is forgotten already."""
    table("CONNECTIONS_TABLE").delete_item(Key={"connectionId": connection_id})


@lru_cache(maxsize=1024)  # a connection is its user's for as long as it lasts
def user_of(connection_id: str) -> User:
    """Return the user who opened a connection.

    Raises:
        Unauthorized: the connection is not known (any more).
    """
    answer = table("CONNECTIONS_TABLE").get_item(
        Key={"connectionId": connection_id}, ConsistentRead=True
    )
    if "Item" not in answer:
        raise Unauthorized("This connection is not known any more: log in and connect again")
    return User(str(answer["Item"]["userId"]), str(answer["Item"]["username"]))
