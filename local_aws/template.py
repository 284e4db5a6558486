"""Reads a SAM or CloudFormation template: YAML short forms, parameters, conditions, intrinsics.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from local_aws import yaml_documents
from local_aws.account import ACCOUNT_ID, REGION

_NO_VALUE = object()
#: Functions and conditions that are worked out for a resource, and characters of a text that they
#: make: names of names of names double each time. A whole template has a megabyte.
MOST_STEPS, MOST_CHARACTERS = 1_000_000, 1 << 20
_SUB = re.compile(r"\$\{(!?)([^{}]++)\}")

# The property that names a resource, where the name is not simply "Name".
_NAME_PROPERTIES = (
    "FunctionName",
    "TableName",
    "BucketName",
    "Name",
    "StateMachineName",
    "LogGroupName",
    "UserPoolName",
    "RoleName",
    "ManagedPolicyName",
)
_ARN_FORMS = {
    "AWS::Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
}


class TemplateError(ValueError):
    """The template cannot be read; the message says where and why."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (``!Ref X``) read as their long ones."""


class _Located(dict[str, Any]):
    """A mapping that knows on which line of its file it begins."""

    line = 0


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Iterator[_Located]:
    located = _Located()
    located.line = node.start_mark.line + 1
    yield located
    located.update({str(k): v for k, v in loader.construct_mapping(node).items()})


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    located = _Located({suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value})
    located.line = node.start_mark.line + 1
    return located


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_multi_constructor("!", _short_form)
# CloudFormation keeps "2012-10-17" a string; YAML would make it a date.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


Place = tuple[str, ...]


def _lines(text: str) -> dict[Place, int]:
    """Return the line of each resource, and of each of its parts two levels down."""
    lines: dict[Place, int] = {}

    def walk(node: yaml.Node, place: Place, depth: int) -> None:
        if not isinstance(node, yaml.MappingNode) or depth == 0:
            return
        for key, value in node.value:
            inner = (*place, str(key.value))
            lines[inner] = key.start_mark.line + 1
            walk(value, inner, depth - 1)

    root = yaml_documents.compose(text, _Loader)
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if key.value == "Resources":
                walk(value, (), 3)
    return lines


