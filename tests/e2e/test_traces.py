"""All that one message causes is one trace, without a secret in it, in files, terminal and API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_aws.traces import HEADER
from local_cloud.client import demo_login
from local_cloud.installation import PROJECT
from local_cloud.trace_store import Trace, TraceStore
from tests.stack import Stack, analyse, until, within
from tests.workflows import Workflows

pytestmark = pytest.mark.embedded("in Docker no traces are written")


@pytest.fixture(scope="module")
def folder(stack: Stack) -> Path:
    if stack.home is None:
        pytest.skip("needs a stack that the tests started themselves")
    return stack.home.traces


@pytest.fixture(scope="module")
def analysis(stack: Stack, folder: Path) -> Trace:
    """The trace of an analysis that was run for it."""
    login = demo_login(stack.ports)
    token = stack.token(login)

    async def run() -> str:
        async with stack.connect(token) as agent:
            return str((await analyse(agent))[-1]["analysisId"])

    execution = within(run())
    return until(lambda: whole(folder, lambda one: any(execution in e for e in one["executions"])))


def whole(folder: Path, fits: Callable[[dict[str, Any]], bool]) -> Trace | None:
    """Return the first trace that fits, once what began it has ended."""
    for trace in TraceStore(folder).latest(1000):
        summary = trace.summary()
        if summary["whole"] and fits(summary):
            return trace
    return None


def names(trace: Trace, kind: str) -> set[str]:
    return {span["name"] for span in trace.spans.values() if span["kind"] == kind}


def test_one_analysis_is_one_trace_from_frame_to_finished(analysis: Trace) -> None:
    summary = analysis.summary()
    assert (summary["kind"], summary["name"]) == ("message", "analyze")
    assert summary["functions"] == [
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
        "secretsmanager.GetSecretValue",
        "stepfunctions.StartExecution",
        "lambda.Invoke",
    }
    assert calls <= names(analysis, "call")
    posts = [span for span in analysis.spans.values() if span["kind"] == "post"]
    assert any('"finished"' in span["request"] for span in posts)
    tops = [span for depth, span in analysis.tree() if depth == 0]
    assert [span["name"] for span in tops] == ["analyze"], "all of it hangs together"


def test_each_call_is_below_the_invocation_that_made_it(analysis: Trace) -> None:
    spans = analysis.spans
    for span in spans.values():
        if span["name"].startswith(("dynamodb.", "s3.")):
            above = spans[span["parent"]]
            assert above["kind"] == "invocation"
            assert above["start"] <= span["start"] <= span["end"] <= above["end"] + 0.05


def test_an_answer_to_a_waiting_state_is_linked_both_ways(analysis: Trace, folder: Path) -> None:
    (asked,) = (span for span in analysis.spans.values() if span["name"] == "SendPrompt")
    link = asked["answered_by"]
    answer = TraceStore(folder).refresh()[link["trace"]]
    span = answer.spans[link["span"]]
    assert span["name"] == "stepfunctions.SendTaskSuccess"
    assert span["answers"] == {"trace": analysis.name, "span": asked["id"]}
    assert answer.summary()["name"] == "reply"


def test_no_secret_is_in_the_files(analysis: Trace, stack: Stack, folder: Path) -> None:
    login = demo_login(stack.ports)
    written = "".join(path.read_text() for path in folder.iterdir())
    assert analysis.name in written
    assert login.password not in written
    assert json.dumps(login.password)[1:-1] not in written
    assert "eyJ" not in written, "no token"
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def test_an_execution_that_a_person_starts_begins_a_trace(stack: Stack, folder: Path) -> None:
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
    trace = until(lambda: whole(folder, lambda one: execution in one["executions"]))
    tree = [(depth, span["kind"], span["name"]) for depth, span in trace.tree()]
    assert tree[0] == (0, "call", "stepfunctions.StartExecution")
    assert tree.count((3, "state", "Send")) == 2
    assert tree.count((4, "call", "sqs.SendMessage")) == 2
    (failed,) = (span for span in trace.spans.values() if span["kind"] == "execution")
    assert failed["error"] == "Deliberate: a test"


def test_a_call_that_names_no_trace_is_in_none(stack: Stack, folder: Path) -> None:
    name = f"untraced-{uuid.uuid4().hex}"
    stack.aws("s3").create_bucket(Bucket=name)
    root = f"1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"
    httpx.head(
        f"{stack.ports.engine_url}/{name}",
        headers={HEADER: f"Root={root};Parent={'1' * 16};Sampled=1"},
        trust_env=False,
    )
    until(lambda: root in TraceStore(folder).refresh())
    written = "".join(path.read_text() for path in folder.iterdir())
    assert written.count(name) == written.count("s3.HeadBucket") * 2 >= 2


def test_the_terminal_lists_traces_and_draws_one(
    stack: Stack, analysis: Trace, folder: Path
) -> None:
    def told(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "local_cloud", "trace", *arguments],
            cwd=PROJECT,
            env={**os.environ, "LOCAL_CLOUD_HOME": str(folder.parent)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout

    assert analysis.name[-8:] in told("--last", "1000")
    *lines, cost = told(analysis.name[-8:]).splitlines()
    assert (
        len(analysis.spans) <= len(lines) <= len(TraceStore(folder).refresh()[analysis.name].lines)
    )
    assert cost.startswith("On AWS: ")
    assert "message analyze" in lines[0]
    assert any("s3.PutObject causal-results" in line for line in lines)
    assert json.loads(told("--last", "1", "--json"))["spans"] >= 1


def test_the_console_tells_traces_to_its_own_pages_only(stack: Stack, analysis: Trace) -> None:
    api = f"{stack.ports.console_url}/api/traces"
    listed = httpx.get(api, trust_env=False).json()["traces"]
    assert analysis.name in {one["trace"] for one in listed}
    found = httpx.get(f"{api}/{analysis.name}", trust_env=False).json()
    assert [span["depth"] for span in found["tree"]][:2] == [0, 1]
    assert httpx.get(f"{api}/1-2-3", trust_env=False).status_code == 404
    foreign = {"Origin": "https://elsewhere.example"}
    assert httpx.get(api, headers=foreign, trust_env=False).status_code == 403
