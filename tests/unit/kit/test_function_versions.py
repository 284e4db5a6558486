"""What LocalStack refuses a function's invocation for, in AWS's words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from localstack import config
from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.invocation.counting_service import CountingService
from localstack.services.lambda_.invocation.lambda_models import Function, VersionIdentifier

from local_cloud.engine.functions.versions import VersionManager
from local_cloud.lambda_endpoint.capacity import ACCOUNT, RESERVED


@pytest.mark.parametrize(("reserved", "reason"), [(None, ACCOUNT), (0, RESERVED)])
def test_a_refusal_names_the_limit_that_is_reached(
    monkeypatch: pytest.MonkeyPatch, reserved: int | None, reason: str
) -> None:
    monkeypatch.setattr(config, "LAMBDA_LIMITS_CONCURRENT_EXECUTIONS", 0)
    manager: Any = VersionManager.__new__(VersionManager)
    manager.counting_service = CountingService()
    manager.function = Function("f", reserved_concurrent_executions=reserved)
    identifier = VersionIdentifier("f", "$LATEST", "us-east-1", "000000000000")
    manager.function_version = SimpleNamespace(id=identifier)
    manager.provisioned_state = None
    with pytest.raises(TooManyRequestsException) as refused, manager._lease():
        pass
    assert refused.value.Reason == reason
