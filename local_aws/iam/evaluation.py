"""What policies, taken together, say to a call.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from local_aws.iam.conditions import WrongPolicy, holds, keys_of, words
from local_aws.iam.patterns import Context, NoValue, arn_like, filled, like
from local_aws.json_text import loads


class Decision(StrEnum):
    """As the IAM API names them."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicitDeny"
    IMPLICIT_DENY = "implicitDeny"


class Kind(StrEnum):
    """Kinds of policies, in the words of AWS's errors."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    BOUNDARY = "permissions boundary"


@dataclass(frozen=True)
class Policy:
    """A policy, and what it is called where decisions are told.

    Args:
        statements: as they stand in its document.
    """

    name: str
    statements: Sequence[dict[str, Any]]

    @classmethod
    def read(cls, name: str, document: str | dict[str, Any]) -> Policy:
        """Return the policy of a document, as it is or quoted for a URL.

        Raises:
            WrongPolicy: it is none.
        """
        try:
            said = _parsed(document) if isinstance(document, str) else document
            found = said["Statement"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise WrongPolicy(f"{name} is no policy: {error!r}") from error
        statements = found if isinstance(found, list) else [found]
        for one in statements:
            _check(name, one)
        return cls(name, statements)


def _parsed(document: str) -> Any:
    # Only what is quoted begins with no brace: a "%" of its own stays.
    return loads(document if document.lstrip().startswith("{") else unquote(document))


def _check(name: str, statement: Any) -> None:
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        raise WrongPolicy(f'{name}: a statement needs "Effect": "Allow" or "Deny"')
    if ("Action" in statement) == ("NotAction" in statement):
        raise WrongPolicy(f"{name}: a statement needs Action or NotAction")
    if "Resource" in statement and "NotResource" in statement:
        raise WrongPolicy(f"{name}: a statement has Resource or NotResource")
    condition = statement.get("Condition", {})
    if not isinstance(condition, dict) or not all(isinstance(v, dict) for v in condition.values()):
        raise WrongPolicy(f"{name}: a Condition has operators, each with keys")


@dataclass(frozen=True)
class Call:
    """What is asked for.

    Args:
        action: ``service:Action``, as policies name it.
        resource: an ARN, or ``*`` where there is none.
        principal: who asks: the ARN of a role or a user.
        context: what conditions and variables may ask for.
    """

    action: str
    resource: str = "*"
    principal: str = ""
    context: Context = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The account of who asks."""
        parts = self.principal.split(":")
        return parts[4] if len(parts) > 4 else ""


@dataclass(frozen=True)
class Verdict:
    """What was decided, and by which statements."""

    decision: Decision
    #: The policies and the numbers of their statements, from 0, that decided.
    matched: tuple[tuple[str, int], ...] = ()
    #: Whether the permissions boundary allows it, where there is one.
    within_boundary: bool | None = None
    #: Keys that conditions asked for and nobody knew.
    missing: frozenset[str] = frozenset()
    #: Which kind of policy has denied it, or has not allowed it.
    kind: Kind = Kind.IDENTITY

    def why(self, action: str) -> str:
        """Return which kind of policy has refused an action, in AWS's words.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        """
        if self.decision == Decision.EXPLICIT_DENY:
            article = "an" if self.kind == Kind.IDENTITY else "a"
            return f"with an explicit deny in {article} {self.kind}"
        return f"because no {self.kind} allows the {action} action"


def decide(
    call: Call,
    identity: Sequence[Policy],
    *,
    boundary: Sequence[Policy] | None = None,
    resource: Policy | None = None,
    owner: str = "",
) -> Verdict:
    """Return what AWS decides.

    A statement that denies counts more than any that allows. Within an account the identity's
    policies or the resource's have to allow; between accounts both have to. What a boundary does
    not allow, identity policies cannot; a resource's policy can, for the role's session itself.

    Args:
        identity: the policies of who asks.
        boundary: its permissions boundary.
        resource: the resource's own policy.
        owner: the resource's account; that of who asks, if it is not given.

    Raises:
        WrongPolicy: a condition has an operator that there is not.
    """
    resources = [resource] if resource is not None else []
    missing = frozenset(_missing([*identity, *(boundary or ()), *resources], call))
    bounded = None if boundary is None else any(_matching("Allow", boundary, call))
    by_kind = {
        Kind.IDENTITY: tuple(_matching("Deny", identity, call)),
        Kind.BOUNDARY: tuple(_matching("Deny", boundary or (), call)),
        Kind.RESOURCE: tuple(_matching("Deny", resources, call, _is_named_at_all)),
    }
    if denied := tuple(one for found in by_kind.values() for one in found):
        kind = next(kind for kind, found in by_kind.items() if found)
        return Verdict(Decision.EXPLICIT_DENY, denied, bounded, missing, kind)
    by_identity = tuple(_matching("Allow", identity, call))
    allowed = bool(by_identity) and bounded is not False
    kind = Kind.BOUNDARY if by_identity and not allowed else Kind.IDENTITY
    if owner and owner != call.account:
        by_resource = tuple(_matching("Allow", resources, call, _is_named_at_all))
        if allowed and not by_resource:
            allowed, kind = False, Kind.RESOURCE
    else:
        # A role that is named is its sessions' within the boundary; whoever is meant by * is not.
        within = bounded is not False or ":role/" not in call.principal
        by_resource = tuple(
            _matching("Allow", resources, call, _is_named if within else _is_anyone)
        )
        allowed = allowed or bool(by_resource)
    if allowed:
        return Verdict(Decision.ALLOWED, (*by_identity, *by_resource), bounded, missing)
    return Verdict(Decision.IMPLICIT_DENY, (), bounded, missing, kind)


