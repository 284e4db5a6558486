"""The IAM policy that a Lambda authorizer answers with.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

ACTION = "execute-api:Invoke"


def allows(policy: Any, resource: str) -> bool:
    """Return whether a policy document allows to invoke ``resource``, an execute-api ARN.

    An explicit ``Deny`` wins; what nothing allows is denied.

    Raises:
        ValueError: it is no policy document.
    """
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise ValueError("policyDocument has no Statement")
    allowed = False
    for statement in _listed(policy["Statement"]):
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise ValueError("a Statement has no Effect of Allow or Deny")
        if not _applies(statement, resource):
            continue
        if statement["Effect"] == "Deny":
            return False
        allowed = True
    return allowed


def _applies(statement: dict[str, Any], resource: str) -> bool:
    if "NotAction" in statement:
        action = not _any_matches(statement["NotAction"], ACTION, re.IGNORECASE)
    else:
        action = _any_matches(statement.get("Action", ()), ACTION, re.IGNORECASE)
    if "NotResource" in statement:
        return action and not _any_matches(statement["NotResource"], resource)
    return action and _any_matches(statement.get("Resource", ()), resource)


def _any_matches(patterns: Any, text: str, flags: int = 0) -> bool:
    return any(re.fullmatch(_regex(str(p)), text, flags) for p in _listed(patterns))


def _regex(pattern: str) -> str:
    """``*`` stands for any text and ``?`` for one character."""
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else [value]
