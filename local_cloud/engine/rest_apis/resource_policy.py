"""The resource policy of a REST API: who may invoke it at all, from where.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
"""

from __future__ import annotations

from typing import Any

from local_aws.account import ACCOUNT_ID
from local_aws.authorizer_answer import ACTION
from local_aws.iam.conditions import WrongPolicy, words
from local_aws.iam.evaluation import Call, Decision, Policy, decide
from local_aws.iam.patterns import Context
from local_aws.json_text import loads

_SHORT = "execute-api:/"


def resource_policy(document: Any, api: str) -> Policy | None:
    """Return an API's resource policy, ``None`` where it has none.

    Args:
        document: a policy, as an object or as text whose quotes may be escaped.
        api: the ARN of the API, for which ``execute-api:/`` stands.

    Raises:
        WrongPolicy: it is none.
    """
    if not document:
        return None
    policy = Policy.read("the API's policy", _parsed(document))
    statements = [
        {
            key: [_full(one, api) for one in words(value)]
            if key in ("Resource", "NotResource")
            else value
            for key, value in statement.items()
        }
        for statement in policy.statements
    ]
    return Policy(policy.name, statements)


def _parsed(document: Any) -> Any:
    if not isinstance(document, str):
        return document
    try:
        return loads(document)
    except ValueError:
        try:
            return loads(loads(f'"{document}"'))  # as GetRestApi tells it
        except ValueError as error:
            raise WrongPolicy("the API's policy is no JSON") from error


def _full(resource: str, api: str) -> str:
    if not resource.startswith(_SHORT):
        return resource
    rest = resource.removeprefix(_SHORT)
    return f"{api}/{rest}"


def decision_for_all(policy: Policy, arn: str, context: Context) -> Decision:
    """Return what a policy says to somebody of whom nothing is known.

    Args:
        arn: of the method.
    """
    return decide(Call(ACTION, arn, context=context), (), resource=policy).decision


def refusal(arn: str, decision: Decision) -> str:
    """Return AWS's words for somebody of whom nothing is known."""
    shown = arn.replace(ACCOUNT_ID, f"********{ACCOUNT_ID[-4:]}")
    more = " with an explicit deny" if decision == Decision.EXPLICIT_DENY else ""
    return f"User: anonymous is not authorized to perform: {ACTION} on resource: {shown}{more}"
