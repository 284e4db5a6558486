"""What serves traffic: an API's record, compiled into routes, integrations and stages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from jsonschema import Draft4Validator

from local_aws.throttle import TokenBucket
from websocket_gateway.core.access_log import AccessLogFormat
from websocket_gateway.core.models import ModelValidator
from websocket_gateway.core.record import FUNCTION_IN_URI, ApiKey, ApiRecord
from websocket_gateway.core.selection import Scope, SelectionExpression, choose
from websocket_gateway.core.validation import InvalidApi, model_registry, problems, schema_of

_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.([\w-]+)\}")
#: Seconds; the most that API Gateway waits for an integration.
INTEGRATION_TIMEOUT = 29.0


def function_of(uri: str, variables: Mapping[str, str]) -> str | None:
    """Return the function that a Lambda integration or authorizer URI names."""
    return _function_named(with_variables(uri, variables))


@lru_cache(maxsize=1024)
def _function_named(uri: str) -> str | None:
    match = FUNCTION_IN_URI.search(uri)
    return match["name"] if match else None


def is_function(uri: str) -> bool:
    """Return whether a URI names a Lambda function."""
    return FUNCTION_IN_URI.search(uri) is not None


def with_variables(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with its ``${stageVariables.name}`` replaced."""
    if "${stageVariables." not in text:
        return text
    return _STAGE_VARIABLE.sub(lambda match: variables.get(match[1], ""), text)


@dataclass(frozen=True)
class Answer:
    """An integration response: for which statuses, and what its templates make of a body."""

    templates: Mapping[str, str]
    selection: SelectionExpression | None


@dataclass(frozen=True)
class Integration:
    """What stands behind a route. ``timeout`` is in seconds."""

    kind: str
    uri: str
    method: str
    timeout: float
    templates: Mapping[str, str]
    selection: SelectionExpression | None
    passthrough: str
    parameters: Mapping[str, str]
    answers: Mapping[str, Answer]
    answer_selection: SelectionExpression

    def request_template(self, scope: Scope) -> str | None:
        """Return the template for a message, or ``None`` to pass it on as it is."""
        key = self.selection.evaluate(scope) if self.selection else None
        chosen = choose(key, self.templates)
        return None if chosen is None else self.templates[chosen]

    def answer_template(self, scope: Scope) -> str | None:
        """Return the template for an integration's answer, or ``None`` to pass it on."""
        chosen = choose(self.answer_selection.evaluate(scope), self.answers)
        if chosen is None:
            return None
        answer = self.answers[chosen]
        key = answer.selection.evaluate(scope) if answer.selection else None
        template = choose(key, answer.templates)
        return None if template is None else answer.templates[template]


@dataclass(frozen=True)
class Authorizer:
    """A Lambda REQUEST authorizer. ``ttl`` is in seconds."""

    authorizer_id: str
    uri: str
    identity_sources: tuple[str, ...]
    ttl: float


@dataclass(frozen=True)
class Route:
    """A route key with what is checked before, and run behind it."""

    key: str
    integration: Integration | None
    two_way: bool
    authorization: str
    authorizer: Authorizer | None
    api_key_required: bool
    model_selection: SelectionExpression | None
    models: Mapping[str, Draft4Validator]

    def accepts(self, scope: Scope) -> bool:
        """Return whether a message fits the route's model, if it asks for one."""
        if self.model_selection is None:
            return True
        key = self.model_selection.evaluate(scope)
        chosen = key if key is not None and key in self.models else "$default"
        if chosen not in self.models:
            return False
        try:
            document = orjson.loads(scope.body)
        except ValueError:
            return False
        try:
            return self.models[chosen].is_valid(document)
        except RecursionError:  # deeper than a schema that refers to itself can follow
            return False


@dataclass
class Stage:
    """A named deployment of an API: variables, throttling, logging."""

    name: str
    variables: Mapping[str, str]
    log_format: AccessLogFormat | None
    log_group: str | None
    default_throttle: TokenBucket | None
    throttles: Mapping[str, TokenBucket]

    def admits(self, route_key: str, now: float) -> bool:
        """Take a request out of the route's bucket, else out of the stage's."""
        bucket = self.throttles.get(route_key, self.default_throttle)
        return bucket is None or bucket.admits(now)


@dataclass
class WebSocketApi:
    """One API as it serves."""

    api_id: str
    name: str
    selection: SelectionExpression
    key_selection: SelectionExpression
    routes: Mapping[str, Route]
    stages: Mapping[str, Stage]
    problems: list[str] = field(default_factory=list)

    def route_for(self, scope: Scope) -> Route | None:
        """Return the route for a message: by its key, else ``$default``, else none."""
        key = self.selection.evaluate(scope)
        if key is not None and not key.startswith("$"):
            route = self.routes.get(key)
            if route is not None:
                return route
        return self.routes.get("$default")


