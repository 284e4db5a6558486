"""WebSocket APIs as a template declares them, put into the registry's form.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_ApiGatewayV2.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from local_aws.template import Resource, Template, TemplateError, stable_id
from websocket_gateway.core.record import ApiKey, ApiRecord, Table
from websocket_gateway.core.registry import Registry
from websocket_gateway.core.validation import coerced, problems

API = "AWS::ApiGatewayV2::Api"
_PREFIX = "AWS::ApiGatewayV2::"

#: What is served of each type; any other property is named when a template is read.
_SERVED = {
    "Api": {
        *("Name", "ProtocolType", "RouteSelectionExpression", "ApiKeySelectionExpression"),
        *("Description", "Tags", "Version", "DisableSchemaValidation"),
    },
    "Route": {
        *("ApiId", "RouteKey", "Target", "AuthorizationType", "AuthorizerId", "ApiKeyRequired"),
        *("OperationName", "RouteResponseSelectionExpression", "ModelSelectionExpression"),
        "RequestModels",
    },
    "RouteResponse": {
        *("ApiId", "RouteId", "RouteResponseKey", "ModelSelectionExpression", "ResponseModels"),
    },
    "Integration": {
        *("ApiId", "Description", "IntegrationType", "IntegrationUri", "IntegrationMethod"),
        *("TimeoutInMillis", "RequestTemplates", "TemplateSelectionExpression"),
        *("PassthroughBehavior", "RequestParameters", "PayloadFormatVersion", "CredentialsArn"),
        "ConnectionType",
    },
    "IntegrationResponse": {
        *("ApiId", "IntegrationId", "IntegrationResponseKey", "ResponseTemplates"),
        "TemplateSelectionExpression",
    },
    "Authorizer": {
        *("ApiId", "Name", "AuthorizerType", "AuthorizerUri", "IdentitySource"),
        *("AuthorizerResultTtlInSeconds", "AuthorizerCredentialsArn"),
    },
    "Model": {"ApiId", "Name", "Schema", "ContentType", "Description"},
    "Stage": {
        *("ApiId", "StageName", "StageVariables", "AccessLogSettings", "DefaultRouteSettings"),
        *("RouteSettings", "DeploymentId", "Description", "AutoDeploy", "Tags"),
    },
    "Deployment": {"ApiId", "StageName", "Description"},
    "DomainName": {"DomainName", "DomainNameConfigurations", "Tags"},
    "ApiMapping": {"DomainName", "ApiId", "Stage", "ApiMappingKey"},
}


@dataclass
class Declared:
    """What a template declares, and what of it is not served (each with its line)."""

    records: list[ApiRecord]
    domain_names: Table = field(default_factory=dict)
    mappings: dict[str, Table] = field(default_factory=dict)
    keys: list[ApiKey] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)

    def register(self, registry: Registry) -> None:
        """Put it into a registry, in place of what the template declared before."""
        registry.replace_template(self.records, self.domain_names, self.mappings, self.keys)


def read_apis(template: Template) -> Declared:
    """Return the WebSocket APIs that a template declares, with all that belongs to them.

    Raises:
        TemplateError: there is none, or a route cannot be served; names the line.
    """
    reader = _Reader(template)
    return reader.read()


class _Reader:
    def __init__(self, template: Template) -> None:
        self.template = template
        self.records: dict[str, ApiRecord] = {}
        #: Logical ids of what a record knows by another name, by kind and that name.
        self.names: dict[tuple[str, str], str] = {}
        self.declared = Declared([])

    def read(self) -> Declared:
        template = self.template
        for resource in template.resources(API):
            if resource.properties.get("ProtocolType") != "WEBSOCKET":
                self.declared.unsupported.append(
                    f"{template.at(resource.logical_id)}: {resource.logical_id} is no WebSocket API"
                )
                continue
            api_id = template.physical_name(resource.logical_id)
            attributes = {**self._served(resource, "Api"), "ApiId": api_id}
            attributes["ApiEndpoint"] = f"ws://{api_id}.localhost"
            record = ApiRecord(attributes, from_template=True)
            self.names["Api", api_id] = resource.logical_id
            self.records[api_id] = record
            self.declared.records.append(record)
        if not self.declared.records:
            raise TemplateError(f"{template.path}: it declares no {API} (WEBSOCKET)")
        for record, resource, properties in self._all("Integration"):
            record.integrations[resource.logical_id] = {
                **properties,
                "IntegrationId": resource.logical_id,
            }
        for kind, id_name in (("Authorizer", "AuthorizerId"), ("Model", "ModelId")):
            for record, resource, properties in self._all(kind):
                table = record.authorizers if kind == "Authorizer" else record.models
                table[resource.logical_id] = {**properties, id_name: resource.logical_id}
        for record, resource, properties in self._all("Route"):
            record.routes[resource.logical_id] = {**properties, "RouteId": resource.logical_id}
        for record, resource, properties in self._all("RouteResponse"):
            responses = record.route_responses.setdefault(str(properties.get("RouteId")), {})
            responses[resource.logical_id] = {**properties, "RouteResponseId": resource.logical_id}
        for record, resource, properties in self._all("IntegrationResponse"):
            answers = record.integration_responses.setdefault(
                str(properties.get("IntegrationId")), {}
            )
            answers[resource.logical_id] = {
                **properties,
                "IntegrationResponseId": resource.logical_id,
            }
        for record, resource, properties in self._all("Stage"):
            name = str(properties.get("StageName", "$default"))
            record.stages[name] = properties
            self.names["Stage", name] = resource.logical_id
        for record, resource, properties in self._all("Deployment"):
            record.deployments[resource.logical_id] = {
                **properties,
                "DeploymentId": resource.logical_id,
                "DeploymentStatus": "DEPLOYED",
            }
        for record in self.declared.records:
            if not record.stages:
                record.stages["$default"] = {"StageName": "$default"}
            self._check(record)
        self._read_domain_names()
        self._read_keys()
        for logical_id, kind in template.types():
            if kind == "AWS::Serverless::WebSocketApi" or (
                kind.startswith(_PREFIX) and kind.removeprefix(_PREFIX) not in _SERVED
            ):
                self.declared.unsupported.append(
                    f"{template.at(logical_id)}: {kind} ({logical_id}) is not supported"
                )
        return self.declared

    def _all(self, kind: str) -> Iterator[tuple[ApiRecord, Resource, dict[str, Any]]]:
        for resource in self.template.resources(_PREFIX + kind):
            record = self.records.get(str(resource.properties.get("ApiId")))
            if record is not None:
                yield record, resource, self._served(resource, kind)

    def _served(self, resource: Resource, kind: str) -> dict[str, Any]:
        served = _SERVED[kind]
        for name in resource.properties:
            if name not in served:
                place = self.template.at(resource.logical_id, "Properties", name)
                self.declared.unsupported.append(
                    f"{place}: {name} of {resource.type} ({resource.logical_id}) is not supported"
                )
        properties = {k: v for k, v in resource.properties.items() if k in served}
        return coerced(kind, properties)

    def _check(self, record: ApiRecord) -> None:
        """Refuse what cannot be served, with its line; name a route that leads nowhere."""
        for problem in problems(record):
            logical_id = self.names.get((problem.kind, problem.name), problem.name)
            place = self.template.at(logical_id, "Properties", problem.attribute)
            raise TemplateError(f"{place}: {logical_id}: {problem.words}")
        for logical_id, route in record.routes.items():
            if not route.get("Target"):
                self.declared.unsupported.append(
                    f"{self.template.at(logical_id)}: route {route.get('RouteKey')!r} "
                    f"({logical_id}) has no Target: its messages are answered with an error"
                )

    def _read_domain_names(self) -> None:
        declared = self.declared
        for resource in self.template.resources(_PREFIX + "DomainName"):
            name = str(resource.properties.get("DomainName"))
            declared.domain_names[name] = self._served(resource, "DomainName")
            declared.mappings[name] = {}
        for resource in self.template.resources(_PREFIX + "ApiMapping"):
            properties = self._served(resource, "ApiMapping")
            domain = str(properties.get("DomainName"))
            record = self.records.get(str(properties.get("ApiId")))
            if record is None:
                continue
            stage = str(properties.get("Stage"))
            declared.domain_names.setdefault(domain, {"DomainName": domain})
            declared.mappings.setdefault(domain, {})[resource.logical_id] = {
                "ApiMappingKey": "",
                **properties,
                "ApiId": record.api_id,
                "Stage": stage,
                "ApiMappingId": resource.logical_id,
            }

    def _read_keys(self) -> None:
        """API keys and usage plans are resources of the older API Gateway; they serve both."""
        usage_plans = self.template.resources("AWS::ApiGateway::UsagePlan")
        plans = {plan.logical_id: plan.properties for plan in usage_plans}
        plans_of: dict[str, list[dict[str, Any]]] = {}
        for resource in self.template.resources("AWS::ApiGateway::UsagePlanKey"):
            plan = plans.get(str(resource.properties.get("UsagePlanId")))
            if plan is not None:
                plans_of.setdefault(str(resource.properties.get("KeyId")), []).append(plan)
        for resource in self.template.resources("AWS::ApiGateway::ApiKey"):
            properties = resource.properties
            name = str(properties.get("Name", resource.logical_id))
            if properties.get("Enabled", False) in (False, "false"):
                continue
            value = str(properties.get("Value") or stable_id(f"key {resource.logical_id}", 40))
            mine = plans_of.get(resource.logical_id, [])
            stages = {
                (record.api_id, str(stage.get("Stage")))
                for plan in mine
                for stage in plan.get("ApiStages") or []
                if (record := self.records.get(str(stage.get("ApiId")))) is not None
            }
            throttle: dict[str, Any] = next(
                (plan["Throttle"] for plan in mine if plan.get("Throttle")), {}
            )
            self.declared.keys.append(
                ApiKey(
                    value,
                    name,
                    frozenset(stages),
                    throttle.get("RateLimit"),
                    throttle.get("BurstLimit"),
                )
            )
