"""The tools as a model sees them: names, descriptions and JSON Schemas of their arguments."""

from __future__ import annotations

from typing import Any

ASK_USER = "ask_user"
FINISH = "finish"
#: Answered by the workflow itself, not by dispatch-tool.
CONTROL_TOOLS = frozenset({ASK_USER, FINISH})

METHODS = ("difference_in_means", "ols", "ipw", "aipw")

_column = {"type": "string", "description": "a column of the dataset"}
_columns = {"type": "array", "items": {"type": "string"}, "description": "columns to adjust for"}
_effect = {"treatment": _column, "outcome": _column, "adjustment_set": _columns}


def _tool(description: str, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "description": description,
        "parameters": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        },
    }


TOOLS: dict[str, dict[str, Any]] = {
    "profile_dataset": _tool(
        "Describe the analysis' dataset: rows, and for every column its type, missing values, "
        "range and meaning. Call it first.",
        {},
        [],
    ),
    "identify_adjustment_set": _tool(
        "Find a back-door adjustment set in a causal graph, or say that there is none.",
        {
            "treatment": _column,
            "outcome": _column,
            "edges": {
                "type": "array",
                "items": {
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 2,
                    "maxItems": 2,
                },
                "description": "the graph's edges, each [cause, effect]",
            },
            "unobserved": {"type": "array", "items": {"type": "string"}},
        },
        ["treatment", "outcome", "edges"],
    ),
    "estimate_effect": _tool(
        "Estimate the average effect of a 0/1 treatment on a numeric outcome.",
        {
            **_effect,
            "methods": {"type": "array", "items": {"enum": list(METHODS)}, "minItems": 1},
        },
        ["treatment", "outcome", "methods"],
    ),
    "refute_estimate": _tool(
        "Try to refute an estimate: placebo treatment, random common cause, data subsets.",
        {**_effect, "repetitions": {"type": "integer", "minimum": 5, "maximum": 500}},
        ["treatment", "outcome"],
    ),
    "sensitivity": _tool(
        "E-value: how strong unmeasured confounding would have to be to explain an estimate away.",
        {
            "outcome": _column,
            "estimate": {"type": "number"},
            "std_error": {"type": "number", "exclusiveMinimum": 0},
        },
        ["outcome", "estimate", "std_error"],
    ),
    ASK_USER: _tool(
        "Ask the user one question, when the data cannot answer it. Call it alone.",
        {
            "question": {"type": "string"},
            "options": {"type": "array", "items": {"type": "string"}},
        },
        ["question"],
    ),
    FINISH: _tool(
        "End the analysis with a report for the user. Call it alone. Set failed to true, and say "
        "why in the summary, when the question cannot be answered with this dataset.",
        {
            "summary": {"type": "string"},
            "headline_method": {"enum": list(METHODS)},
            "failed": {"type": "boolean"},
        },
        ["summary"],
    ),
}
