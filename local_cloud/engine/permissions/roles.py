"""Whose call it is, and which policies its role has: of the template, or made by the IAM API."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from localstack.aws.api import ServiceException
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.plugins import SERVICE_PLUGINS

from local_aws.account import ACCOUNT_ID, REGION
from local_aws.credentials import key_of
from local_aws.iam.conditions import WrongPolicy
from local_aws.iam.evaluation import Policy, Verdict
from local_cloud.engine.functions.template_functions import TEMPLATE
from local_cloud.engine.permissions.actions import Needed
from local_cloud.engine.permissions.template_policies import Granted, granted_by

LOG = logging.getLogger(__name__)


@dataclass
class Role:
    """A function's role, and what it is allowed.

    Args:
        why_not: why its policies are not known; nothing it does is judged then.
    """

    function: str
    arn: str
    policies: tuple[Policy, ...] = ()
    boundary: tuple[Policy, ...] | None = None
    why_not: str | None = None
    #: What was decided before.
    verdicts: dict[Needed, Verdict] = field(default_factory=dict, compare=False)

    @cached_property
    def asks_for_context(self) -> bool:
        """Whether a decision depends on more than action and resource."""
        return any(
            "Condition" in statement
            or "${" in str(statement.get("Resource", ""))
            or "${" in str(statement.get("NotResource", ""))
            for policy in (*self.policies, *(self.boundary or ()))
            for statement in policy.statements
        )


class Roles:
    """The roles of functions, by the access keys that their calls are signed with."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._functions: dict[str, str] = {}
        self._roles: dict[str, Role] = {}
        self._template: object = None

    def forget(self) -> None:
        """Read policies anew: somebody has changed one."""
        with self._lock:
            self._roles.clear()

    def of_key(self, key: str) -> Role | None:
        """Return the role of the function whose calls are signed with this key, if it is one's."""
        with self._lock:
            template = TEMPLATE.functions()
            if template is not self._template:
                self._template = template
                self._roles.clear()
            function = self._functions.get(key) or self._find(key)
            if function is None:
                return None
            if function not in self._roles:
                self._roles[function] = _role_of(function)
            return self._roles[function]

    def all(self) -> list[Role]:
        """Return the role of each function."""
        names = {*TEMPLATE.functions(), *(name for name, _ in _made())}
        return [role for name in sorted(names) if (role := self.of_key(key_of(name))) is not None]

    def _find(self, key: str) -> str | None:
        names = [*TEMPLATE.functions(), *(name for name, _ in _made())]
        self._functions = {key_of(name): name for name in names}
        return self._functions.get(key)


def _made() -> list[tuple[str, str]]:
    """Return the functions that the Lambda API made, each with the ARN of its role."""
    return [
        (name, function.latest().config.role)
        for regions in lambda_stores.values()
        for store in regions.values()
        for name, function in list(store.functions.items())
        if "$LATEST" in function.versions
    ]


def _role_of(function: str) -> Role:
    made = dict(_made())
    if function in made and function not in TEMPLATE.functions():
        return _of_iam(function, made[function])
    arn = f"arn:aws:iam::{ACCOUNT_ID}:role/{function}"
    try:
        assert TEMPLATE.template is not None
        granted = granted_by(TEMPLATE.template, function)
        return Role(function, arn, granted.policies, granted.boundary)
    except WrongPolicy as error:
        return Role(function, arn, why_not=str(error))


def _of_iam(function: str, arn: str) -> Role:
    try:
        granted = granted_to(arn)
    except (ServiceException, WrongPolicy) as error:
        return Role(function, arn, why_not=f"{arn}: {error}")
    return Role(function, arn, granted.policies, granted.boundary)


def granted_to(arn: str) -> Granted:
    """Return what IAM's API has granted to a user or a role.

    Raises:
        ServiceException: there is none.
        WrongPolicy: one of its policies is none.
    """
    simulator: Any = SERVICE_PLUGINS.require("iam")._provider.policy_simulator
    context = SimpleNamespace(account_id=arn.split(":")[4] or ACCOUNT_ID, region=REGION)
    boundary = simulator.boundary_of(context, arn)
    return Granted(
        tuple(simulator.policies_of(context, arn)),
        tuple(boundary) if boundary is not None else None,
    )
