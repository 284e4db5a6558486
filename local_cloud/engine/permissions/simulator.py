"""``SimulatePrincipalPolicy`` and ``SimulateCustomPolicy``, decided as AWS decides calls.

LocalStack compares names as they are written, and knows the first of the two only.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.iam import (
    EvaluationResult,
    InvalidInputException,
    NoSuchEntityException,
    SimulateCustomPolicyRequest,
    SimulatePolicyResponse,
    SimulatePrincipalPolicyRequest,
    Statement,
)
from localstack.services.iam.models import IamStore
from localstack.services.iam.provider import IamProvider
from localstack.services.iam.resources.policy_simulator import IAMPolicySimulator

from local_aws.iam.conditions import WrongPolicy
from local_aws.iam.evaluation import Call, Decision, Policy, Verdict, decide

MOST_RESULTS = 1000


class Provider(IamProvider):  # type: ignore[misc]
    """IAM, with both simulations."""

    def __init__(self) -> None:
        super().__init__()
        self.policy_simulator = PolicySimulator(self)

    @handler("SimulateCustomPolicy", expand=False)
    def simulate_custom_policy(
        self, context: RequestContext, request: SimulateCustomPolicyRequest, **_: Any
    ) -> SimulatePolicyResponse:
        """Say what policies that are sent along would decide."""
        boundary = request.get("PermissionsBoundaryPolicyInputList")
        return _simulated(
            request,
            _sent(request.get("PolicyInputList"), "PolicyInputList"),
            _sent(boundary, "PermissionsBoundaryPolicyInputList") if boundary else None,
            "",
        )


class PolicySimulator(IAMPolicySimulator):  # type: ignore[misc]
    """Says what the policies of a user, a group or a role would decide."""

    def __init__(self, provider: IamProvider) -> None:
        self.provider = provider

    def simulate_principal_policy(
        self, context: RequestContext, request: SimulatePrincipalPolicyRequest
    ) -> SimulatePolicyResponse:
        """Say what they would decide, with those that are sent along."""
        arn = request["PolicySourceArn"]
        held = list(self.policies_of(context, arn))
        more = _sent(request.get("PolicyInputList"), "PolicyInputList")
        sent = request.get("PermissionsBoundaryPolicyInputList")
        boundary = (
            _sent(sent, "PermissionsBoundaryPolicyInputList")
            if sent
            else self.boundary_of(context, arn)
        )
        return _simulated(request, [*held, *more], boundary, arn)

    def policies_of(self, context: RequestContext, arn: str) -> Iterator[Policy]:
        """Yield the policies of a user with its groups, of a group, or of a role."""
        store = self.provider._get_store(context)
        for kind, name, entity in self._entities(store, arn):
            for policy, document in entity.inline_policies.items():
                yield _read(f"{kind}_{name}_{policy}", document)
            for policy in entity.attached_policy_arns:
                yield self._managed(store, policy)

    def boundary_of(self, context: RequestContext, arn: str) -> list[Policy] | None:
        """Return the permissions boundary of a user or a role, if there is one."""
        store = self.provider._get_store(context)
        kind, _, entity = next(self._entities(store, arn))
        said = getattr(entity, kind, {}).get("PermissionsBoundary") or {}
        boundary = said.get("PermissionsBoundaryArn")
        return [self._managed(store, boundary)] if boundary else None

    def _entities(self, store: IamStore, arn: str) -> Iterator[tuple[str, str, Any]]:
        kind, _, name = arn.rpartition(":")[2].partition("/")
        name = name.rpartition("/")[2]
        if kind == "role":
            yield kind, name, self.provider._get_role_entity(store, name)
        elif kind == "group":
            yield kind, name, self.provider._get_group_entity(store, name)
        elif kind == "user":
            yield kind, name, self.provider._get_user_entity(store, name)
            for group, entity in store.GROUPS.items():
                if name in entity.member_user_names:
                    yield "group", group, entity
        else:
            raise InvalidInputException(
                f"Invalid Entity Arn: {arn} does not belong to a principal."
            )

    def _managed(self, store: IamStore, arn: str) -> Policy:
        if self.provider._is_managed_policy(arn):
            policy = self.provider._aws_managed_policy_cache.get(arn)
        else:
            policy = store.MANAGED_POLICIES.get(arn)
        if policy is None:
            raise NoSuchEntityException(f"Policy {arn} does not exist or is not attachable.")
        version = policy.versions[policy.policy["DefaultVersionId"]]
        return _read(arn.rpartition("/")[2], version["Document"])


def _sent(documents: Sequence[str] | None, name: str) -> list[Policy]:
    return [_read(f"{name}.{number}", text) for number, text in enumerate(documents or (), 1)]


def _read(name: str, document: str) -> Policy:
    try:
        return Policy.read(name, document)
    except WrongPolicy as error:
        raise InvalidInputException(str(error)) from error


def _simulated(
    request: Mapping[str, Any], identity: Sequence[Policy], boundary: list[Policy] | None, arn: str
) -> SimulatePolicyResponse:
    sent = request.get("ResourcePolicy")
    resource = _read("ResourcePolicy", sent) if sent else None
    caller = request.get("CallerArn") or arn
    if resource is not None and not caller:
        raise InvalidInputException("CallerArn is required when a ResourcePolicy is given.")
    known = {
        entry["ContextKeyName"].lower(): entry.get("ContextKeyValues", [])
        for entry in request.get("ContextEntries") or ()
    }
    owner = (request.get("ResourceOwner") or "").removeprefix("arn:aws:iam::").partition(":")[0]
    calls = [
        Call(action, name, caller, known)
        for action in request["ActionNames"]
        for name in request.get("ResourceArns") or ["*"]
    ]
    begin = int(request.get("Marker") or 0)
    end = begin + min(request.get("MaxItems") or MOST_RESULTS, MOST_RESULTS)
    try:
        results = [
            _told(call, decide(call, identity, boundary=boundary, resource=resource, owner=owner))
            for call in calls[begin:end]
        ]
    except WrongPolicy as error:
        raise InvalidInputException(str(error)) from error
    more = end < len(calls)
    answer = SimulatePolicyResponse(EvaluationResults=results, IsTruncated=more)
    if more:
        answer["Marker"] = str(end)
    return answer


def _told(call: Call, verdict: Verdict) -> EvaluationResult:
    result = EvaluationResult(
        EvalActionName=call.action,
        EvalResourceName=call.resource,
        EvalDecision=str(verdict.decision),
        MatchedStatements=[
            Statement(SourcePolicyId=name, SourcePolicyType="IAM Policy")
            for name, _ in verdict.matched
        ],
        MissingContextValues=sorted(verdict.missing),
    )
    if verdict.within_boundary is not None and verdict.decision != Decision.EXPLICIT_DENY:
        result["PermissionsBoundaryDecisionDetail"] = {
            "AllowedByPermissionsBoundary": verdict.within_boundary
        }
    return result
