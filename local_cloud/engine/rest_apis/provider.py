"""API Gateway on LocalStack: its provider, with a chain of handlers that lets nobody in unasked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.apigateway import (
    BadRequestException,
    GetUsageRequest,
    NotFoundException,
    PutRestApiRequest,
    RestApi,
    String,
    UpdateUsageRequest,
)
from localstack.aws.api.apigateway import Usage as UsageAnswer
from localstack.services.apigateway.helpers import get_moto_rest_api, get_rest_api_container
from localstack.services.apigateway.models import apigateway_stores
from localstack.services.apigateway.next_gen.execute_api import handlers
from localstack.services.apigateway.next_gen.execute_api.gateway import RestApiGateway
from localstack.services.apigateway.next_gen.execute_api.moto_helpers import (
    get_usage_plan_keys,
    get_usage_plans,
)
from localstack.services.apigateway.next_gen.execute_api.router import (
    ApiGatewayEndpoint,
    ApiGatewayRouter,
)
from localstack.services.apigateway.next_gen.provider import ApigatewayNextGenProvider
from localstack.services.edge import ROUTER
from localstack.services.moto import MotoFallbackDispatcher
from localstack.services.plugins import Service
from localstack.utils.json import parse_json_or_yaml
from localstack.utils.strings import to_str
from yaml import YAMLError

from local_cloud.engine.rest_apis.authorization import Authorization
from local_cloud.engine.rest_apis.gateway_responses import GatewayResponses
from local_cloud.engine.rest_apis.openapi import (
    TYPES,
    WrongDocument,
    gateway_responses,
    with_authorization,
)
from local_cloud.engine.rest_apis.templates import restrict_templates
from local_cloud.engine.rest_apis.usage import MOST_DAYS, Usage
from local_cloud.engine.rest_apis.usage_plans import UsagePlans


class Gateway(RestApiGateway):  # type: ignore[misc]
    """LocalStack's chain, with authorization before API keys, and limits behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.authorization = Authorization()
        self.usage = Usage()
        keys = self.request_handlers.index(handlers.api_key_validation_handler)
        self.request_handlers[keys : keys + 1] = [
            self.authorization,
            handlers.api_key_validation_handler,
            UsagePlans(self.usage),
        ]
        self.exception_handlers[:] = [
            GatewayResponses() if one is handlers.gateway_exception_handler else one
            for one in self.exception_handlers
        ]


class Provider(ApigatewayNextGenProvider):  # type: ignore[misc]
    """API Gateway's REST APIs."""

    def __init__(self) -> None:
        self.gateway = Gateway()
        endpoint = ApiGatewayEndpoint(rest_gateway=self.gateway, store=apigateway_stores)
        super().__init__(router=ApiGatewayRouter(ROUTER, handler=endpoint))

    @handler("PutRestApi", expand=False)
    def put_rest_api(self, context: RequestContext, request: PutRestApiRequest) -> RestApi:
        """Take an API from an OpenAPI document, with what it says of authorization."""
        body = request["body"].read()
        try:
            document = parse_json_or_yaml(to_str(body))
        except (ValueError, YAMLError):  # it is LocalStack's to say so
            document = None
        if isinstance(document, dict):
            try:
                body = json.dumps(with_authorization(document), default=str).encode()
            except WrongDocument as error:
                raise BadRequestException(str(error)) from error
        changed = PutRestApiRequest(**{**request, "body": BytesIO(body)})
        answer: RestApi = super().put_rest_api(context, changed)
        api = request["restApiId"]
        for kind, said in gateway_responses(document).items():
            self.put_gateway_response(
                context,
                api,
                kind,
                said.get("statusCode") and str(said["statusCode"]),
                said.get("responseParameters"),
                said.get("responseTemplates"),
            )
        authorizers = get_rest_api_container(context, rest_api_id=api).authorizers
        for name in [name for name, one in authorizers.items() if one["type"] in TYPES]:
            del authorizers[name]
        for resource in get_moto_rest_api(context, api).resources.values():
            for method in resource.resource_methods.values():
                if method.authorization_type in TYPES:
                    method.authorizer_id = None
        return answer

    def flush_stage_authorizers_cache(
        self, context: RequestContext, rest_api_id: String, stage_name: String, **_: object
    ) -> None:
        self.gateway.authorization.lambdas.forget(rest_api_id.lower(), stage_name)

    @handler("GetUsage", expand=False)
    def get_usage(self, context: RequestContext, request: GetUsageRequest) -> UsageAnswer:
        """Tell what keys have used of a plan on each day."""
        plan = self._plan(context, request["usagePlanId"])
        wanted = request.get("keyId")
        keys = get_usage_plan_keys(
            usage_plan_id=plan["id"], account_id=context.account_id, region_name=context.region
        )
        try:
            first, last = (date.fromisoformat(request[k]) for k in ("startDate", "endDate"))
        except ValueError as error:
            raise BadRequestException("Invalid date format. Use yyyy-mm-dd") from error
        if not timedelta(0) <= last - first <= timedelta(MOST_DAYS):
            raise BadRequestException(f"The dates have to be at most {MOST_DAYS} days apart")
        items = {
            key["id"]: self.gateway.usage.told(
                plan["id"], key["id"], plan.get("quota"), first, last
            )
            for key in keys
            if wanted in (None, key["id"])
        }
        return UsageAnswer(
            usagePlanId=plan["id"],
            startDate=request["startDate"],
            endDate=request["endDate"],
            items=items,
        )

    @handler("UpdateUsage", expand=False)
    def update_usage(self, context: RequestContext, request: UpdateUsageRequest) -> UsageAnswer:
        """Say how much of a period is left to a key."""
        plan, key = self._plan(context, request["usagePlanId"]), request["keyId"]
        now = datetime.now(UTC)
        for operation in request.get("patchOperations") or ():
            value = str(operation.get("value", ""))
            if operation.get("path") != "/remaining" or not value.isdecimal():
                raise BadRequestException("Invalid patch path: replace /remaining by a number")
            self.gateway.usage.set_remaining(plan["id"], key, plan.get("quota"), int(value), now)
        today = f"{now:%Y-%m-%d}"
        told = self.gateway.usage.told(plan["id"], key, plan.get("quota"), now.date(), now.date())
        return UsageAnswer(
            usagePlanId=plan["id"], startDate=today, endDate=today, items={key: told}
        )

    @staticmethod
    def _plan(context: RequestContext, name: str) -> Mapping[str, Any]:
        for plan in get_usage_plans(account_id=context.account_id, region_name=context.region):
            if plan["id"] == name:
                found: Mapping[str, Any] = plan
                return found
        raise NotFoundException("Invalid Usage Plan ID specified")


def rest_apis() -> Service:
    """Return the API Gateway service of REST APIs."""
    restrict_templates()
    # What LocalStack leaves to moto stays moto's.
    return Service.for_provider(Provider(), dispatch_table_factory=MotoFallbackDispatcher)
