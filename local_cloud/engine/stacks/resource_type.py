"""One resource type: which calls of its service create, change and delete it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from localstack.services.cloudformation.provider_utils import generate_default_name
from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)

Properties = dict[str, Any]

_GONE = frozenset(["NotFoundException", "ResourceNotFoundException", "UserNotFoundException"])


@dataclass(frozen=True)
class ResourceType:
    """How a type is made by the API of its service, whose parameters its properties are.

    Args:
        name: such as ``AWS::ApiGatewayV2::Route``.
        service: the client's name.
        create, update, delete: methods of the client; without ``update`` a change replaces it.
        identifier: the property that ``Ref`` gives, from the answer of ``create`` or the template.
        keys: what ``update`` and ``delete`` take to find it.
        inside: the key of the answer that holds the resource.
        renamed: property -> parameter, where these differ.
        written: property -> what makes its parameter.
        attributes: what ``GetAtt`` gives beside the properties, from request and answer.
        then: methods that are called after ``create`` and ``update``, with their parameters, from
            the properties.
        aside: properties that only ``then`` reads.
    """

    name: str
    service: str
    create: str
    delete: str
    identifier: str
    keys: tuple[str, ...]
    update: str | None = None
    inside: str | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    attributes: Callable[[ResourceRequest, Properties], Properties] = lambda request, made: {}
    then: Callable[[Properties], Mapping[str, Properties]] = lambda properties: {}
    aside: tuple[str, ...] = ()
    #: The property that names it; made of stack and logical id where the template does not.
    named: str | None = None
    #: Parameters of ``create`` that ``update`` does not take.
    fixed: tuple[str, ...] = ()

    def parameters(self, properties: Properties) -> Properties:
        """Return properties as the service's API takes them."""
        return {
            self.renamed.get(key, key): self.written.get(key, lambda value: value)(value)
            for key, value in properties.items()
            if key not in self.aside
        }

    def plugin(self) -> type[CloudFormationResourceProviderPlugin]:
        """Return what LocalStack loads for this type."""
        resource_type = self

        class Provider(_Provider):
            SCHEMA = {  # noqa: RUF012 - LocalStack's form
                "typeName": resource_type.name,
                "primaryIdentifier": [f"/properties/{resource_type.identifier}"],
                "properties": {},
                "required": [],
                "readOnlyProperties": [],
            }

            def __init__(self) -> None:
                self.type = resource_type

        class Plugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc]
            name = resource_type.name
            factory = Provider

            def load(self) -> None: ...

        return Plugin


class _Provider(ResourceProvider):  # type: ignore[misc]
    type: ResourceType

    def create(self, request: ResourceRequest) -> ProgressEvent:
        model: Properties = dict(request.desired_state)
        if self.type.named is not None:
            default = generate_default_name(request.stack_name, request.logical_resource_id)
            model.setdefault(self.type.named, default)
        answer = self._call(request, self.type.create, self.type.parameters(model))
        made = answer.get(self.type.inside, {}) if self.type.inside else answer
        if self.type.identifier in made:
            model[self.type.identifier] = made[self.type.identifier]
        model |= self.type.attributes(request, made)
        self._then(request, model)
        return ProgressEvent(OperationStatus.SUCCESS, resource_model=model)

    def update(self, request: ResourceRequest) -> ProgressEvent:
        before: Properties = dict(request.previous_state or {})
        if self.type.update is None:
            made = self.create(request)
            self._delete(request, before)
            return made
        wanted = dict(request.desired_state)
        known = {key: before[key] for key in self.type.keys if key in before}
        parameters = self.type.parameters(wanted) | self.type.parameters(known)
        for name in self.type.fixed:
            parameters.pop(name, None)
        self._call(request, self.type.update, parameters)
        self._then(request, before | wanted)
        return ProgressEvent(OperationStatus.SUCCESS, resource_model=before | wanted)

    def delete(self, request: ResourceRequest) -> ProgressEvent:
        self._delete(request, dict(request.previous_state or request.desired_state))
        return ProgressEvent(OperationStatus.SUCCESS, resource_model={})

    def read(self, request: ResourceRequest) -> ProgressEvent:
        return ProgressEvent(OperationStatus.SUCCESS, resource_model=request.desired_state)

    def _delete(self, request: ResourceRequest, state: Properties) -> None:
        known = {key: state[key] for key in self.type.keys if key in state}
        if len(known) < len(self.type.keys):
            return  # it was never made
        try:
            self._call(request, self.type.delete, self.type.parameters(known))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise

    def _then(self, request: ResourceRequest, model: Properties) -> None:
        for method, parameters in self.type.then(model).items():
            self._call(request, method, parameters)

    def _call(self, request: ResourceRequest, method: str, parameters: Properties) -> Properties:
        client = getattr(request.aws_client_factory, self.type.service)
        answer: Properties = getattr(client, method)(**parameters)
        return answer
