"""The tools as a model sees them: names, descriptions and JSON Schemas of their arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent_common.conversation import input_of

ASK_USER = "ask_user"
FINISH = "finish"
#: Answered by the workflow itself, not by dispatch-tool.
CONTROL_TOOLS = frozenset({ASK_USER, FINISH})
#: The argument that a control tool is nothing without.
_WORDS = {ASK_USER: "question", FINISH: "summary"}

#: ``dml``: doubly robust, cross-fitted, with a flexible learner.
METHODS = ("difference_in_means", "ols", "standardization", "ipw", "aipw", "dml")
#: Two-stage least squares, which takes an instrument.
INSTRUMENTAL = "2sls"


def _names(description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "description": description}


_column = {"type": "string", "description": "a column of the dataset"}
_study = {
    "compare": {
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": ["string", "number"]},
        "description": "[untreated, treated]: two values of a treatment that is not 0/1",
    },
    "missing": {
        "enum": ["complete_cases", "indicator"],
        "description": "rows that lack a covariate: left out (default), or kept with its mean and "
        "a column that says so",
    },
    "categories": _names("columns of numbers that stand for categories"),
    "cluster": {"type": "string", "description": "column that marks rows that belong together"},
    "weights": {"type": "string", "description": "column of sampling weights"},
}
_effect = {
    "treatment": _column,
    "outcome": _column,
    "adjustment_set": _names(
        "columns to adjust for; never one that the treatment causes, nor a collider"
    ),
    **_study,
}
_edges = {
    "type": "array",
    "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
    "description": "the graph's edges, each [cause, effect]",
}
_unobserved = _names("nodes of the graph that are not observed")


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
        "Say by what an effect is identified in a causal graph: a back-door adjustment set, a "
        "front door, an instrument, or nothing, with the path that stays open. Name a proposed set "
        "to have it checked.",
        {
            "treatment": _column,
            "outcome": _column,
            "edges": _edges,
            "unobserved": _unobserved,
            "proposed": _names("an adjustment set to check"),
        },
        ["treatment", "outcome", "edges"],
    ),
    "check_graph": _tool(
        "Test the independences that a causal graph implies against the data.",
        {
            "treatment": _column,
            "outcome": _column,
            "edges": _edges,
            "unobserved": _unobserved,
            "open_among": _names("columns between which the graph says nothing"),
        },
        ["treatment", "outcome", "edges"],
    ),
    "estimate_effect": _tool(
        "Estimate the average effect of a treatment on a numeric outcome, with diagnostics of "
        "overlap, balance and agreement. Read its findings: one of weight 'stops' means that these "
        "data cannot answer, and that no effect may be claimed. A treatment that is a number "
        "(a dose) takes methods ['ols'] or instruments.",
        {
            **_effect,
            "methods": {"type": "array", "items": {"enum": list(METHODS)}, "minItems": 1},
            "squares": _names("covariates whose square belongs into the models"),
            "interactions": {"type": "boolean", "description": "of every two covariates"},
            "modifiers": _names("covariates that change the effect; all, if not given"),
            "edges": {**_edges, "description": "the causal graph, to check the set against"},
            "unobserved": _unobserved,
            "instruments": _names(
                "columns that move the treatment and reach the outcome through it alone, for "
                "two-stage least squares"
            ),
        },
        ["treatment", "outcome", "methods"],
    ),
    "refute_estimate": _tool(
        "Try to refute an estimate: placebo treatment, random common cause, data subsets, "
        "bootstrap, placebo outcomes, an unobserved common cause.",
        {
            **_effect,
            "method": {"enum": ["ols", "aipw"], "description": "the method to refute"},
            "repetitions": {"type": "integer", "minimum": 5, "maximum": 500},
            "placebo_outcomes": _names(
                "columns that the treatment cannot have changed, such as earlier values of the "
                "outcome"
            ),
        },
        ["treatment", "outcome"],
    ),
    "sensitivity": _tool(
        "Robustness value and E-value: how strong unmeasured confounding would have to be to "
        "explain an estimate away.",
        {
            **_effect,
            "estimate": {"type": "number"},
            "std_error": {"type": "number", "exclusiveMinimum": 0},
        },
        ["treatment", "outcome", "estimate", "std_error"],
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
            "headline_method": {"enum": [*METHODS, INSTRUMENTAL]},
            "failed": {"type": "boolean"},
        },
        ["summary"],
    ),
}


def has_words(call: Mapping[str, Any]) -> bool:
    """Return whether a call has the words that its tool is nothing without, if it is such a one."""
    if call["name"] not in _WORDS:
        return True
    words = (input_of(call) or {}).get(_WORDS[call["name"]])
    return isinstance(words, str) and bool(words.strip())
