"""X-Ray's documents become spans, and spans documents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.segments import document_of, flags_of, spans_of

TRACE = "1-581cf771-a006649127e371903a2de979"


def test_a_segment_and_what_is_in_it_become_spans() -> None:
    document = {
        "trace_id": TRACE,
        "parent_id": "53995c3f42cd8ad8",
        "id": "70de5b6f19ff9a0a",
        "name": "## handler",
        "start_time": 1.5,
        "end_time": 2.5,
        "type": "subsegment",
        "annotations": {"ColdStart": True},
        "metadata": {"m": {"password": "hunter2"}},
        "subsegments": [
            {
                "id": "70de5b6f19ff9a0b",
                "name": "## work",
                "start_time": 1.6,
                "end_time": 1.7,
                "fault": True,
                "cause": {"exceptions": [{"type": "ValueError", "message": "no"}]},
            },
            {"id": "70de5b6f19ff9a0c", "name": "open", "start_time": 1.8, "in_progress": True},
        ],
    }
    outer, inner = spans_of(json.dumps(document))
    assert (outer["trace"], outer["parent"], outer["name"]) == (
        TRACE,
        "53995c3f42cd8ad8",
        "## handler",
    )
    assert "ColdStart" in outer["request"]
    assert "hunter2" not in outer["request"]
    assert (inner["parent"], inner["error"]) == ("70de5b6f19ff9a0a", "ValueError: no")


@pytest.mark.parametrize(
    ("document", "why"), [("no", "Expecting value"), ("[]", "JSON object"), ('{"id": "1"}', "name")]
)
def test_what_is_no_segment_is_said(document: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        list(spans_of(document))


def span(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"trace": TRACE, "id": "a" * 16, "parent": None, "kind": kind, "name": name} | {
        "start": 1.0,
        "end": 2.0,
        **more,
    }


def test_a_call_becomes_a_subsegment_of_its_service() -> None:
    made = document_of(
        span(
            "call",
            "dynamodb.PutItem",
            parent="b" * 16,
            resource="t",
            status=400,
            error="ConditionalCheckFailedException: no",
            request="{}",
        )
    )
    assert made["type"] == "subsegment"
    assert (made["name"], made["namespace"]) == ("dynamodb", "aws")
    assert made["aws"] == {"operation": "PutItem", "resource_names": ["t"]}
    assert made["error"] is True
    assert made["http"]["response"]["status"] == 400
    assert made["metadata"]["local-cloud"]["request"] == "{}"


@pytest.mark.parametrize(
    ("kind", "origin"),
    [("invocation", "AWS::Lambda::Function"), ("message", "AWS::ApiGateway::Stage")],
)
def test_others_are_segments_of_their_origin(kind: str, origin: str) -> None:
    made = document_of(span(kind, "f"))
    assert made["origin"] == origin
    assert "type" not in made
    assert "parent_id" not in made


@pytest.mark.parametrize(
    ("more", "flags"),
    [
        ({}, {}),
        ({"error": "x", "status": 400}, {"error": True}),
        ({"error": "ThrottlingException: x", "status": 400}, {"error": True, "throttle": True}),
        ({"error": "SlowDown: x", "status": 503}, {"error": True, "throttle": True}),
        ({"error": "x", "status": 500}, {"fault": True}),
        ({"error": "x"}, {"fault": True}),
    ],
)
def test_what_went_wrong_and_whose_it_is(more: dict[str, Any], flags: dict[str, bool]) -> None:
    assert flags_of(span("call", "s3.GetObject", **more)) == flags
