"""Throttles of stages, and API keys' throttles and quotas, held where LocalStack counts nothing.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localstack.http import Response
from localstack.services.apigateway.next_gen.execute_api.api import (
    RestApiGatewayHandler,
    RestApiGatewayHandlerChain,
)
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    QuotaExceededError,
    ThrottledError,
)
from localstack.services.apigateway.next_gen.execute_api.moto_helpers import (
    get_usage_plan_keys,
    get_usage_plans,
)

from local_cloud.engine.rest_apis.usage import QuotaExceeded, Throttled, Usage


class UsagePlans(RestApiGatewayHandler):  # type: ignore[misc]
    """Holds requests to the limits of their stage, and of their key's usage plan."""

    def __init__(self, usage: Usage) -> None:
        self.usage = usage

    def __call__(
        self,
        chain: RestApiGatewayHandlerChain,
        context: RestApiInvocationContext,
        response: Response,
    ) -> None:
        try:
            self._admit(context)
        except Throttled as error:
            raise ThrottledError("Too Many Requests") from error
        except QuotaExceeded as error:
            raise QuotaExceededError("Limit Exceeded") from error

    def _admit(self, context: RestApiInvocationContext) -> None:
        now = time.monotonic()
        method = f"{context.resource['path']}/{context.resource_method['httpMethod']}"
        stage = str(context.stage)
        place = (str(context.api_id), stage, method)
        key = context.context_variables["identity"].get("apiKeyId")
        if context.resource_method.get("apiKeyRequired") and key:
            plan = _plan_of(context, key)
            if plan is not None:
                name = str(plan["id"])
                own = _stage_of(plan, context).get("throttle") or {}
                self.usage.admit((name, key, *place), own.get(method), now)
                self.usage.admit((name, key), plan.get("throttle"), now)
                self.usage.count(name, key, plan.get("quota"), datetime.now(UTC))
        settings = (context.stage_configuration or {}).get("methodSettings") or {}
        self.usage.admit(place, _throttle(settings, method), now)


def _throttle(settings: Mapping[str, Any], method: str) -> Mapping[str, Any] | None:
    """Return the throttle of a stage's settings for a method, or for all."""
    path, _, verb = method.rpartition("/")
    escaped = path.replace("/", "~1") or "~1"
    found = settings.get(f"{escaped}/{verb}") or settings.get("*/*")
    if found is None:
        return None
    return {
        "rateLimit": found.get("throttlingRateLimit"),
        "burstLimit": found.get("throttlingBurstLimit"),
    }


def _plan_of(context: RestApiInvocationContext, key: str) -> Mapping[str, Any] | None:
    """Return the usage plan by which a key is let into a stage."""
    account, region = context.account_id, context.region
    for plan in get_usage_plans(account_id=account, region_name=region):
        if _stage_of(plan, context) and any(
            one["id"] == key
            for one in get_usage_plan_keys(
                usage_plan_id=plan["id"], account_id=account, region_name=region
            )
        ):
            found: Mapping[str, Any] = plan
            return found
    return None


def _stage_of(plan: Mapping[str, Any], context: RestApiInvocationContext) -> Mapping[str, Any]:
    for one in plan.get("apiStages") or ():
        if one.get("apiId") == context.api_id and one.get("stage") == context.stage:
            found: Mapping[str, Any] = one
            return found
    return {}