def compile_api(record: ApiRecord) -> WebSocketApi:
    """Return what serves for a record.

    Raises:
        InvalidApi: it cannot serve.
    """
    for problem in problems(record):
        raise InvalidApi(problem)
    attributes = record.attributes
    registry = model_registry(record)
    validators = {
        str(model.get("Name")): ModelValidator(schema_of(model), registry=registry)
        for model in record.models.values()
    }
    routes = {}
    for route_id, route in record.routes.items():
        compiled = _route(record, route_id, route, validators)
        routes[compiled.key] = compiled
    idle = [f"route {r.key!r} has no integration" for r in routes.values() if not r.integration]
    return WebSocketApi(
        api_id=record.api_id,
        name=str(attributes.get("Name", record.api_id)),
        selection=_expression(attributes, "RouteSelectionExpression", "$request.body.action"),
        key_selection=_expression(
            attributes, "ApiKeySelectionExpression", "$request.header.x-api-key"
        ),
        routes=routes,
        stages={name: _stage(name, stage) for name, stage in record.stages.items()},
        problems=idle,
    )


def _expression(attributes: Mapping[str, Any], name: str, default: str) -> SelectionExpression:
    expression = str(attributes.get(name) or default)
    # Bare names hold no dash, but the default key expression of API Gateway does.
    if expression == "$request.header.x-api-key":
        expression = "${request.header.x-api-key}"
    return SelectionExpression(expression)


def _optional(expression: Any) -> SelectionExpression | None:
    return SelectionExpression(str(expression)) if expression else None


def _route(
    record: ApiRecord,
    route_id: str,
    route: Mapping[str, Any],
    models: Mapping[str, Draft4Validator],
) -> Route:
    key = str(route.get("RouteKey"))
    target = str(route.get("Target") or "").removeprefix("integrations/")
    integration = record.integrations.get(target)
    authorization = str(route.get("AuthorizationType") or "NONE")
    authorizer = record.authorizers.get(str(route.get("AuthorizerId")))
    return Route(
        key=key,
        integration=_integration(record, target, integration) if integration else None,
        two_way=bool(record.route_responses.get(route_id)),
        authorization=authorization,
        authorizer=_authorizer(authorizer) if authorizer else None,
        api_key_required=route.get("ApiKeyRequired") is True,
        model_selection=_optional(route.get("ModelSelectionExpression")),
        models={name: models[m] for name, m in (route.get("RequestModels") or {}).items()},
    )


def _authorizer(attributes: Mapping[str, Any]) -> Authorizer:
    return Authorizer(
        authorizer_id=str(attributes.get("AuthorizerId", "")),
        uri=str(attributes.get("AuthorizerUri", "")),
        identity_sources=tuple(attributes.get("IdentitySource") or ()),
        ttl=float(attributes.get("AuthorizerResultTtlInSeconds") or 0),
    )


def _integration(
    record: ApiRecord, integration_id: str, attributes: Mapping[str, Any]
) -> Integration:
    answers = {
        str(answer.get("IntegrationResponseKey")): Answer(
            answer.get("ResponseTemplates") or {},
            _optional(answer.get("TemplateSelectionExpression")),
        )
        for answer in record.integration_responses.get(integration_id, {}).values()
    }
    return Integration(
        kind=str(attributes.get("IntegrationType", "")),
        uri=str(attributes.get("IntegrationUri") or ""),
        method=str(attributes.get("IntegrationMethod") or "POST"),
        timeout=float(attributes.get("TimeoutInMillis") or INTEGRATION_TIMEOUT * 1000) / 1000,
        templates=attributes.get("RequestTemplates") or {},
        selection=_optional(attributes.get("TemplateSelectionExpression")),
        passthrough=str(attributes.get("PassthroughBehavior") or "WHEN_NO_MATCH"),
        parameters=attributes.get("RequestParameters") or {},
        answers=answers,
        answer_selection=_expression(
            attributes,
            "IntegrationResponseSelectionExpression",
            "${integration.response.statuscode}",
        ),
    )


def _stage(name: str, attributes: Mapping[str, Any]) -> Stage:
    logging = attributes.get("AccessLogSettings") or {}
    settings = attributes.get("RouteSettings") or {}
    buckets = {key: bucket for key, value in settings.items() if (bucket := _bucket(value))}
    group = str(logging.get("DestinationArn") or "")
    return Stage(
        name=name,
        variables=attributes.get("StageVariables") or {},
        log_format=AccessLogFormat(logging["Format"]) if logging.get("Format") else None,
        log_group=group.partition(":log-group:")[2].removesuffix(":*") or None,
        default_throttle=_bucket(attributes.get("DefaultRouteSettings") or {}),
        throttles=buckets,
    )


def _bucket(settings: Mapping[str, Any]) -> TokenBucket | None:
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    if rate is None and burst is None:
        return None
    rate = float(rate if rate is not None else burst or 0)
    return TokenBucket(rate, int(burst if burst is not None else max(1, rate)))


def key_bucket(key: ApiKey) -> TokenBucket | None:
    """Return the bucket of a usage plan's throttle, if it has one."""
    return _bucket({"ThrottlingRateLimit": key.rate, "ThrottlingBurstLimit": key.burst})
