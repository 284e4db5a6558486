"""A running cloud, as the tests use it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import docker
import psutil
import pytest

from local_cloud.client import AgentClient, Login, Message, aws_client, demo_login, log_in
from local_cloud.docker_mode.containers import container_of
from local_cloud.docker_mode.mode import SERVICES
from local_cloud.installation import Home, Ports, State

T = TypeVar("T")
LIMIT_SECONDS = 90.0


@dataclass
class Stack:
    """Ports of a running cloud; ``home`` is ``None`` for one that somebody else started."""

    ports: Ports
    home: Home | None
    #: Compose's project, where the stack runs in Docker.
    project: str | None = None

    def aws(self, service: str) -> Any:
        return aws_client(service, self.ports)

    def state(self) -> State:
        if self.home is None:
            pytest.skip("needs a stack that the tests started themselves")
        state = State.read(self.home)
        assert state is not None, "the stack is not running"
        return state

    def kill(self, part: str) -> None:
        """Kill one of its parts, as a crash would."""
        if self.project is None or part == "lambda":
            os.killpg(self.state().parts[part], signal.SIGKILL)
            return
        container = container_of(docker.from_env(), self.project, SERVICES[part])
        assert container is not None, f"there is no {part}"
        container.kill()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Have nothing that ends be started again meanwhile."""
        supervisor = psutil.Process(self.state().pid)
        supervisor.suspend()
        try:
            yield
        finally:
            supervisor.resume()

    def ended(self, execution: str, seconds: float = 20.0) -> dict[str, Any]:
        """Return an execution, as it is described, once it runs no more."""
        client = self.aws("stepfunctions")

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = client.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        return until(look, seconds)

    def new_user(self) -> Login:
        """Sign up a user of the demo's pool, with a name of its own."""
        demo = demo_login(self.ports)
        login = Login(
            f"user-{uuid.uuid4().hex[:12]}", "Correct-Horse-7", demo.client_id, demo.pool_id
        )
        cognito = self.aws("cognito-idp")
        cognito.admin_create_user(
            UserPoolId=login.pool_id, Username=login.username, MessageAction="SUPPRESS"
        )
        cognito.admin_set_user_password(
            UserPoolId=login.pool_id,
            Username=login.username,
            Password=login.password,
            Permanent=True,
        )
        return login

    def token(self, login: Login | None = None) -> str:
        return log_in(login or demo_login(self.ports), self.ports)

    def connect(self, token: str | None = None) -> AgentClient:
        return AgentClient(self.ports.websocket_url, token or self.token())

    def upload(self, login: Login, name: str, data: bytes) -> str:
        """Put a dataset of this user's; return the name by which they ask for it."""
        user = self.aws("cognito-idp").admin_get_user(
            UserPoolId=login.pool_id, Username=login.username
        )
        subject = next(a["Value"] for a in user["UserAttributes"] if a["Name"] == "sub")
        self.aws("s3").put_object(
            Bucket="causal-datasets", Key=f"users/{subject}/{name}.csv", Body=data
        )
        return f"mine/{name}"


def within[T](work: Awaitable[T], seconds: float = LIMIT_SECONDS) -> T:
    """Run to the end, or fail the test when it hangs."""

    async def bounded() -> T:
        return await asyncio.wait_for(work, seconds)

    return asyncio.run(bounded())


def until[T](look: Callable[[], T | None], seconds: float = 20.0) -> T:
    """Look again and again; return the first answer that counts as true."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"it did not come about within {seconds:g} s"
        time.sleep(0.02)
    return found


def fails_until_there(connection_id: str) -> dict[str, Any]:
    """Return a state machine that fails for as long as a connection is not in its table."""
    find = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:updateItem",
        "Parameters": {
            "TableName": "causal-connections",
            "Key": {"connectionId": {"S": connection_id}},
            "UpdateExpression": "SET looked = :t",
            "ConditionExpression": "attribute_exists(connectionId)",
            "ExpressionAttributeValues": {":t": {"BOOL": True}},
        },
        "ResultPath": None,
        "End": True,
    }
    first = {"Type": "Pass", "Result": True, "ResultPath": "$.first", "Next": "Find"}
    return {"StartAt": "First", "States": {"First": first, "Find": find}}


def is_finished(message: Message) -> bool:
    return bool(message["type"] == "finished")


async def analyse(
    agent: AgentClient,
    dataset: str = "nsw",
    question: str = "What did the job training programme do to 1978 earnings?",
    answers: Callable[[Message], str] = lambda prompt: (prompt["options"] or ["none"])[0],
    **fields: Any,
) -> list[Message]:
    """Ask, answer every prompt, and return all messages up to ``finished`` or ``error``."""
    await agent.send("analyze", question=question, dataset=dataset, **fields)
    seen: list[Message] = []
    async for message in agent:
        seen.append(message)
        if message["type"] == "prompt":
            await agent.send(
                "reply",
                analysisId=message["analysisId"],
                promptId=message["promptId"],
                answer=answers(message),
            )
        if message["type"] in ("finished", "error"):
            return seen
    raise AssertionError(f"the connection ended after {[m['type'] for m in seen]}")
