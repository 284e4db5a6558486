"""Holds each call of a function against its role's policies, as AWS would.

``PERMISSIONS`` says what comes of one that AWS would not have allowed: ``watch`` notes it in the
call's span and in the log, ``enforce`` refuses it, ``off`` looks at nothing.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.http import Request, Response
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header

from local_aws.credentials import TEMPORARY
from local_aws.iam.conditions import WrongPolicy, words
from local_aws.iam.evaluation import (
    Call,
    Decision,
    Policy,
    Verdict,
    decide,
    decide_key,
)
from local_cloud.engine.permissions.actions import UNKNOWN, Asked, Needed, needed
from local_cloud.installation import Permissions

if TYPE_CHECKING:
    from local_cloud.engine.permissions.roles import Role, Roles

LOG = logging.getLogger(__name__)

#: Of a role, how many verdicts are remembered.
MOST_VERDICTS = 5000
#: What was said is not said again.
MOST_SAID = 1000
_said: set[tuple[str, str, str]] = set()


@cache
def roles() -> Roles:
    """Return what knows functions' roles."""
    # With the first call of a function: it takes a quarter of a second to load.
    from local_cloud.engine.permissions.roles import Roles

    return Roles()


@cache
def resource_policies() -> ModuleType:
    """Return what knows resources' policies; loaded with the first call of a function, too."""
    return import_module("local_cloud.engine.permissions.resource_policies")


@cache
def mode() -> Permissions:
    """Return what comes of a call that AWS would not have allowed."""
    return Permissions(os.environ.get("PERMISSIONS") or Permissions.WATCH)


def judged(context: RequestContext) -> dict[str, Any]:
    """Return whose call it is and which permissions it needs: details for its span.

    Where AWS would not have allowed it, ``denied`` says so in AWS's words. While calls are only
    watched, one that cannot be judged goes on: ``not_judged`` says why.
    """
    if mode() == Permissions.OFF or context.is_internal_call:
        return {}
    try:
        return _judged(context)
    except Exception as error:
        if mode() == Permissions.ENFORCE:
            raise
        LOG.exception("%s is not judged", context.operation.name)
        return {"not_judged": repr(error)}


def _judged(context: RequestContext) -> dict[str, Any]:
    key = extract_access_key_id_from_auth_header(context.request.headers) or ""
    role = roles().of_key(key) if key.startswith(TEMPORARY) else None
    if role is None:
        return {}
    parameters = context.service_request or {}
    asked = Asked(context.operation.name, parameters, context.region, context.account_id)
    details: dict[str, Any] = {"caller": role.function, "permissions": []}
    if role.why_not is not None:
        details["not_judged"] = role.why_not
    for said in needed(context.service.service_name, asked):
        one = resource_policies().meant(said, context.region)
        told = {"action": one.action, "resource": one.resource}
        details["permissions"].append(told)
        if role.why_not is not None:
            continue
        verdict = _verdict(role, one, context)
        if verdict.decision != Decision.ALLOWED:
            told["decision"] = str(verdict.decision)
            details["denied"] = _words(context, role, one, verdict)
            _say(role, one, details["denied"])
    return details


def refuse(context: RequestContext, details: dict[str, Any]) -> None:
    """Do nothing with a call that is allowed, or while nothing is enforced.

    Raises:
        CommonServiceException: it is not allowed.
    """
    if "denied" not in details or mode() != Permissions.ENFORCE:
        return
    if context.service.protocol == "json":
        raise CommonServiceException(
            "AccessDeniedException", details["denied"], 400, sender_fault=True
        )
    name = "AccessDeniedException" if context.service.protocol == "rest-json" else "AccessDenied"
    raise CommonServiceException(name, details["denied"], 403, sender_fault=True)


def told_roles(_: Request) -> Response:
    """Answer ``GET /_permissions``: the roles of functions, with their policies."""
    return Response.for_json(
        {
            "mode": mode(),
            "roles": [
                {
                    "function": role.function,
                    "role": role.arn,
                    "policies": [
                        {"name": policy.name, "statements": policy.statements}
                        for policy in role.policies
                    ],
                    "why_not": role.why_not,
                }
                for role in roles().all()
            ],
        }
    )


def note_change(context: RequestContext) -> None:
    """Look at policies anew, if a call may have changed one."""
    known = roles.cache_info().currsize
    if not known or context.service is None or context.operation is None:
        return
    if context.service.service_name == "iam":
        roles().forget()
    resource_policies().note_change(context.operation.name)


def _say(role: Role, needed: Needed, words: str) -> None:
    mark = (role.function, needed.action, needed.resource)
    if mode() == Permissions.WATCH and mark not in _said and len(_said) < MOST_SAID:
        _said.add(mark)
        LOG.warning("AWS would have denied this: %s", words)


def _words(context: RequestContext, role: Role, needed: Needed, verdict: Verdict) -> str:
    name = role.arn.rpartition("/")[2]
    session = f"arn:aws:sts::{context.account_id}:assumed-role/{name}/{role.function}"
    on = f" on resource: {needed.resource}" if needed.resource != UNKNOWN else ""
    why = verdict.why(needed.action)
    return f"User: {session} is not authorized to perform: {needed.action}{on} {why}"


def _verdict(role: Role, needed: Needed, context: RequestContext) -> Verdict:
    """Return what the policies say; where nothing but the call decides, as they did before."""
    resource = resource_policies().policy_of(needed.resource, context.region)
    known = role.verdicts.get(needed)
    if known is not None and resource is None:
        return known
    call = Call(needed.action, needed.resource or "*", role.arn, _context(context, role))
    policies, boundary = role.policies, role.boundary
    if needed.resource == UNKNOWN:
        policies = _on_anything(policies)
        boundary = None if boundary is None else _on_anything(boundary)
    try:
        if needed.action.startswith("kms:") and resource is not None:
            verdict = decide_key(call, policies, resource, boundary=boundary)
        else:
            verdict = decide(call, policies, boundary=boundary, resource=resource)
    except WrongPolicy as error:
        LOG.warning("%s: %s", role.arn, error)
        verdict = Verdict(Decision.IMPLICIT_DENY)
    if resource is None and not role.asks_for_context and len(role.verdicts) < MOST_VERDICTS:
        role.verdicts[needed] = verdict
    return verdict


def _on_anything(policies: Sequence[Policy]) -> tuple[Policy, ...]:
    """Return policies whose statements that allow are about whatever resource."""
    return tuple(
        Policy(
            policy.name,
            [
                {**statement, "Resource": "*"}
                for statement in policy.statements
                if statement["Effect"] == "Allow" or _is_on_everything(statement)
            ],
        )
        for policy in policies
    )


def _is_on_everything(statement: dict[str, Any]) -> bool:
    return "NotResource" not in statement and "*" in words(statement.get("Resource", "*"))


def _context(context: RequestContext, role: Role) -> dict[str, list[str]]:
    known = {
        # What is plain HTTP here is HTTPS there.
        "aws:securetransport": ["true"],
        "aws:principalarn": [role.arn],
        "aws:principalaccount": [context.account_id],
        "aws:principaltype": ["AssumedRole"],
        "aws:requestedregion": [context.region],
        "lambda:sourcefunctionarn": [
            f"arn:aws:lambda:{context.region}:{context.account_id}:function:{role.function}"
        ],
    }
    parameters = context.service_request or {}
    if context.service.service_name == "s3" and parameters.get("Prefix") is not None:
        known["s3:prefix"] = [str(parameters["Prefix"])]
    return known
