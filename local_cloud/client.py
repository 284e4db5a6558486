"""A client of the agent: logs in through Cognito, speaks over the WebSocket."""

from __future__ import annotations

import http.client
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

import websockets
from websockets.asyncio.client import ClientConnection, connect

from local_aws.account import REGION
from local_aws.aws_api import authorization
from local_cloud.installation import Ports

Message = dict[str, Any]

ASK_SECONDS = 20.0


class LoginFailed(RuntimeError):
    """Cognito refused or does not answer, or the cloud is not provisioned."""

    @property
    def may_pass(self) -> bool:
        """Whether nothing answered at all: the engine may be starting."""
        return isinstance(self.__cause__, _NotAnswered) and self.__cause__.away


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


def client_at(service: str, endpoint: str, attempts: int = 3) -> Any:
    """Return a boto3 client of the engine at ``http://host:port``.

    Args:
        attempts: how often a call is tried that cannot be made.
    """
    # Here: most commands need none, and it takes long to load.
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the engine takes any
        config=Config(
            connect_timeout=3,
            retries={"total_max_attempts": attempts},
            s3={"addressing_style": "path"},
        ),
    )


def demo_login(ports: Ports) -> Login:
    """Return the demo user's login, as the setup scripts left it.

    Raises:
        LoginFailed: the cloud is not there or not provisioned.
    """
    try:
        pools = _ask(ports, COGNITO, "ListUserPools", MaxResults=60)["UserPools"]
        pool = next(pool["Id"] for pool in pools if pool["Name"] == "causal-users")
        found = _ask(ports, COGNITO, "ListUserPoolClients", UserPoolId=pool, MaxResults=60)
        clients = {client["ClientName"]: client["ClientId"] for client in found["UserPoolClients"]}
        secret = _ask(ports, SECRETS, "GetSecretValue", SecretId="causal/demo-user")
        return Login("demo", secret["SecretString"], clients["causal-web"], pool)
    except (_NotAnswered, StopIteration, KeyError) as error:
        raise LoginFailed(
            f"the demo user is not there ({error!r}). Run: ./local-cloud provision"
        ) from error


def log_in(login: Login, ports: Ports) -> str:
    """Return an access token.

    Raises:
        LoginFailed: wrong user or password.
    """
    try:
        answer = _ask(
            ports,
            COGNITO,
            "InitiateAuth",
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=login.client_id,
            AuthParameters={"USERNAME": login.username, "PASSWORD": login.password},
        )
    except _NotAnswered as error:
        raise LoginFailed(f"cannot log in as {login.username}: {error}") from error
    return str(answer["AuthenticationResult"]["AccessToken"])


#: How a service is named in a signature, and before an operation.
COGNITO = ("cognito-idp", "AWSCognitoIdentityProviderService")
SECRETS = ("secretsmanager", "secretsmanager")


class _NotAnswered(Exception):
    """An operation failed; ``away`` when the engine was not there, or was not itself."""

    def __init__(self, message: str, *, away: bool) -> None:
        super().__init__(message)
        self.away = away


def _ask(ports: Ports, service: tuple[str, str], operation: str, **request: object) -> Any:
    """Call an operation in AWS's JSON 1.1 protocol: boto3 takes longer to load than all of it."""
    name, prefix = service
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"{prefix}.{operation}",
        "Authorization": authorization(name),
    }
    connection = http.client.HTTPConnection(urlsplit(ports.engine_url).netloc, timeout=ASK_SECONDS)
    try:
        connection.request("POST", "/", json.dumps(request), headers)
        answer = connection.getresponse()
        said = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise _NotAnswered(f"{ports.engine_url}: {error!r}", away=True) from error
    finally:
        connection.close()
    if answer.status != 200:
        raise _NotAnswered(said[:500].decode(errors="replace"), away=answer.status >= 500)
    return json.loads(said)


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
