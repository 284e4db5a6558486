"""One call: who asks which pool for what, with which functions of the pool's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localstack.aws.api import RequestContext
from moto.cognitoidp.models import CognitoIdpUser, CognitoIdpUserPool, CognitoIdpUserPoolClient

from local_cloud.engine.cognito import directory
from local_cloud.engine.cognito.errors import not_authorized, not_found, user_not_found
from local_cloud.engine.cognito.secret_hash import check_secret_hash
from local_cloud.engine.cognito.triggers import UNKNOWN_SDK, Caller, Triggers

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class PoolCall:
    """A call about a pool by an administrator, or by the holder of an access token."""

    pool: CognitoIdpUserPool
    triggers: Triggers
    metadata: dict[str, str]

    @classmethod
    def of_admin(cls, context: RequestContext, request: Parameters) -> PoolCall:
        pool = directory.pool_of(context, request["UserPoolId"])
        triggers = Triggers(pool, Caller(None, _sdk(context)))
        return cls(pool, triggers, request.get("ClientMetadata") or {})


@dataclass(frozen=True)
class ClientCall(PoolCall):
    """A call through an app client."""

    client: CognitoIdpUserPoolClient

    @classmethod
    def of_client(cls, context: RequestContext, request: Parameters) -> ClientCall:
        """Read the call of somebody who signs up or in.

        Raises:
            CommonServiceException: ``ResourceNotFoundException``: there is no such client.
        """
        pool, client = directory.client_of(request["ClientId"])
        return cls.through(context, pool, client, request)

    @classmethod
    def of_admin_client(cls, context: RequestContext, request: Parameters) -> ClientCall:
        """Read an administrator's call that names a client.

        Raises:
            CommonServiceException: ``ResourceNotFoundException``: the pool, or its client, is not
                there.
        """
        pool = directory.pool_of(context, request["UserPoolId"])
        client = pool.clients.get(request["ClientId"])
        if client is None:
            raise not_found(f"User pool client {request['ClientId']} does not exist.")
        return cls.through(context, pool, client, request)

    @classmethod
    def through(
        cls,
        context: RequestContext,
        pool: CognitoIdpUserPool,
        client: CognitoIdpUserPoolClient,
        request: Parameters,
    ) -> ClientCall:
        triggers = Triggers(pool, Caller(client.id, _sdk(context)))
        return cls(pool, triggers, request.get("ClientMetadata") or {}, client)

    def check_secret(self, username: str, received: str | None) -> None:
        """Refuse a call whose ``SECRET_HASH`` is not right for a user name."""
        secret = directory.client_secret(self.client)
        check_secret_hash(username, self.client.id, secret, received)

    @property
    def tells_of_users(self) -> bool:
        return directory.tells_of_users(self.client)

    def stranger(self) -> Exception:
        """Return what somebody is told who is not there, and who must not learn it where the
        client prevents that.
        """
        return user_not_found() if self.tells_of_users else not_authorized()

    def find(self, username: str) -> CognitoIdpUser | None:
        return directory.find_user(self.pool, username)


def _sdk(context: RequestContext) -> str:
    agent = context.request.headers.get("User-Agent", "") if context.request else ""
    return agent.split(" ")[0].replace("/", "-")[:100].lower() or UNKNOWN_SDK
