"""A version's invocations: to the endpoint, without a place of LocalStack's in between.

The endpoint has the workers, starts and stops them and tells what they write. What LocalStack adds
to an invocation is its limits: reserved and provisioned concurrency.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from localstack.aws.api.lambda_ import ServiceException, TooManyRequestsException
from localstack.services.lambda_.invocation.lambda_models import Invocation, InvocationResult
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager

from local_cloud.engine.functions.executor import invoke_at_endpoint
from local_cloud.engine.functions.metrics import Function, Metrics
from local_cloud.lambda_endpoint.capacity import ACCOUNT

METRICS = Metrics()


class VersionManager(LambdaVersionManager):  # type: ignore[misc]
    """Answers one version's invocations."""

    def invoke(self, *, invocation: Invocation) -> InvocationResult:
        """Run an invocation to its end.

        Raises:
            TooManyRequestsException: the concurrency is taken that is reserved for the function,
                or that the account may have; its reason says which.
            ServiceException: the version is being replaced, or the endpoint does not answer.
        """
        if self.shutdown_event.is_set():
            raise ServiceException(f"{self.function_arn} is shutting down")
        version = self.function_version
        with self._lease():
            result = invoke_at_endpoint(version, invocation)
        place = Function(version.id.account, version.id.region, version.id.function_name)
        METRICS.count(place, failed=result.is_error)
        return result

    @contextlib.contextmanager
    def _lease(self) -> Iterator[None]:
        """Have it counted as a concurrent execution; LocalStack has one reason for both limits."""
        with contextlib.ExitStack() as lease:
            try:
                lease.enter_context(
                    self.counting_service.get_invocation_lease(
                        self.function, self.function_version, self.provisioned_state
                    )
                )
            except TooManyRequestsException as error:
                if self.function.reserved_concurrent_executions is None:
                    error.Reason = ACCOUNT
                raise
            yield
