"""A client of the agent: logs in through Cognito, speaks over the WebSocket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import quote

import boto3
import websockets
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from websockets.asyncio.client import ClientConnection, connect

from local_aws.account import REGION
from local_cloud.installation import Ports

Message = dict[str, Any]


class LoginFailed(RuntimeError):
    """Cognito refused or does not answer, or the cloud is not provisioned."""

    @property
    def may_pass(self) -> bool:
        """Whether nothing answered at all: the engine may be starting."""
        return isinstance(self.__cause__, BotoCoreError)


class ConnectionRefused(RuntimeError):
    """The gateway did not let the client in; ``status`` is what it answered, if it did."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status

    @property
    def may_pass(self) -> bool:
        """Whether a part may be away for a moment, so that another try is worth it."""
        return self.status is None or self.status >= 500 or self.status == 429


@dataclass(frozen=True)
class Login:
    """A user's name and password, and the app client they log in with."""

    username: str
    password: str
    client_id: str
    pool_id: str


def aws_client(service: str, ports: Ports) -> Any:
    """Return a boto3 client of this cloud's engine."""
    return client_at(service, ports.engine_url)


def client_at(service: str, endpoint: str) -> Any:
    """Return a boto3 client of the engine at ``http://host:port``."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the engine takes any
        config=Config(
            connect_timeout=3, retries={"total_max_attempts": 3}, s3={"addressing_style": "path"}
        ),
    )


def demo_login(ports: Ports) -> Login:
    """Return the demo user's login, as the setup scripts left it.

    Raises:
        LoginFailed: the cloud is not there or not provisioned.
    """
    try:
        cognito = aws_client("cognito-idp", ports)
        pools = {p["Name"]: p["Id"] for p in cognito.list_user_pools(MaxResults=60)["UserPools"]}
        pool = pools["causal-users"]
        found = cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=60)["UserPoolClients"]
        clients = {client["ClientName"]: client["ClientId"] for client in found}
        secret = aws_client("secretsmanager", ports).get_secret_value(SecretId="causal/demo-user")
        return Login("demo", secret["SecretString"], clients["causal-web"], pool)
    except (ClientError, BotoCoreError, KeyError) as error:
        raise LoginFailed(
            f"the demo user is not there ({error!r}). Run: ./local-cloud provision"
        ) from error


def log_in(login: Login, ports: Ports) -> str:
    """Return an access token.

    Raises:
        LoginFailed: wrong user or password.
    """
    try:
        answer = aws_client("cognito-idp", ports).initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=login.client_id,
            AuthParameters={"USERNAME": login.username, "PASSWORD": login.password},
        )
    except (ClientError, BotoCoreError) as error:
        raise LoginFailed(f"cannot log in as {login.username}: {error}") from error
    return str(answer["AuthenticationResult"]["AccessToken"])


class AgentClient:
    """A WebSocket connection to the agent.

    Use as an async context manager; iterate over it for the agent's messages.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self.socket: ClientConnection

    async def __aenter__(self) -> AgentClient:
        try:
            self.socket = await connect(
                f"{self.url}?token={quote(self.token)}", compression=None, proxy=None
            )
        except websockets.exceptions.InvalidStatus as error:
            body = (error.response.body or b"").decode(errors="replace")
            status = error.response.status_code
            raise ConnectionRefused(f"the gateway answered {status}: {body}", status) from error
        except websockets.exceptions.InvalidHandshake as error:
            # Docker takes a connection even while the container behind it is away.
            raise ConnectionRefused(f"the gateway does not answer: {error}") from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.socket.close()

    async def send(self, action: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"action": action, **fields}))

    async def receive(self) -> Message:
        """Return the next message.

        Raises:
            websockets.exceptions.ConnectionClosed: the connection has ended.
        """
        message: Message = json.loads(await self.socket.recv())
        return message

    async def __aiter__(self) -> AsyncIterator[Message]:
        async for data in self.socket:
            yield json.loads(data)

    async def receive_until(self, wanted: Callable[[Message], bool]) -> list[Message]:
        """Return the messages up to the first that is wanted, that one included."""
        seen: list[Message] = []
        async for message in self:
            seen.append(message)
            if wanted(message):
                return seen
        raise ConnectionRefused("the connection ended before the message came")
