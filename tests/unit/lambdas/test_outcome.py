"""How an analysis ended, in words for its user."""

from __future__ import annotations

import json

import pytest

from tests.unit.lambdas.function_code import load

outcome = load("handle-finish", "outcome")


def test_a_finished_conversation_succeeds_with_the_last_good_numbers() -> None:
    messages = [
        {"role": "tool", "name": "estimate_effect", "content": '{"error": "wrong column"}'},
        {
            "role": "tool",
            "name": "estimate_effect",
            "content": json.dumps(
                {
                    "estimates": {"ols": {"estimate": 1.0}, "ipw": {"error": "x"}},
                    "balance": {"age": {"unadjusted": 0.1}},
                }
            ),
        },
        {
            "role": "assistant",
            "content": "",
            "toolCalls": [{"name": "finish", "arguments": '{"summary": "It works."}'}],
        },
    ]
    result = outcome.outcome_of_conversation(messages)
    assert result.status == "SUCCEEDED"
    assert result.estimates == {"ols": {"estimate": 1.0}}
    assert result.headline_method == "ols"
    assert result.as_dict()["balance"] == {"age": {"unadjusted": 0.1}}


def test_a_model_that_claims_what_the_data_cannot_answer_is_contradicted_first() -> None:
    overlap = {"kind": "overlap", "weight": "stops", "text": "the groups hardly overlap."}
    effect = {"treatment": "t", "outcome": "y", "estimates": {}, "findings": [overlap]}
    messages = [
        {
            "role": "assistant",
            "toolCalls": [{"id": "c1", "name": "estimate_effect", "arguments": '{"methods": []}'}],
        },
        {
            "role": "tool",
            "name": "estimate_effect",
            "toolCallId": "c1",
            "content": json.dumps(effect),
        },
        {
            "role": "assistant",
            "toolCalls": [{"name": "finish", "arguments": '{"summary": "It works."}'}],
        },
    ]
    result = outcome.outcome_of_conversation(messages)
    expected = "These data cannot answer what t does to y: the groups hardly overlap. It works."
    assert result.summary == expected
    assert result.evidence["claim"] == "none"
    assert result.evidence["call"] == {"methods": []}
    assert result.findings == [overlap]


@pytest.mark.parametrize("arguments", ['{"summary": "No.", "failed": true}', "nonsense", "{}"])
def test_a_model_that_gives_up_or_says_nothing_fails(arguments: str) -> None:
    last = {"role": "assistant", "toolCalls": [{"name": "finish", "arguments": arguments}]}
    result = outcome.outcome_of_conversation([last])
    assert (result.status, result.code) == ("FAILED", "NotAnswerable")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("AnalysisCancelled", "CANCELLED", "Cancelled"),
        ("PromptTimedOut", "FAILED", "PromptTimedOut"),
        ("States.Timeout", "FAILED", "TimedOut"),
        ("TurnLimitReached", "FAILED", "TurnLimitReached"),
        ("DatasetNotFound", "FAILED", "DatasetNotFound"),
        ("KeyError", "FAILED", "Internal"),
    ],
)
def test_every_error_has_a_code(error: str, status: str, code: str) -> None:
    cause = json.dumps({"errorType": error, "errorMessage": "secret detail"})
    result = outcome.outcome_of_error({"Error": error, "Cause": cause}, [])
    assert (result.status, result.code) == (status, code)
    if code == "Internal":
        assert "secret detail" not in result.summary


def test_a_summary_that_is_too_large_for_a_message_says_where_the_rest_is() -> None:
    long = outcome.Outcome("SUCCEEDED", "ü" * 1000)
    short = long.shortened(500)
    assert len(short.summary.encode()) < 600
    assert short.summary.startswith("üü")
    assert "in the result" in short.summary
    assert long.shortened(5000) is long
