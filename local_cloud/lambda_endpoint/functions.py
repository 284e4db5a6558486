"""What the template says of each function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from local_aws.account import ACCOUNT_ID
from local_aws.template import Resource, Template, TemplateError
from local_cloud.lambda_endpoint.runtimes import why_not

FUNCTION = "AWS::Serverless::Function"
LAYER = "AWS::Serverless::LayerVersion"


@dataclass(frozen=True)
class Function:
    """A function as Lambda would configure it. Time in seconds, memory in MB."""

    name: str
    logical_id: str
    region: str
    handler: str
    runtime: str
    description: str
    code: Path
    layers: tuple[Path, ...]
    timeout: int
    memory: int
    environment: Mapping[str, str]
    reserved_concurrency: int | None
    version: str = "$LATEST"
    #: Whether its code brings its packages: nothing is installed for it.
    packaged: bool = False
    #: When the template last changed, in nanoseconds. That alone makes it no other function.
    configured_at: int = field(default=0, compare=False)

    @cached_property
    def arn(self) -> str:
        arn = f"arn:aws:lambda:{self.region}:{ACCOUNT_ID}:function:{self.name}"
        return arn if self.version == "$LATEST" else f"{arn}:{self.version}"

    @cached_property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.name}"

    @property
    def sources(self) -> tuple[Path, ...]:
        return (self.code, *self.layers)


def read_functions(
    template: Template,
    overrides: Mapping[str, Mapping[str, str]] | None = None,
    addresses: Mapping[str, str] | None = None,
) -> dict[str, Function]:
    """Return the template's functions by name.

    Args:
        overrides: environment variables by function name or logical id, and under
            ``"Parameters"`` for every function, as in SAM's ``--env-vars`` file.
        addresses: local addresses of what variables name by its address on AWS.

    Raises:
        TemplateError: a function lacks code or a handler, or names a missing folder or layer.
    """
    defaults = template.globals_for("Function")
    layers = {r.logical_id: _folder(template, r, "ContentUri") for r in template.resources(LAYER)}
    overrides = overrides or {}
    functions = {}
    for resource in template.resources(FUNCTION):
        properties = {**defaults, **resource.properties}
        name = _name(resource)
        if _why_not(properties) is not None:
            continue
        place = template.at(resource.logical_id)
        runtime = str(properties.get("Runtime", "python3.13"))
        if not properties.get("Handler") and not runtime.startswith("provided"):
            raise TemplateError(f"{place}: function {resource.logical_id} has no Handler")
        environment = {
            **_variables(template, "Globals", defaults),
            **_variables(template, resource.logical_id, resource.properties),
            **overrides.get("Parameters", {}),
            **overrides.get(resource.logical_id, {}),
            **overrides.get(name, {}),
        }
        functions[name] = Function(
            name=name,
            logical_id=resource.logical_id,
            region=template.region,
            handler=str(properties.get("Handler", "bootstrap")),
            runtime=runtime,
            description=str(properties.get("Description", "")),
            code=_folder(template, resource, "CodeUri"),
            layers=tuple(
                _layer(template, resource, layers, reference)
                for reference in [
                    *defaults.get("Layers", []),
                    *resource.properties.get("Layers", []),
                ]
            ),
            timeout=_number(place, properties, "Timeout", 3),
            memory=_number(place, properties, "MemorySize", 128),
            environment={
                key: _localized(str(value), addresses or {}) for key, value in environment.items()
            },
            reserved_concurrency=(
                _number(place, properties, "ReservedConcurrentExecutions", 0)
                if "ReservedConcurrentExecutions" in properties
                else None
            ),
            configured_at=template.path.stat().st_mtime_ns,
        )
    return functions


def not_run(template: Template) -> dict[str, str]:
    """Return the functions that cannot run here, by name, each with why and where it stands."""
    defaults = template.globals_for("Function")
    found = {}
    for resource in template.resources(FUNCTION):
        properties = {**defaults, **resource.properties}
        if (why := _why_not(properties)) is not None:
            name = _name(resource)
            place = template.at(resource.logical_id, "Properties", "Runtime")
            found[name] = f"{place}: function {name} does not run here: {why}"
    return found


def _name(resource: Resource) -> str:
    return str(resource.properties.get("FunctionName") or resource.logical_id)


def _why_not(properties: Mapping[str, Any]) -> str | None:
    if properties.get("PackageType") == "Image":
        return "it is a container image; run it with sam local start-lambda"
    return why_not(str(properties.get("Runtime", "python")))


def _number(place: str, properties: Mapping[str, Any], name: str, default: int) -> int:
    value = properties.get(name, default)
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise TemplateError(f"{place}: {name} is {value!r}, which is no number") from error


def _localized(value: str, addresses: Mapping[str, str]) -> str:
    for remote, local in addresses.items():
        value = value.replace(remote, local)
    return value


def _variables(template: Template, owner: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    environment = properties.get("Environment") or {}
    variables = environment.get("Variables") or {} if isinstance(environment, dict) else None
    if not isinstance(variables, dict):
        place = template.at(owner, "Properties", "Environment")
        raise TemplateError(f"{place}: Environment has no mapping of Variables")
    return variables


def _folder(template: Template, resource: Resource, key: str) -> Path:
    uri = resource.properties.get(key) or template.globals_for("Function").get(key)
    if not isinstance(uri, str):
        raise TemplateError(f"{template.path}: {resource.logical_id} has no local {key}")
    folder = (template.path.parent / uri).resolve()
    if not folder.is_dir():
        raise TemplateError(f"{template.path}: {resource.logical_id}: {key} {folder} is no folder")
    return folder


def _layer(
    template: Template, resource: Resource, layers: Mapping[str, Path], reference: object
) -> Path:
    if not isinstance(reference, str) or reference not in layers:
        raise TemplateError(
            f"{template.path}: {resource.logical_id}: layer {reference} is not in the template"
        )
    return layers[reference]
