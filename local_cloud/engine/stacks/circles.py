"""Resources that wait for each other: refused, as on AWS, where LocalStack would go in circles.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html#troubleshooting-errors-dependency-error
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from localstack.services.cloudformation.engine.validations import ValidationError

_VARIABLE = re.compile(r"\$\{([A-Za-z0-9]++)(?:\.[^{}]++)?\}")


def refuse_circles(template: dict[str, Any] | None) -> None:
    """Look at a template's references.

    Raises:
        ValidationError: some go round in a circle; names the resources.
    """
    resources = (template or {}).get("Resources")
    if not isinstance(resources, dict):
        return
    graph = {
        name: {other for other in _names(resource) if other in resources and other != name}
        for name, resource in resources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = ", ".join(sorted(set(error.args[1])))
        raise ValidationError(f"Circular dependency between resources: [{circle}]") from error


def _names(value: Any) -> Iterator[str]:
    """Yield what a resource, or a part of one, refers to."""
    if isinstance(value, list):
        for inner in value:
            yield from _names(inner)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        match key, inner:
            case "Ref", str():
                yield inner
            case "Fn::GetAtt", str():
                yield inner.partition(".")[0]
            case "Fn::GetAtt", [str() as first, *rest]:
                yield first
                yield from _names(rest)
            case "Fn::Sub", str():
                yield from _VARIABLE.findall(inner)
            case "Fn::Sub", [str() as text, variables]:
                yield from (name for name in _VARIABLE.findall(text) if name not in variables)
                yield from _names(variables)
            case "DependsOn", str():
                yield inner
            case "DependsOn", list():
                yield from (name for name in inner if isinstance(name, str))
            case _:
                yield from _names(inner)