def decide_key(
    call: Call,
    identity: Sequence[Policy],
    key: Policy,
    *,
    boundary: Sequence[Policy] | None = None,
) -> Verdict:
    """Return what AWS decides for a KMS key: identity policies count where its own lets them.

    Args:
        key: the key's policy; see :func:`decide` for the others.

    Raises:
        WrongPolicy: a condition has an operator that there is not.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    account = replace(call, principal=f"arn:aws:iam::{call.account}:root")
    if decide(account, (), resource=key).decision == Decision.ALLOWED:
        return decide(call, identity, boundary=boundary, resource=key)
    denying = [
        Policy(one.name, [said for said in one.statements if said["Effect"] == "Deny"])
        for one in identity
    ]
    verdict = decide(call, denying, boundary=boundary, resource=key)
    if verdict.decision == Decision.IMPLICIT_DENY:
        return replace(verdict, kind=Kind.RESOURCE)
    return verdict


def _missing(policies: Iterable[Policy], call: Call) -> Iterator[str]:
    for policy in policies:
        for statement in policy.statements:
            if _is_about(statement, call):
                for key in keys_of(statement.get("Condition", {})):
                    if key.lower() not in call.context:
                        yield key


def _matching(
    effect: str,
    policies: Iterable[Policy],
    call: Call,
    is_meant: Callable[[Any, Call], bool] | None = None,
) -> Iterator[tuple[str, int]]:
    """Yield the statements that say this to a call.

    Args:
        is_meant: of a resource's policy: whether principals are who asks.
    """
    for policy in policies:
        for number, statement in enumerate(policy.statements):
            if (
                statement["Effect"] == effect
                and _is_about(statement, call)
                and (is_meant is None or _names(statement, call, is_meant))
                and holds(statement.get("Condition", {}), call.context)
            ):
                yield policy.name, number


def _is_about(statement: dict[str, Any], call: Call) -> bool:
    if "Action" in statement:
        about = any(_is_action(call.action, one) for one in words(statement["Action"]))
    else:
        about = not any(_is_action(call.action, one) for one in words(statement["NotAction"]))
    if not about:
        return False
    if "NotResource" in statement:
        # A variable without a value leaves open what is excepted: nothing is allowed by it.
        unknown = statement["Effect"] == "Allow"
        excepted = words(statement["NotResource"])
        return not any(_is_resource(call, one, unknown=unknown) for one in excepted)
    # A resource's own policy need not name it.
    return any(_is_resource(call, one) for one in words(statement.get("Resource", "*")))


def _is_action(action: str, wanted: str) -> bool:
    return like(action, wanted, ignore_case=True)


def _is_resource(call: Call, wanted: str, *, unknown: bool = False) -> bool:
    try:
        return arn_like(call.resource, filled(wanted, call.context))
    except NoValue:
        return unknown


def _names(statement: dict[str, Any], call: Call, is_meant: Callable[[Any, Call], bool]) -> bool:
    if "NotPrincipal" in statement:
        return not _is_named_at_all(statement["NotPrincipal"], call)
    return is_meant(statement.get("Principal"), call)


def _is_anyone(principals: Any, call: Call) -> bool:
    return principals == "*" or (
        isinstance(principals, dict) and "*" in words(principals.get("AWS", []))
    )


def _is_named(principals: Any, call: Call) -> bool:
    if _is_anyone(principals, call):
        return True
    return isinstance(principals, dict) and any(
        call.principal in words(principals.get(kind, [])) for kind in ("AWS", "Service")
    )


def _is_named_at_all(principals: Any, call: Call) -> bool:
    """Return whether who asks is meant, or the whole account.

    An account is allowed what its own policies allow: within it, that adds nothing.
    """
    if _is_named(principals, call):
        return True
    account = {call.account, f"arn:aws:iam::{call.account}:root"}
    return isinstance(principals, dict) and not account.isdisjoint(words(principals.get("AWS", [])))
