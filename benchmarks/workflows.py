"""Ten Pass states, one after the other, in each query language."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from benchmarks.figures import say
from benchmarks.whole_cloud import cloud
from local_cloud.client import aws_client
from local_cloud.installation import Home

STATES, RUNS = 10, 30
ITEMS = [{"n": number} for number in range(100)]
FIELDS: dict[str, dict[str, Any]] = {
    "JSONPath": {"Parameters": {"items.$": "$.items", "first.$": "$.items[0].n"}},
    "JSONata": {
        "Output": {
            "items": "{% $states.input.items %}",
            "first": "{% $sum($states.input.items.n) %}",
        }
    },
}


def run() -> None:
    """Measure a workflow's duration, as the client sees it, in turn in both languages."""
    with tempfile.TemporaryDirectory() as folder, cloud(Home(Path(folder))) as ports:
        api = aws_client("stepfunctions", ports)
        machines = {language: _create(api, language) for language in FIELDS}
        seconds: dict[str, list[float]] = {language: [] for language in FIELDS}
        for _ in range(RUNS):
            for language, machine in machines.items():
                began = time.perf_counter()
                execution = api.start_execution(
                    stateMachineArn=machine, input=json.dumps({"items": ITEMS})
                )["executionArn"]
                status = "RUNNING"
                while status == "RUNNING":
                    time.sleep(0.002)  # an execution tells nobody that it has ended
                    status = api.describe_execution(executionArn=execution)["status"]
                assert status == "SUCCEEDED", status
                seconds[language].append(time.perf_counter() - began)
        p50 = {language: statistics.median(values) for language, values in seconds.items()}
        say(
            "workflow.pass",
            states=STATES,
            runs=RUNS,
            **{f"{name.lower()}_p50_ms": round(value * 1000, 1) for name, value in p50.items()},
            ratio=round(p50["JSONata"] / p50["JSONPath"], 2),
        )


def _create(api: Any, language: str) -> str:
    states = {
        f"P{number}": {"Type": "Pass", **FIELDS[language], "Next": f"P{number + 1}"}
        for number in range(STATES)
    }
    states[f"P{STATES}"] = {"Type": "Succeed"}
    definition = {"QueryLanguage": language, "StartAt": "P0", "States": states}
    return str(
        api.create_state_machine(
            name=f"bench-{uuid.uuid4().hex[:8]}",
            definition=json.dumps(definition),
            roleArn="arn:aws:iam::000000000000:role/any",
        )["stateMachineArn"]
    )
