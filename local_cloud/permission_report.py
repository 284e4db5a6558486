"""What functions were allowed, used and lacked, from the traces and the policies of their roles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os.path import commonpath
from typing import Any

from local_aws.account import ACCOUNT_ID, REGION
from local_aws.iam.conditions import words
from local_aws.iam.evaluation import Call, Decision, Policy, decide
from local_aws.iam.patterns import arn_like, like
from local_cloud.trace_store import Trace

#: Policies that SAM attaches by itself.
GIVEN = ("AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess")
POST = "execute-api:ManageConnections"


@dataclass
class Report:
    """One function's permissions."""

    function: str
    role: str
    policies: Sequence[Policy]
    #: Why its policies are not known, if they are not.
    why_not: str | None = None
    #: Actions on resources, and how often each was asked for.
    used: Counter[tuple[str, str]] = field(default_factory=Counter)
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)

    def unused(self) -> list[tuple[str, str, str]]:
        """Return what policies allow and nothing has asked for: policy, action, resource.

        What SAM gives to every function is left out: nobody has chosen it.
        """
        found = []
        for policy in self.policies:
            if policy.name in GIVEN:
                continue
            for statement in policy.statements:
                if statement["Effect"] != "Allow" or "Action" not in statement:
                    continue
                for action in words(statement["Action"]):
                    for resource in words(statement.get("Resource", "*")):
                        if not self._is_used(action, resource):
                            found.append((policy.name, action, resource))
        return found

    def _is_used(self, action: str, resource: str) -> bool:
        return any(
            like(asked, action, ignore_case=True) and (not on or arn_like(on, resource))
            for asked, on in self.used
        )

    def least(self) -> list[dict[str, Any]]:
        """Return the statements that allow what was asked for, and nothing else."""
        by_resource: dict[str, set[str]] = {}
        for resource, actions in _general({**self.used, **self.missing}):
            by_resource.setdefault(resource, set()).update(actions)
        by_actions: dict[tuple[str, ...], list[str]] = {}
        for resource, actions in sorted(by_resource.items()):
            by_actions.setdefault(tuple(sorted(actions)), []).append(resource)
        return [
            {"Effect": "Allow", "Action": list(actions), "Resource": resources}
            for actions, resources in sorted(by_actions.items())
        ]

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "function": self.function,
            "role": self.role,
            "notKnown": self.why_not,
            "used": _listed(self.used),
            "missing": _listed(self.missing),
            "unused": [
                {"policy": policy, "action": action, "resource": resource}
                for policy, action, resource in self.unused()
            ],
            "least": self.least(),
        }


def _listed(asked: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {"action": action, "resource": resource, "count": count}
        for (action, resource), count in sorted(asked.items())
    ]


def _general(asked: Iterable[tuple[str, str]]) -> list[tuple[str, set[str]]]:
    """Return resources with their actions; objects of a bucket are one, by what they share."""
    objects: dict[str, tuple[list[str], set[str]]] = {}
    rest: list[tuple[str, set[str]]] = []
    for action, resource in asked:
        if resource.startswith("arn:aws:s3:::") and "/" in resource:
            bucket, _, key = resource.partition("/")
            keys, actions = objects.setdefault(bucket, ([], set()))
            keys.append(key)
            actions.add(action)
        else:
            rest.append((resource or "*", {action}))
    for bucket, (keys, actions) in objects.items():
        shared = commonpath([key.rpartition("/")[0] for key in keys])
        rest.append((f"{bucket}/{shared}/*" if shared else f"{bucket}/*", actions))
    return rest


def reports(roles: Iterable[Mapping[str, Any]], traces: Iterable[Trace]) -> dict[str, Report]:
    """Return a report for each function.

    Args:
        roles: as the engine tells them: function, role, policies, why they are not known.
    """
    found = {
        told["function"]: Report(
            told["function"],
            told["role"],
            [Policy(one["name"], one["statements"]) for one in told["policies"]],
            told["why_not"],
        )
        for told in roles
    }
    for trace in traces:
        spans = trace.spans
        for span in spans.values():
            if span["kind"] == "call" and span.get("caller") in found:
                _note_call(found[span["caller"]], span)
            elif span["kind"] == "post" and "api" in span:
                above = spans.get(span["parent"], {})
                if above.get("kind") == "invocation" and above["name"] in found:
                    _note_post(found[above["name"]], span)
    return found


def _note_call(report: Report, span: Mapping[str, Any]) -> None:
    for one in span.get("permissions", ()):
        _note(report, one["action"], one["resource"], allowed="decision" not in one)


def _note_post(report: Report, span: Mapping[str, Any]) -> None:
    place = f"{span['api']}/{span['stage']}/POST/@connections/*"
    _note(report, POST, f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{place}", allowed=True)


def _note(report: Report, action: str, resource: str, *, allowed: bool) -> None:
    """Count a permission, by the policies as they are now where these alone decide.

    Args:
        allowed: whether it was then, by what is not known any more: the values of conditions.
    """
    if report.why_not is None and resource:
        verdict = decide(Call(action, resource, report.role), report.policies)
        if not verdict.missing:
            allowed = verdict.decision == Decision.ALLOWED
    (report.used if allowed else report.missing)[action, resource] += 1