def stable_id(text: str, length: int) -> str:
    """Return an id with the characters that AWS's have, the same at every start."""
    digest = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(alphabet[digest // 36**i % 36] for i in range(length))


@dataclass(frozen=True)
class Resource:
    """A resource whose properties have been resolved."""

    logical_id: str
    type: str
    properties: dict[str, Any]


@dataclass
class Template:
    """A template with its intrinsics resolved against parameters and local names."""

    path: Path
    region: str
    body: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)
    lines: dict[Place, int] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _steps: int = field(default=0, init=False, repr=False, compare=False)

    @classmethod
    def load(
        cls, path: Path, parameters: Mapping[str, str] | None = None, region: str = REGION
    ) -> Template:
        """Read the template at ``path``.

        Args:
            parameters: values by parameter name; a parameter not named takes its ``Default``.

        Raises:
            TemplateError: the file is missing, not YAML, or not a template.
        """
        try:
            text = path.read_text()
            body = yaml_documents.load(text, _Loader)
        except OSError as error:
            raise TemplateError(f"{path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise TemplateError(f"{path}: not UTF-8: {error}") from error
        except yaml.YAMLError as error:
            raise TemplateError(f"{path}: not YAML: {error}") from error
        if not isinstance(body, dict) or not isinstance(body.get("Resources"), dict):
            raise TemplateError(f"{path}: not a template: it has no Resources")
        for section in ("Parameters", "Conditions", "Mappings", "Globals"):
            if not isinstance(body.get(section) or {}, dict):
                raise TemplateError(f"{path}: {section} is no mapping")
        declared = body.get("Parameters") or {}
        values = {
            name: spec.get("Default", "") if isinstance(spec, dict) else ""
            for name, spec in declared.items()
        }
        values.update({k: v for k, v in (parameters or {}).items() if k in declared})
        return cls(path, region, body, values, _lines(text))

    def resources(self, *types: str) -> Iterator[Resource]:
        """Yield the resources of these types whose condition holds, properties resolved."""
        for logical_id, resource in self.body["Resources"].items():
            if not isinstance(resource, dict) or "Type" not in resource:
                raise TemplateError(f"{self.path}: resource {logical_id} has no Type")
            if resource["Type"] not in types:
                continue
            self._steps = 0
            if self._is_wanted(logical_id, resource.get("Condition")):
                try:
                    properties = self.resolve(resource.get("Properties") or {})
                except RecursionError as error:
                    raise TemplateError(f"{self.at(logical_id)}: it refers to itself") from error
                if not isinstance(properties, dict):
                    place = self.at(logical_id, "Properties")
                    raise TemplateError(f"{place}: Properties of {logical_id} are no mapping")
                yield Resource(logical_id, resource["Type"], properties)

    def _is_wanted(self, logical_id: str, condition: Any) -> bool:
        try:
            return condition is None or self._holds(condition)
        except TemplateError as error:
            if str(error).startswith(str(self.path)):
                raise
            raise TemplateError(f"{self.at(logical_id, 'Condition')}: {error}") from error

    def types(self) -> Iterator[tuple[str, str]]:
        """Yield each resource's logical id and type."""
        for logical_id, resource in self.body["Resources"].items():
            if isinstance(resource, dict):
                yield logical_id, str(resource.get("Type"))

    def at(self, *place: str) -> str:
        """Return ``file:line`` of a resource or a part of it, as far as it can be placed."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path}:{self.lines[place]}" if place else str(self.path)

    def globals_for(self, kind: str) -> dict[str, Any]:
        """Return SAM's ``Globals`` section for a kind of resource, such as ``Function``."""
        section = self.resolve((self.body.get("Globals") or {}).get(kind) or {})
        return section if isinstance(section, dict) else {}

    def physical_name(self, logical_id: str) -> str:
        """Return the name a resource goes by locally: its name property, else its logical id."""
        if (name := self._names.get(logical_id)) is None:
            name = self._names[logical_id] = self._physical_name(logical_id)
        return name

    def _physical_name(self, logical_id: str) -> str:
        resource = self.body["Resources"][logical_id]
        properties = resource.get("Properties") or {}
        if str(resource.get("Type")).startswith("AWS::ApiGateway"):
            return self._api_gateway_id(logical_id, str(resource["Type"]), properties)
        for key in _NAME_PROPERTIES:
            if key in properties:
                return str(self.resolve(properties[key]))
        return logical_id

    def resolve(self, value: Any) -> Any:
        """Return ``value`` with every intrinsic function replaced by its result."""
        if isinstance(value, list):
            return [r for item in value if (r := self.resolve(item)) is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            key, argument = next(iter(value.items()))
            if key == "Ref" or (isinstance(key, str) and key.startswith("Fn::")):
                return self._located(value, key, argument)
        return {k: r for k, item in value.items() if (r := self.resolve(item)) is not _NO_VALUE}

    def _located(self, value: dict[str, Any], key: str, argument: Any) -> Any:
        """Return an intrinsic function's result; name its line where it has none."""
        try:
            self._step()
            made = self._ref(argument) if key == "Ref" else self._function(key, argument)
            if isinstance(made, str) and len(made) > MOST_CHARACTERS:
                raise TemplateError(
                    f"{key} makes a text of more than {MOST_CHARACTERS:,} characters"
                )
            return made
        except TemplateError as error:
            if str(error).startswith(str(self.path)):
                raise
            raise TemplateError(f"{self._line(value)}: {error}") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            said = f"{key} cannot take {_shown(argument)}"
            raise TemplateError(f"{self._line(value)}: {said} ({error})") from error

    def _step(self) -> None:
        """Count what is worked out.

        Raises:
            TemplateError: it is too much.
        """
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TemplateError(f"{self.path}: a resource takes more than {MOST_STEPS:,} functions")

    def _line(self, value: dict[str, Any]) -> str:
        line = value.line if isinstance(value, _Located) else 0
        return f"{self.path}:{line}" if line else str(self.path)

    def _api_gateway_id(self, logical_id: str, kind: str, properties: dict[str, Any]) -> str:
        """API Gateway's resources are referred to by ids, not by their names."""
        match kind.rpartition("::")[2]:
            case "Api":
                return stable_id(logical_id, 10)
            case "Stage":
                return str(self.resolve(properties.get("StageName", "$default")))
            case "DomainName":
                return str(self.resolve(properties.get("DomainName", logical_id)))
        return logical_id

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::Region": self.region,
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "local",
            "AWS::StackId": f"arn:aws:cloudformation:{self.region}:{ACCOUNT_ID}:stack/local/local",
            "AWS::NoValue": _NO_VALUE,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        if name in self.body["Resources"]:
            return self.physical_name(name)
        raise TemplateError(f"Ref to {name}, which the template does not declare")

    def _function(self, key: str, argument: Any) -> Any:
        match key:
            case "Fn::Sub":
                return self._sub(argument)
            case "Fn::GetAtt":
                parts = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._get_att(str(parts[0]), str(self.resolve(parts[1])))
            case "Fn::Join":
                separator, items = argument
                return str(separator).join(str(item) for item in self.resolve(items))
            case "Fn::If":
                name, yes, no = argument
                return self.resolve(yes if self._holds(name) else no)
            case "Fn::Select":
                index, items = self.resolve(argument)
                if not isinstance(items, list) or not 0 <= int(index) < len(items):
                    raise TemplateError(f"Fn::Select: there is no item {index} in {_shown(items)}")
                return items[int(index)]
            case "Fn::Split":
                separator, text = self.resolve(argument)
                return str(text).split(separator)
            case "Fn::FindInMap":
                names = self.resolve(argument)
                found = self.body.get("Mappings") or {}
                for name in names:
                    if not isinstance(found, dict) or name not in found:
                        raise TemplateError(f"Fn::FindInMap: Mappings has no {_shown(names)}")
                    found = found[name]
                return self.resolve(found)
            case "Fn::Base64":
                return self.resolve(argument)
            case _:
                return {key: self.resolve(argument)}

    def _sub(self, argument: Any) -> str:
        text, names = argument if isinstance(argument, list) else (argument, {})
        values = self.resolve(names)

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in values:
                return str(values[name])
            if "." in name:
                return str(self._get_att(*name.split(".", 1)))
            return str(self._ref(name))

        return _SUB.sub(replace, text)

    def _get_att(self, logical_id: str, attribute: str) -> str:
        resource = self.body["Resources"].get(logical_id)
        if resource is None:
            raise TemplateError(f"GetAtt of {logical_id}, which is not declared")
        name = self.physical_name(logical_id)
        form = _ARN_FORMS.get(resource["Type"])
        if attribute == "Arn" and form:
            return form.format(region=self.region, account=ACCOUNT_ID, name=name)
        return name if attribute == "Name" else f"{name}.{attribute}"

    def _holds(self, condition: Any) -> bool:
        self._step()
        if isinstance(condition, str):
            declared = self.body.get("Conditions") or {}
            if condition not in declared:
                raise TemplateError(f"condition {condition} is not declared")
            return self._holds(declared[condition])
        if not isinstance(condition, dict) or len(condition) != 1:
            raise TemplateError(f"{_shown(condition)} is no condition")
        key, argument = next(iter(condition.items()))
        try:
            match key:
                case "Condition":
                    return self._holds(argument)
                case "Fn::Equals":
                    left, right = self.resolve(argument)
                    return bool(left == right)
                case "Fn::Not":
                    return not self._holds(argument[0])
                case "Fn::And":
                    return all(self._holds(item) for item in argument)
                case "Fn::Or":
                    return any(self._holds(item) for item in argument)
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            if isinstance(error, TemplateError) and str(error).startswith(str(self.path)):
                raise
            said = f"{key} cannot take {_shown(argument)}"
            raise TemplateError(f"{self._line(condition)}: {said}") from error
        raise TemplateError(f"{self._line(condition)}: {key} is not a condition function")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
