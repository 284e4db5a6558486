"""All that one message causes is one trace, without a secret in it, in files, terminal and API."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from local_aws.traces import HEADER, W3C_HEADER
from local_cloud.client import demo_login
from local_cloud.installation import PROJECT
from local_cloud.trace_source import TraceConsole
from tests.stack import Stack, analyse, until, within
from tests.workflows import Workflows

Told = dict[str, Any]


@pytest.fixture(scope="module")
def traces(stack: Stack) -> TraceConsole:
    return TraceConsole(stack.ports.console_url)


@pytest.fixture(scope="module")
def analysis(stack: Stack, traces: TraceConsole) -> Told:
    """The trace of an analysis that was run for it."""
    login = demo_login(stack.ports)
    token = stack.token(login)

    async def run() -> str:
        async with stack.connect(token) as agent:
            return str((await analyse(agent))[-1]["analysisId"])

    execution = within(run())
    return until(lambda: whole(traces, lambda one: any(execution in e for e in one["executions"])))


def whole(traces: TraceConsole, fits: Callable[[Told], bool]) -> Told | None:
    """Return the first trace that fits, once what began it has ended."""
    for summary in traces.latest(500):
        if summary["whole"] and fits(summary):
            return traces.whole(summary["trace"])
    return None


def spans_of(trace: Told) -> dict[str, Told]:
    return {span["id"]: span for span in trace["tree"]}


def names(trace: Told, kind: str) -> set[str]:
    return {span["name"] for span in trace["tree"] if span["kind"] == kind}


def test_one_analysis_is_one_trace_from_frame_to_finished(analysis: Told) -> None:
    assert (analysis["kind"], analysis["name"]) == ("message", "analyze")
    assert analysis["functions"] == [
        "append-tool-output",
        "dispatch-tool",
        "handle-finish",
        "invoke-llm",
        "parse-initial-query",
        "send-prompt",
        "websocket-handler",
    ]
    states = {"ParseInitialQuery", "InvokeLLM", "DispatchTool", "SendPrompt", "HandleFinish"}
    assert states <= names(analysis, "state")
    calls = {
        "dynamodb.PutItem",
        "dynamodb.UpdateItem",
        "dynamodb.Query",
        "s3.GetObject",
        "s3.PutObject",
        "stepfunctions.StartExecution",
        "lambda.Invoke",
    }
    assert calls <= names(analysis, "call")
    posts = [span for span in analysis["tree"] if span["kind"] == "post"]
    assert any('"finished"' in span["request"] for span in posts)
    tops = [span for span in analysis["tree"] if span["depth"] == 0]
    assert [span["name"] for span in tops] == ["analyze"], "all of it hangs together"


def test_a_functions_read_of_a_secret_is_told(analysis: Told, traces: TraceConsole) -> None:
    # A function reads it again after some seconds only: an analysis just before may have read it.
    recent = [traces.whole(one["trace"]) for one in traces.latest(500)]
    reads = {"secretsmanager.GetSecretValue"}
    assert any(
        "invoke-llm" in trace["functions"] and reads <= names(trace, "call")
        for trace in recent
        if trace is not None
    )


def test_each_call_is_below_the_invocation_that_made_it(analysis: Told) -> None:
    spans = spans_of(analysis)
    for span in spans.values():
        if span["name"].startswith(("dynamodb.", "s3.")):
            above = spans[span["parent"]]
            assert above["kind"] == "invocation"
            assert above["start"] <= span["start"] <= span["end"] <= above["end"] + 0.05


def test_an_answer_to_a_waiting_state_is_linked_both_ways(
    analysis: Told, traces: TraceConsole
) -> None:
    (asked,) = (span for span in analysis["tree"] if span["name"] == "SendPrompt")
    link = asked["answered_by"]
    answer = traces.whole(link["trace"])
    assert answer is not None
    span = spans_of(answer)[link["span"]]
    assert span["name"] == "stepfunctions.SendTaskSuccess"
    assert span["answers"]["span"] == asked["id"]
    found = traces.whole(span["answers"]["trace"])
    assert found is not None
    assert found["trace"] == analysis["trace"]
    assert answer["name"] == "reply"


def test_no_secret_is_in_a_trace(analysis: Told, stack: Stack, traces: TraceConsole) -> None:
    login = demo_login(stack.ports)
    written = "".join(
        json.dumps(traces.whole(one["trace"]), ensure_ascii=False) for one in traces.latest(500)
    )
    assert analysis["trace"] in written
    assert login.password not in written
    assert json.dumps(login.password)[1:-1] not in written
    # A token's beginning and its next part: three letters alone are in ids, too, by chance.
    assert re.search(r"eyJ[\w-]+\.", written) is None, "no token"


@pytest.mark.embedded("the files are in a volume of containers' own")
def test_nobody_else_can_read_the_files(analysis: Told, stack: Stack) -> None:
    assert stack.home is not None
    folder = stack.home.traces
    assert analysis["trace"] in "".join(path.read_text() for path in folder.iterdir())
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def test_an_execution_that_a_person_starts_begins_a_trace(
    stack: Stack, traces: TraceConsole
) -> None:
    workflows = Workflows(stack)
    queue = stack.aws("sqs").create_queue(QueueName=f"traced-{uuid.uuid4().hex}")["QueueUrl"]
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": queue, "MessageBody": "hello"},
        "End": True,
    }
    inner = {"StartAt": "Send", "States": {"Send": send}}
    each = {"Type": "Map", "ItemProcessor": inner, "Next": "Fail"}
    fails = {"Type": "Fail", "Error": "Deliberate", "Cause": "a test"}
    execution = workflows.start({"Each": each, "Fail": fails}, [1, 2])
    stack.ended(execution)
    trace = until(lambda: whole(traces, lambda one: execution in one["executions"]))
    tree = [(span["depth"], span["kind"], span["name"]) for span in trace["tree"]]
    assert tree[0] == (0, "call", "stepfunctions.StartExecution")
    assert tree.count((3, "state", "Send")) == 2
    assert tree.count((4, "call", "sqs.SendMessage")) == 2
    (failed,) = (span for span in trace["tree"] if span["kind"] == "execution")
    assert failed["error"] == "Deliberate: a test"


def test_a_call_is_of_the_trace_that_it_names_and_of_none_else(
    stack: Stack, traces: TraceConsole
) -> None:
    name = f"untraced-{uuid.uuid4().hex}"
    stack.aws("s3").create_bucket(Bucket=name)
    root = f"1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"
    by_w3c = f"{uuid.uuid4().hex}"
    for headers in (
        {HEADER: f"Root={root};Parent={'1' * 16};Sampled=1"},
        {W3C_HEADER: f"00-{by_w3c}-{'1' * 16}-01"},
    ):
        httpx.head(f"{stack.ports.engine_url}/{name}", headers=headers, trust_env=False)
    xray = f"1-{by_w3c[:8]}-{by_w3c[8:]}"
    for one in (root, xray):
        (span,) = until(partial(traces.whole, one))["tree"]
        assert (span["name"], span["resource"]) == ("s3.HeadBucket", name)
    of_it = [one for one in traces.latest(500) if one["name"] == "s3.CreateBucket"]
    assert not of_it, "the test's own call is of no trace"


def test_the_terminal_lists_traces_and_draws_one(stack: Stack, analysis: Told) -> None:
    assert stack.home is not None
    home = str(stack.home.path)

    def told(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "local_cloud", "trace", *arguments],
            cwd=PROJECT,
            env={**os.environ, "LOCAL_CLOUD_HOME": home},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout

    name = analysis["trace"][-8:]
    assert name in told("--last", "1000")
    *lines, cost = told(name).splitlines()
    assert len(analysis["tree"]) <= len(lines)
    assert cost.startswith("On AWS: ")
    assert "message analyze" in lines[0]
    assert any("s3.PutObject causal-results" in line for line in lines)
    assert json.loads(told("--last", "1", "--json"))["spans"] >= 1


def test_the_console_tells_traces_to_its_own_pages_only(stack: Stack, analysis: Told) -> None:
    api = f"{stack.ports.console_url}/api/traces"
    listed = httpx.get(api, trust_env=False).json()["traces"]
    assert analysis["trace"] in {one["trace"] for one in listed}
    found = httpx.get(f"{api}/{analysis['trace']}", trust_env=False).json()
    assert [span["depth"] for span in found["tree"]][:2] == [0, 1]
    assert httpx.get(f"{api}/1-2-3", trust_env=False).status_code == 404
    foreign = {"Origin": "https://elsewhere.example"}
    assert httpx.get(api, headers=foreign, trust_env=False).status_code == 403
