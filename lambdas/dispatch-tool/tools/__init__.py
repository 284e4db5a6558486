"""The causal tools: pure functions from a dataset and arguments to a JSON answer.

A wrong column or an unknown tool is an answer too, one that the model can read and act on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

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
    for error in Draft202012Validator(TOOLS[name]["parameters"]).iter_errors(values):
        raise ToolError(f"{name}: {_words(error)}")
    return values


def _words(error: ValidationError) -> str:
    """Return what is wrong with an argument, in words that a model can act on."""
    where = ".".join(str(step) for step in error.absolute_path)
    match error.validator:
        case "required":
            missing = [key for key in error.validator_value if key not in error.instance]
            return f"it lacks the argument {', '.join(missing)}"
        case "additionalProperties":
            unknown = sorted(error.instance.keys() - error.schema["properties"].keys())
            return f"it takes no argument {', '.join(unknown)}"
        case "enum":
            choices = ", ".join(map(str, error.validator_value))
            return f"{where} is {error.instance!r}, not one of {choices}"
        case "type":
            shown = json.dumps(error.instance)
            return f"{where} should be of type {error.validator_value}, and is {shown}"
        case "minItems":
            return f"{where} needs at least {error.validator_value} items"
        case "minimum" | "maximum" if {"minimum", "maximum"} <= error.schema.keys():
            least, most = error.schema["minimum"], error.schema["maximum"]
            return f"{where} should lie between {least} and {most}, and is {error.instance}"
        case "exclusiveMinimum":
            return f"{where} should be above {error.validator_value}, and is {error.instance}"
    return f"{where}: {error.message}"
