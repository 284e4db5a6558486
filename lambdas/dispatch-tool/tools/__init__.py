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
from tools.dataset import Dataset, ToolError
from tools.estimate import Tell, estimate_effect
from tools.graph import identify_adjustment_set
from tools.graph_check import check_graph
from tools.instrument import estimate_by_instrument
from tools.profile import profile_dataset
from tools.refute import refute_estimate
from tools.sensitivity import sensitivity

__all__ = ["Dataset", "ToolError", "run_tool"]


def _estimate(dataset: Dataset, **values: Any) -> dict[str, Any]:
    """Estimate by the methods that are named, or with instruments where these are."""
    if not values.get("instruments"):
        values.pop("instruments", None)
        return estimate_effect(dataset, **values)
    ours = {"methods", "tell", "squares", "interactions", "modifiers", "edges", "unobserved"}
    return estimate_by_instrument(
        dataset, **{key: value for key, value in values.items() if key not in ours}
    )


_ON_DATA: dict[str, Callable[..., dict[str, Any]]] = {
    "profile_dataset": profile_dataset,
    "check_graph": check_graph,
    "estimate_effect": _estimate,
    "refute_estimate": refute_estimate,
    "sensitivity": sensitivity,
}
#: Those that may take seconds, and tell how far they are.
_TELLING = frozenset(["estimate_effect", "refute_estimate"])


def run_tool(
    name: str, arguments: str, load: Callable[[], Dataset], tell: Tell = lambda _: None
) -> dict[str, Any]:
    """Run a tool; return its answer, or ``{"error": …}`` when it cannot be given.

    Args:
        arguments: JSON, as the model wrote it.
        load: returns the dataset; called only by the tools that need it.
        tell: is told, in a few words, what a tool that takes its time is doing.
    """
    try:
        values = _checked(name, arguments)
        if name in CONTROL_TOOLS:
            raise ToolError(f"{name} was called without words: call it again, with some")
        if name == "identify_adjustment_set":
            return identify_adjustment_set(**values)
        if name in _TELLING:
            values["tell"] = tell
        return _ON_DATA[name](load(), **values)
    except ToolError as error:
        return {"error": str(error)}


def _checked(name: str, arguments: str) -> dict[str, Any]:
    """Return the arguments, checked against the names in the tool's schema."""
    if name not in TOOLS:
        raise ToolError(f"There is no tool {name!r}. Tools: {', '.join(sorted(TOOLS))}.")
    try:
        values = json.loads(arguments or "{}")
    except ValueError as error:
        raise ToolError(f"The arguments of {name} are not JSON: {error}") from error
    if not isinstance(values, dict):
        raise ToolError(f"The arguments of {name} are not a JSON object")
    wrong = next(Draft202012Validator(TOOLS[name]["parameters"]).iter_errors(values), None)
    if wrong is not None:
        raise ToolError(f"{name}: {_words(wrong)}")
    return values


def _words(wrong: ValidationError) -> str:
    """Return what is wrong with an argument, in words that a model can act on."""
    where = ".".join(str(step) for step in wrong.absolute_path)
    value: Any = wrong.instance
    schema: Any = wrong.schema
    wanted: Any = wrong.validator_value
    match wrong.validator:
        case "required":
            return f"it lacks the argument {', '.join(key for key in wanted if key not in value)}"
        case "additionalProperties":
            unknown = sorted(value.keys() - schema["properties"].keys())
            return f"it takes no argument {', '.join(unknown)}"
        case "enum":
            return f"{where} is {value!r}, not one of {', '.join(map(str, wanted))}"
        case "type":
            return f"{where} should be of type {wanted}, and is {json.dumps(value)}"
        case "minItems":
            return f"{where} needs at least {wanted} items"
        case "minimum" | "maximum" if {"minimum", "maximum"} <= schema.keys():
            least, most = schema["minimum"], schema["maximum"]
            return f"{where} should lie between {least} and {most}, and is {value}"
        case "exclusiveMinimum":
            return f"{where} should be above {wanted}, and is {value}"
    return f"{where}: {wrong.message}"
