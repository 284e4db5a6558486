"""A workflow's role is assumed once in a while."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.engine.workflows import roles

ROLE = "arn:aws:iam::000000000000:role/workflow"


class Factory:
    """Counts how often a role is assumed."""

    def __init__(self) -> None:
        self.assumed: list[tuple[str, str]] = []

    def with_assumed_role(self, *, role_arn: str, region_name: str, **_: Any) -> object:
        if role_arn.endswith("/refused"):
            raise PermissionError(role_arn)
        self.assumed.append((role_arn, region_name))
        return object()


def test_tasks_share_the_clients_of_their_role_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("local_cloud.engine.workflows.roles.time.monotonic", lambda: now)
    factory = Factory()
    kept = roles._Roles(factory)

    def clients(role: str = ROLE, region: str = "us-east-1") -> object:
        return kept.with_assumed_role(role_arn=role, region_name=region, config=None)

    first = clients()
    assert clients() is first
    assert clients(region="eu-west-1") is not first
    assert clients(role=f"{ROLE}-2") is not first
    now = roles.KEPT_SECONDS - 1.0
    assert clients() is first
    now = roles.KEPT_SECONDS + 1.0
    assert clients() is not first
    assert factory.assumed.count((ROLE, "us-east-1")) == 2


def test_a_role_that_is_refused_is_asked_for_again() -> None:
    kept = roles._Roles(Factory())
    for _ in range(2):
        with pytest.raises(PermissionError):
            kept.with_assumed_role(role_arn=f"{ROLE}/refused", region_name="us-east-1")
