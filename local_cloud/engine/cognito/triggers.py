"""A pool's Lambda triggers: their events, and what their errors mean to the caller.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-identity-pools-working-with-aws-lambda-triggers.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from localstack.aws.connect import connect_to
from moto.cognitoidp.models import CognitoIdpUser, CognitoIdpUserPool

from local_aws.json_text import loads
from local_cloud.engine.cognito.errors import refusal
from local_cloud.engine.workflows.patience import a_debugger_is_attached

#: A function has so many seconds, so many times.
SECONDS, TRIES = 5, 3
#: What the SDK of the caller is called where it does not say.
UNKNOWN_SDK = "aws-sdk-unknown-unknown"
_NO_PERMISSION = frozenset(["ResourceNotFoundException", "AccessDeniedException"])

Answer = dict[str, Any]
#: Runs a function by its ARN with an event; returns what it answered, and whether that is an error.
Invoker = Callable[[str, bytes], tuple[bytes, bool]]


@dataclass(frozen=True)
class Trigger:
    """A function of a pool.

    Args:
        name: as in ``LambdaConfig``.
        arn: the function's.
        version: of its event.
    """

    name: str
    arn: str
    version: str = "1"


def trigger_of(config: Mapping[str, Any] | None, name: str) -> Trigger | None:
    """Return what a ``LambdaConfig`` has under a trigger's name.

    ``PreTokenGenerationConfig`` names a function with the version of its event (``V2_0``), and goes
    before ``PreTokenGeneration``.
    """
    settings = config or {}
    if name == "PreTokenGeneration" and (chosen := settings.get("PreTokenGenerationConfig")):
        version = str(chosen.get("LambdaVersion", "V1_0")).removeprefix("V").partition("_")[0]
        return Trigger(name, chosen["LambdaArn"], version)
    return Trigger(name, settings[name]) if settings.get(name) else None


@dataclass(frozen=True)
class Caller:
    """Who calls: app client and SDK."""

    client_id: str | None
    sdk: str = UNKNOWN_SDK


def event(
    trigger: Trigger,
    source: str,
    pool: CognitoIdpUserPool,
    username: str | None,
    caller: Caller,
    request: Answer,
    response: Answer,
) -> Answer:
    """Return the event of an invocation, in AWS's form.

    Args:
        source: what caused it: ``PreSignUp_SignUp``.
        response: what the function is to fill in.
    """
    return {
        "version": trigger.version,
        "triggerSource": source,
        "region": pool.region,
        "userPoolId": pool.id,
        "userName": username,
        "callerContext": {
            "awsSdkVersion": caller.sdk,
            "clientId": caller.client_id or "CLIENT_ID_NOT_APPLICABLE",
        },
        "request": request,
        "response": response,
    }


def user_attributes(user: CognitoIdpUser) -> dict[str, str]:
    """Return a user's attributes as events carry them."""
    return {**user.attribute_lookup, "cognito:user_status": user.status.value}


def response_in(trigger: Trigger, payload: bytes, *, failed: bool) -> Answer:
    """Return the ``response`` of the event that a function gave back.

    Raises:
        CommonServiceException: ``UserLambdaValidationException``: the function raised an error;
            ``InvalidLambdaResponseException``: it gave back no event.
    """
    try:
        answer = loads(payload)
    except ValueError:
        answer = None
    if failed:
        message = answer.get("errorMessage") if isinstance(answer, dict) else None
        raise refusal(
            "UserLambdaValidationException", f"{trigger.name} failed with error {message or ''}."
        )
    if not isinstance(answer, dict) or not isinstance(answer.get("response"), dict):
        raise wrong_response()
    found: Answer = answer["response"]
    return found


def wrong_response(message: str = "Unrecognizable lambda output") -> Exception:
    """Return the refusal of what a function gave back."""
    return refusal("InvalidLambdaResponseException", message)


@dataclass(frozen=True)
class Triggers:
    """Runs the functions of one pool for one call.

    Args:
        invoke: how a function is run; without one, at the engine's Lambda API.
    """

    pool: CognitoIdpUserPool
    caller: Caller
    invoke: Invoker | None = field(default=None)

    def has(self, name: str) -> bool:
        return self._trigger(name) is not None

    def version(self, name: str) -> str:
        trigger = self._trigger(name)
        return trigger.version if trigger else "1"

    def run(
        self, name: str, source: str, username: str | None, request: Answer, response: Answer
    ) -> Answer | None:
        """Run a trigger; ``None`` where the pool has none of that name.

        Args:
            source: what follows the name in ``triggerSource``.

        Raises:
            CommonServiceException: the function failed, answered wrongly, or cannot be run.
        """
        trigger = self._trigger(name)
        if trigger is None:
            return None
        prefix = "TokenGeneration" if name == "PreTokenGeneration" else name
        sent = event(
            *(trigger, f"{prefix}_{source}", self.pool, username, self.caller),
            *(request, response),
        )
        invoke = self.invoke or _lambda_of(self.pool.account_id, self.pool.region)
        try:
            payload, failed = invoke(trigger.arn, json.dumps(sent).encode())
        except TimeoutError as error:
            raise refusal(
                "UnexpectedLambdaException",
                f"{name} invocation failed due to error Socket timeout while invoking Lambda "
                "function.",
            ) from error
        except ClientError as error:
            code = error.response["Error"]["Code"]
            why = "configuration" if code in _NO_PERMISSION else f"error {code}"
            raise refusal(
                "UnexpectedLambdaException", f"{name} invocation failed due to {why}."
            ) from error
        except BotoCoreError as error:
            raise refusal(
                "UnexpectedLambdaException", f"{name} invocation failed due to error {error}."
            ) from error
        return response_in(trigger, payload, failed=failed)

    def _trigger(self, name: str) -> Trigger | None:
        return trigger_of(self.pool.extended_config.get("LambdaConfig"), name)


def _lambda_of(account: str, region: str) -> Invoker:
    """Return what runs functions of an account and region, each within its time."""

    def invoke(arn: str, payload: bytes) -> tuple[bytes, bool]:
        client = _client(account, region, patient=a_debugger_is_attached())
        return invoke_by(client, arn, payload)

    return invoke


def invoke_by(client: Any, arn: str, payload: bytes) -> tuple[bytes, bool]:
    """Run a function by a client of Lambda's API, again where it does not answer in time.

    Raises:
        TimeoutError: it did not answer, three times.
    """
    for _ in range(TRIES):
        try:
            answer = client.invoke(FunctionName=arn, Payload=payload)
            return answer["Payload"].read(), "FunctionError" in answer
        except ReadTimeoutError:
            continue
    raise TimeoutError(arn)


@cache
def _client(account: str, region: str, *, patient: bool) -> Any:
    config = Config(read_timeout=None if patient else SECONDS, retries={"total_max_attempts": 1})
    return connect_to(aws_access_key_id=account, region_name=region, config=config).lambda_
