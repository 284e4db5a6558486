"""What a Lambda authorizer of API Gateway answers: a principal, a policy, a context.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from local_aws.iam.evaluation import Call, Decision, Policy, decide
from local_aws.iam.patterns import Context

ACTION = "execute-api:Invoke"
#: Bytes; a larger answer is refused.
MOST_BYTES = 8 * 1024
_NOTHING: Context = {}


class WrongAnswer(ValueError):
    """An answer is none that API Gateway takes; says why."""


@dataclass(frozen=True)
class AuthorizerAnswer:
    """An answer that is as it should be.

    Args:
        context: what becomes ``$context.authorizer``, beside the principal's id.
        usage_key: the API key that counts, where the API takes it from its authorizer.
    """

    principal: str
    policy: Policy
    context: Mapping[str, str]
    usage_key: str | None = None

    @classmethod
    def read(cls, payload: bytes) -> AuthorizerAnswer:
        """Return the answer of an invocation.

        Raises:
            WrongAnswer: it is no JSON object, too large, or has no policy that AWS would take.
        """
        if len(payload) > MOST_BYTES:
            raise WrongAnswer(f"it is larger than {MOST_BYTES} bytes")
        try:
            answer = orjson.loads(payload)
        except ValueError as error:
            raise WrongAnswer("it is no JSON") from error
        if not isinstance(answer, dict):
            raise WrongAnswer("it is no object")
        try:
            policy = Policy.read("policyDocument", answer.get("policyDocument") or {})
        except ValueError as error:
            raise WrongAnswer(str(error)) from error
        if not all("Resource" in one or "NotResource" in one for one in policy.statements):
            raise WrongAnswer("policyDocument: a statement needs Resource or NotResource")
        key = answer.get("usageIdentifierKey")
        return cls(
            str(answer.get("principalId", "")),
            policy,
            _context({} if answer.get("context") is None else answer["context"]),
            None if key is None else str(key),
        )

    def decision(
        self, resource: str, context: Context = _NOTHING, of_api: Policy | None = None
    ) -> Decision:
        """Return what its policy says of invoking an API's method.

        Args:
            resource: the execute-api ARN of method and path.
            context: what conditions may ask for.
            of_api: the API's own policy, where it has one.

        Raises:
            WrongAnswer: a condition has an operator that there is not.
        """
        try:
            call = Call(ACTION, resource, context=context)
            return decide(call, [self.policy], resource=of_api).decision
        except ValueError as error:
            raise WrongAnswer(str(error)) from error

    def authorizer(self) -> dict[str, object]:
        """Return ``requestContext.authorizer`` of the events that follow."""
        told: dict[str, object] = {"principalId": self.principal, **self.context}
        if self.usage_key is not None:
            told["usageIdentifierKey"] = self.usage_key
        return told


def _context(context: Any) -> dict[str, str]:
    """Values are strings, numbers and booleans; any other kind makes the answer invalid."""
    if not isinstance(context, dict):
        raise WrongAnswer("its context is no map")
    values = {}
    for name, value in context.items():
        if isinstance(value, bool):
            values[name] = "true" if value else "false"
        elif isinstance(value, str | int | float):
            values[name] = str(value)
        elif value is not None:
            raise WrongAnswer(f"its context: {name} is neither string, number nor boolean")
    return values
