"""What came of an analysis, read from its conversation or from the error that ended it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agent_common.analyses import CANCELLED, FAILED, SUCCEEDED
from agent_common.claims import cannot_answer, unique
from agent_common.conversation import Message, input_of
from agent_common.tool_specs import FINISH

# Errors of the workflow itself, in words for the user. Anything else carries its own.
_WORDS = {
    "States.Timeout": ("TimedOut", "A step took longer than it may"),
    "PromptTimedOut": ("PromptTimedOut", "Nobody answered the question in time"),
    "States.TaskFailed": ("Internal", "A step failed"),
    "Sandbox.Timedout": ("TimedOut", "A step took longer than it may"),
    "Runtime.ExitError": ("Internal", "A function's process died, again and again"),
}
#: Of the answer of estimate_effect, what the report shows beside the estimates.
_EVIDENCE = (
    "treatment",
    "outcome",
    "outcome_kind",
    "adjustment_set",
    "rows",
    "rows_dropped",
    "missing",
    "assignment_terms",
    "att",
    "trimmed",
    "for_whom",
    "overlap",
    "first_stage",
)
_INTERNAL = "Something went wrong inside; the functions' logs say more"
# Exceptions of agent_common.errors, whose messages are written for the user.
_FOR_THE_USER = frozenset(
    [
        "DatasetNotFound",
        "DatasetUnusable",
        "TurnLimitReached",
        "TokenLimitReached",
        "ModelLoops",
        "LlmMisconfigured",
        "LlmUnavailable",
        "LlmInvalidResponse",
        "InvalidMessage",
    ]
)


@dataclass(frozen=True)
class Outcome:
    """How it ended: a report with estimates, or a code and the reason why not."""

    status: str
    summary: str
    code: str = ""
    headline_method: str = ""
    estimates: dict[str, Any] = field(default_factory=dict)
    refutations: dict[str, Any] = field(default_factory=dict)
    sensitivity: dict[str, Any] = field(default_factory=dict)
    balance: dict[str, Any] = field(default_factory=dict)
    #: What else the tools found: see :data:`_EVIDENCE`.
    evidence: dict[str, Any] = field(default_factory=dict)
    findings: Sequence[Mapping[str, Any]] = ()

    def shortened(self, most: int) -> Outcome:
        """Return it with a summary of at most so many bytes, saying where the rest is."""
        data = self.summary.encode()
        if len(data) <= most:
            return self
        kept = data[:most].decode(errors="ignore")
        return replace(self, summary=f"{kept} … (the whole report is in the result)")

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "code": self.code,
            "summary": self.summary,
            "headlineMethod": self.headline_method,
            "estimates": self.estimates,
            "refutations": self.refutations,
            "sensitivity": self.sensitivity,
            "balance": self.balance,
            "evidence": self.evidence,
            "findings": list(self.findings),
        }


def outcome_of_conversation(messages: Sequence[Message]) -> Outcome:
    """Return the outcome of a conversation that the model has finished."""
    last = next(m for m in reversed(messages) if m["role"] == "assistant")
    arguments: dict[str, Any] = {}
    for call in last.get("toolCalls") or []:
        if call["name"] == FINISH:
            arguments = input_of(call) or {}
    summary = str(arguments.get("summary") or last.get("content") or "")
    tools, asked = _last_outputs(messages)
    effect = tools.get("estimate_effect", {})
    estimates = effect.get("estimates", {})
    good = {method: e for method, e in estimates.items() if "error" not in e}
    if arguments.get("failed") is True or not summary:
        return Outcome(FAILED, summary or "The model ended without a report", "NotAnswerable")
    findings = unique(f for output in tools.values() for f in output.get("findings", []))
    refused = cannot_answer(effect.get("treatment", ""), effect.get("outcome", ""), findings)
    if refused and not summary.startswith("These data cannot answer"):
        summary = f"{refused} {summary}"  # whatever a model made of it
    graph = asked.get("identify_adjustment_set", {})
    return Outcome(
        SUCCEEDED,
        summary,
        "",
        str(arguments.get("headline_method") or next(iter(good), "")),
        good,
        tools.get("refute_estimate", {}).get("checks", {}),
        {k: v for k, v in tools.get("sensitivity", {}).items() if k not in ("error", "findings")},
        effect.get("balance", {}),
        {
            **{name: effect[name] for name in _EVIDENCE if name in effect},
            "claim": "none" if refused else "effect",
            "call": asked.get("estimate_effect", {}),
            "graph": {key: graph[key] for key in ("edges", "unobserved") if key in graph},
            "identification": tools.get("identify_adjustment_set", {}),
        },
        findings,
    )


def outcome_of_error(error: Mapping[str, str], messages: Sequence[Message]) -> Outcome:
    """Return the outcome of a workflow that ended in ``{"Error": …, "Cause": …}``."""
    name = error.get("Error", "")
    message = _message(error.get("Cause", ""))
    if name in ("AnalysisCancelled", "Cancelled"):
        return Outcome(CANCELLED, "You cancelled this analysis", "Cancelled")
    if name in _FOR_THE_USER:
        return Outcome(FAILED, message, name)
    code, words = _WORDS.get(name, ("Internal", _INTERNAL))
    return Outcome(FAILED, words, code)


def _message(cause: str) -> str:
    """Return the message inside a cause, which for a Lambda error is its JSON report."""
    try:
        report = json.loads(cause)
    except ValueError:
        return cause
    return str(report.get("errorMessage", "")) if isinstance(report, dict) else cause


def _last_outputs(
    messages: Sequence[Message],
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return each tool's last answer that is no error, and what it was asked."""
    calls = {
        call.get("id"): call for message in messages for call in message.get("toolCalls") or []
    }
    outputs: dict[str, dict[str, Any]] = {}
    asked: dict[str, dict[str, Any]] = {}
    for message in messages:
        if message["role"] == "tool":
            output = json.loads(message["content"])
            if "error" not in output:
                outputs[message["name"]] = output
                if call := calls.get(message.get("toolCallId")):
                    asked[message["name"]] = json.loads(call["arguments"] or "{}")
    return outputs, asked
