"""X-Ray's API over the traces that there are, and segments that SDKs send."""

from __future__ import annotations

import datetime
import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stack import Stack, until
from tests.workflows import ROLE

pytestmark = pytest.mark.same_in_docker("the same engine's X-Ray")

#: As X-Ray's SDK sends it: one subsegment below the function's own segment.
CODE = """
import json, os, socket, time

def handler(event, context):
    named = dict(part.split("=") for part in os.environ["_X_AMZN_TRACE_ID"].split(";"))
    now = time.time()
    segment = {
        "trace_id": named["Root"], "parent_id": named["Parent"], "id": event["id"],
        "name": "## work", "type": "subsegment", "start_time": now - 0.01, "end_time": now,
        "annotations": {"order": event["id"]},
    }
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    head = json.dumps({"format": "json", "version": 1})
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
        f"{head}\\n{json.dumps(segment)}".encode(), (host, int(port))
    )
    return named["Root"]
"""


@pytest.fixture(scope="module")
def traced(stack: Stack) -> Iterator[tuple[str, str]]:
    """A trace, and the id of a segment in it that its function has made."""
    if stack.home is None:
        pytest.skip("needs a stack that the tests started themselves")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", CODE)
    api, name = stack.aws("lambda"), f"traced-{uuid.uuid4().hex[:10]}"
    api.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=ROLE,
        Code={"ZipFile": packed.getvalue()},
    )
    api.get_waiter("function_active_v2").wait(FunctionName=name)
    segment = uuid.uuid4().hex[:16]
    answer = api.invoke(FunctionName=name, Payload=json.dumps({"id": segment}))
    yield str(json.loads(answer["Payload"].read())), segment
    api.delete_function(FunctionName=name)


def found(stack: Stack, **more: Any) -> list[dict[str, Any]]:
    now = datetime.datetime.now(datetime.UTC)
    pages = stack.aws("xray").get_paginator("get_trace_summaries")
    hour = datetime.timedelta(hours=1)
    times = {"StartTime": now - hour, "EndTime": now + hour}
    return [one for page in pages.paginate(**times, **more) for one in page["TraceSummaries"]]


def test_a_trace_is_found_with_the_segment_that_its_function_sent(
    stack: Stack, traced: tuple[str, str]
) -> None:
    name, segment = traced

    def documents() -> list[dict[str, Any]]:
        (trace,) = stack.aws("xray").batch_get_traces(TraceIds=[name])["Traces"]
        return [json.loads(one["Document"]) for one in trace["Segments"]]

    look: Callable[[], bool] = lambda: segment in {one["id"] for one in documents()}  # noqa: E731
    until(look)
    by_id = {one["id"]: one for one in documents()}
    own = by_id[segment]
    assert own["name"] == "## work"
    assert by_id[own["parent_id"]]["origin"] == "AWS::Lambda::Function"
    assert name in {one["Id"] for one in found(stack)}


def test_a_filter_lets_through_what_it_says(stack: Stack, traced: tuple[str, str]) -> None:
    name, _ = traced
    function = next(one for one in found(stack) if one["Id"] == name)["ServiceIds"][-1]["Name"]
    fits = found(stack, FilterExpression=f'service("{function}") AND duration < 3600')
    assert [one["Id"] for one in fits] == [name]
    assert not found(stack, FilterExpression=f'service("{function}") AND duration > 3600')
    with pytest.raises(ClientError, match="is not known here"):
        found(stack, FilterExpression="annotation.x")


def test_segments_are_taken_by_the_api_and_wrong_ones_told(stack: Stack) -> None:
    name = f"1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"
    segment = {"id": "1" * 16, "trace_id": name, "name": "mine", "start_time": 1.0, "end_time": 2.0}
    xray = stack.aws("xray")
    answer = xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(segment), "no JSON"])
    assert [one["ErrorCode"] for one in answer["UnprocessedTraceSegments"]] == ["ParseError"]
    (trace,) = xray.batch_get_traces(TraceIds=[name, "1-0-0"])["Traces"]
    assert trace["Duration"] == 1.0
    assert xray.batch_get_traces(TraceIds=["1-0-0"])["UnprocessedTraceIds"] == ["1-0-0"]


def test_what_is_not_answered_is_refused(stack: Stack) -> None:
    with pytest.raises(ClientError, match="not answered here"):
        stack.aws("xray").get_groups()
