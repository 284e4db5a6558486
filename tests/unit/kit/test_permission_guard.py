"""What becomes of a function's call that its role's policies do not allow."""

from __future__ import annotations

from typing import Any

import pytest
from localstack.aws.api import RequestContext
from localstack.aws.spec import load_service
from localstack.http import Request

from local_aws.credentials import key_of
from local_aws.iam.evaluation import Policy
from local_cloud.engine.permissions import guard
from local_cloud.engine.permissions.roles import Role
from local_cloud.installation import Permissions

SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret"
ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class KnownRoles:
    """Roles of one function, or none that can be read."""

    def __init__(self, role: Role | None) -> None:
        self.role = role

    def of_key(self, key: str) -> Role:
        if self.role is None:
            raise RuntimeError("a role that nobody foresaw")
        return self.role


def call(service: str, operation: str, **parameters: Any) -> RequestContext:
    scope = f"Credential={key_of('f')}/20260101/us-east-1/{service}/aws4_request"
    context = RequestContext(
        Request("POST", "/", headers={"Authorization": f"AWS4-HMAC-SHA256 {scope}"})
    )
    context.service = load_service(service)
    context.operation = context.service.operation_model(operation)
    context.service_request = parameters
    context.region, context.account_id = "us-east-1", "000000000000"
    return context


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Any:
    def judged(mode: str, role: Role | None, context: RequestContext) -> dict[str, Any]:
        monkeypatch.setattr(guard, "roles", lambda: KnownRoles(role))
        monkeypatch.setattr(guard, "mode", lambda: Permissions(mode))
        return guard.judged(context)

    return judged


def role(*statements: dict[str, Any]) -> Role:
    policy = Policy.read("own", {"Statement": list(statements)})
    return Role("f", "arn:aws:iam::000000000000:role/f", (policy,))


@pytest.mark.parametrize("resource", [f"{SECRET}:secret-*", [f"{SECRET}:secret-*"]])
def test_a_deny_on_some_says_nothing_of_a_resource_that_is_not_known(
    judge: Any, resource: Any
) -> None:
    deny = {"Effect": "Deny", "Action": "*", "Resource": resource}
    unknown = call("s3", "CreateBucket")  # names no bucket
    monitored = judge("enforce", role(ALLOW, deny), unknown)
    assert "denied" not in monitored


@pytest.mark.parametrize("resource", ["*", ["arn:aws:s3:::a", "*"]])
def test_a_deny_on_everything_counts_there(judge: Any, resource: Any) -> None:
    deny = {"Effect": "Deny", "Action": "*", "Resource": resource}
    judged = judge("enforce", role(ALLOW, deny), call("dynamodb", "GetItem", TableName="t"))
    assert "with an explicit deny" in judged["denied"]


def test_a_call_that_cannot_be_judged_goes_on_while_calls_are_watched(judge: Any) -> None:
    told = judge("watch", None, call("dynamodb", "GetItem", TableName="t"))
    assert told == {"not_judged": "RuntimeError('a role that nobody foresaw')"}
    guard.refuse(call("dynamodb", "GetItem", TableName="t"), told)


def test_a_call_that_cannot_be_judged_is_not_let_through_where_roles_are_enforced(
    judge: Any,
) -> None:
    with pytest.raises(RuntimeError):
        judge("enforce", None, call("dynamodb", "GetItem", TableName="t"))
