"""The causal tools: pure functions from a dataset and arguments to a JSON answer.

A wrong column or an unknown tool is an answer too, one that the model can read and act on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from agent_common.tool_specs import CONTROL_TOOLS, TOOLS
from tools.adjustment import identify_adjustment_set
from tools.dataset import Dataset, ToolError
from tools.estimate import estimate_effect
from tools.profile import profile_dataset
from tools.refute import refute_estimate
from tools.sensitivity import sensitivity

__all__ = ["Dataset", "ToolError", "run_tool"]

_ON_DATA: dict[str, Callable[..., dict[str, Any]]] = {
    "profile_dataset": profile_dataset,
    "estimate_effect": estimate_effect,
    "refute_estimate": refute_estimate,
    "sensitivity": sensitivity,
}


def run_tool(name: str, arguments: str, load: Callable[[], Dataset]) -> dict[str, Any]:
    """Run a tool; return its answer, or ``{"error": …}`` when it cannot be given.

    Args:
        arguments: JSON, as the model wrote it.
        load: returns the dataset; called only by the tools that need it.
    """
    try:
        values = _checked(name, arguments)
        if name == "identify_adjustment_set":
            return identify_adjustment_set(**values)
        return _ON_DATA[name](load(), **values)
    except ToolError as error:
        return {"error": str(error)}


def _checked(name: str, arguments: str) -> dict[str, Any]:
    """Return the arguments, checked against the names in the tool's schema."""
    tools = sorted(TOOLS.keys() - CONTROL_TOOLS)
    if name not in tools:
        raise ToolError(f"There is no tool {name!r}. Tools: {', '.join(tools)}.")
    try:
        values = json.loads(arguments or "{}")
    except ValueError as error:
        raise ToolError(f"The arguments of {name} are not JSON: {error}") from error
    if not isinstance(values, dict):
        raise ToolError(f"The arguments of {name} are not a JSON object")
    schema = TOOLS[name]["parameters"]
    if missing := [key for key in schema["required"] if key not in values]:
        raise ToolError(f"{name} lacks the argument {', '.join(missing)}")
    if unknown := sorted(values.keys() - schema["properties"].keys()):
        raise ToolError(f"{name} takes no argument {', '.join(unknown)}")
    for key, value in values.items():
        _check_type(name, key, value, schema["properties"][key])
    return values


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "array": (list,),
}


def _check_type(tool: str, key: str, value: object, schema: dict[str, Any]) -> None:
    wanted = schema.get("type")
    if wanted and (not isinstance(value, _TYPES[wanted]) or isinstance(value, bool)):
        raise ToolError(f"{tool}: {key} should be of type {wanted}, and is {json.dumps(value)}")
    if "enum" in schema and value not in schema["enum"]:
        raise ToolError(f"{tool}: {key} is {value!r}, not one of {', '.join(schema['enum'])}")
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            raise ToolError(f"{tool}: {key} needs at least {schema['minItems']} items")
        for item in value:
            _check_type(tool, f"an item of {key}", item, schema.get("items", {}))
    if isinstance(value, int | float):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            raise ToolError(
                f"{tool}: {key} should lie between {schema['minimum']} and {schema['maximum']}"
            )
        if value <= schema.get("exclusiveMinimum", value - 1):
            raise ToolError(f"{tool}: {key} should be above {schema['exclusiveMinimum']}")
