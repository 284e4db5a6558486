"""The Lambda endpoint: functions run, fail, time out and are replaced as Lambda's do."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_cloud.port_check import free_ports
from local_cloud.processes import wait_gone
from tests.integration.processes import started, write
from tests.stack import Stack, until

pytestmark = pytest.mark.embedded("the Lambda endpoint takes SAM's place")

TEMPLATE = """
Globals:
  Function:
    Runtime: python3.13
    Handler: index.handler
    Timeout: 10
    MemorySize: 256
Resources:
  Probe:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: probe
      Description: does what its event says
      CodeUri: probe/
      Environment: {Variables: {COLOUR: blue}}
  Brief:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: brief, CodeUri: probe/, Timeout: 1}
  Narrow:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: narrow, CodeUri: probe/, ReservedConcurrentExecutions: 1}
  Broken:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: broken, CodeUri: broken/}
  Replaced:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: replaced, CodeUri: replaced/, Timeout: 20}
  Shadowing:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: shadowing, CodeUri: shadowing/}
  Versioned:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: versioned, CodeUri: versioned/}
"""
PROBE = """
import os, sys, time

def handler(event, context):
    match event.get("do"):
        case "fail":
            raise ValueError(event["why"])
        case "sleep":
            time.sleep(event["seconds"])
        case "block":
            open(event["begun"], "x").close()
            while not os.path.exists(event["until"]):
                time.sleep(0.01)
            open(event["until"] + " seen", "x").close()
        case "note":
            with open(event["file"], "a") as file:
                file.write(f"{event['n']} ")
            if event["exit"]:
                os._exit(1)
        case "exit":
            os._exit(event["status"])
        case "environment":
            return dict(os.environ)
        case "random":
            import random, uuid
            return [random.random(), str(uuid.uuid4())]
        case "import":
            return __import__(event["module"]).__name__
        case "print":
            for line in event["lines"]:
                print(line)
        case "say_id":
            for _ in range(event["times"]):
                print("id", context.aws_request_id)
        case "large":
            return "x" * event["size"]
        case "context":
            return [context.function_name, context.memory_limit_in_mb, context.aws_request_id,
                    context.get_remaining_time_in_millis(), context.invoked_function_arn]
    return {"pid": os.getpid(), "event": event}
"""


WAIT = """
import os, time

def handler(event, context):
    open(event["begun"], "x").close()
    while not os.path.exists(event["until"]):
        time.sleep(0.01)
"""


@dataclass
class Endpoint:
    """A running endpoint, its client, and the folder of its functions."""

    client: Any
    folder: Path
    pid: int
    url: str

    def call(self, function: str = "probe", **event: object) -> Any:
        answer = self.client.invoke(FunctionName=function, Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    def fails(self, function: str = "probe", **event: object) -> dict[str, Any]:
        answer = self.client.invoke(FunctionName=function, Payload=json.dumps(event))
        assert answer["FunctionError"] == "Unhandled"
        report: dict[str, Any] = json.loads(answer["Payload"].read())
        return report

    def burst(
        self, events: Sequence[Mapping[str, object]], *, tail: bool = True, but: int | None = None
    ) -> list[httpx.Response]:
        """Invoke at once; return the answers to all, or to all but one, which is not waited for."""

        async def call_all() -> list[httpx.Response]:
            path = f"{self.url}/2015-03-31/functions/probe/invocations"
            headers = {"X-Amz-Log-Type": "Tail"} if tail else {}
            limits = httpx.Limits(max_connections=80)
            async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:
                calls = [
                    asyncio.create_task(client.post(path, json=event, headers=headers))
                    for event in events
                ]
                return await asyncio.gather(*(c for n, c in enumerate(calls) if n != but))

        return asyncio.run(call_all())

    def is_forked(self) -> bool:
        """Return whether a worker's parent is another child of the endpoint; replace it if not."""
        parent = psutil.Process(self.call()["pid"]).ppid()
        if parent != self.pid:
            return True
        self.fails(do="exit", status=0)
        return False


@pytest.fixture(scope="module", params=["forked", "wire", "http"])
def endpoint(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Endpoint]:
    """The endpoint, whose workers start and take invocations in each way that there is."""
    if request.param == "forked" and sys.platform != "linux":
        pytest.skip("workers are forked on Linux")
    folder = write(
        tmp_path_factory.mktemp("functions"),
        template_dot_yaml=TEMPLATE,
        probe__index_dot_py=PROBE,
        broken__index_dot_py="import no_such_module",
        versioned__index_dot_py="def handler(event, context): return 1",
        replaced__index_dot_py=WAIT,
        shadowing__index_dot_py="import urllib3\ndef handler(event, context): return urllib3.OWN",
        shadowing__urllib3_dot_py="OWN = 'its own'",
    )
    port = free_ports().functions
    os.environ["NOT_FOR_FUNCTIONS"] = "the host's"
    os.environ["LAMBDA_RUNTIME_API"] = request.param
    with started(
        "local_cloud.lambda_endpoint",
        port,
        "/health",
        *("--template", str(folder / "template.yaml"), "--cache", str(folder / "cache")),
        ports=stack.ports,
    ) as process:
        client = boto3.client(
            "lambda",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20),
        )
        running = Endpoint(client, folder, process.pid, f"http://127.0.0.1:{port}")
        if request.param == "forked":
            until(lambda: running.is_forked(), 20)
        yield running
    del os.environ["LAMBDA_RUNTIME_API"]


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_function_answers_with_what_it_returns(endpoint: Endpoint) -> None:
    assert endpoint.call(greeting="hello")["event"] == {"greeting": "hello"}


def test_a_worker_is_used_again(endpoint: Endpoint) -> None:
    assert endpoint.call()["pid"] == endpoint.call()["pid"]


def test_an_unhandled_error_is_reported_as_lambda_does(endpoint: Endpoint) -> None:
    report = endpoint.fails(do="fail", why="no reason")
    assert (report["errorType"], report["errorMessage"]) == ("ValueError", "no reason")
    assert "index.py" in report["stackTrace"][0]


def test_a_function_that_takes_too_long_is_killed_and_replaced(endpoint: Endpoint) -> None:
    before = endpoint.call("brief")["pid"]
    report = endpoint.fails("brief", do="sleep", seconds=30)
    assert report["errorType"] == "Sandbox.Timedout"
    assert re.search(r"Task timed out after 1\.00 seconds$", report["errorMessage"])
    assert endpoint.call("brief")["pid"] != before
    assert not psutil.pid_exists(before)


def test_a_function_whose_process_ends_is_replaced(endpoint: Endpoint) -> None:
    report = endpoint.fails(do="exit", status=3)
    assert report["errorType"] == "Runtime.ExitError"
    assert "Runtime exited with error: exit status 3" in report["errorMessage"]
    assert endpoint.call()["event"] == {}


def test_code_that_cannot_be_imported_says_so_at_every_invocation(endpoint: Endpoint) -> None:
    for _ in range(2):
        report = endpoint.fails("broken")
        assert report["errorType"] == "Runtime.ImportModuleError"
        assert "no_such_module" in report["errorMessage"]


def test_a_function_sees_its_own_environment_and_not_the_hosts(endpoint: Endpoint) -> None:
    seen = endpoint.call(do="environment")
    assert seen["COLOUR"] == "blue"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "probe"
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert seen["TZ"] == ":UTC"
    assert not {"NOT_FOR_FUNCTIONS", "HOME", "VIRTUAL_ENV"} & seen.keys()


def test_a_function_has_boto3_and_none_of_the_kits_packages(endpoint: Endpoint) -> None:
    assert endpoint.call(do="import", module="boto3") == "boto3"
    assert endpoint.fails(do="import", module="localstack")["errorType"] == "ModuleNotFoundError"


def test_a_functions_own_module_goes_before_one_of_the_runtime(endpoint: Endpoint) -> None:
    assert endpoint.call("shadowing") == "its own"


def test_workers_draw_random_numbers_of_their_own(endpoint: Endpoint) -> None:
    before = endpoint.call(do="random")
    endpoint.fails(do="exit", status=0)
    assert endpoint.call(do="random") != before


def test_what_forks_workers_may_die(endpoint: Endpoint) -> None:
    worker = psutil.Process(endpoint.call()["pid"])
    parent = worker.parent()
    assert parent is not None
    if parent.pid == endpoint.pid:
        pytest.skip("nothing forks workers here")
    parent.kill()
    assert wait_gone([worker], 10) == []
    assert endpoint.call()["event"] == {}
    until(endpoint.is_forked, 20)


def test_the_context_is_lambdas(endpoint: Endpoint) -> None:
    name, memory, request_id, remaining, arn = endpoint.call(do="context")
    assert (name, int(memory)) == ("probe", 256)
    assert re.fullmatch(r"[0-9a-f-]{36}", request_id)
    assert 9_000 < remaining <= 10_000
    assert arn == "arn:aws:lambda:us-east-1:000000000000:function:probe"


@pytest.mark.parametrize(
    "name",
    [
        "probe",
        "probe:$LATEST",
        "000000000000:function:probe",
        "arn:aws:lambda:us-east-1:000000000000:function:probe",
    ],
)
def test_a_function_has_many_names(endpoint: Endpoint, name: str) -> None:
    assert endpoint.call(name)["event"] == {}


@pytest.mark.parametrize("name", ["nobody", "probe:1", "probe:live"])
def test_a_function_that_is_not_there_is_not_found(endpoint: Endpoint, name: str) -> None:
    with pytest.raises(ClientError, match=f"Function not found: arn:aws:lambda:.*{name}") as error:
        endpoint.client.invoke(FunctionName=name)
    assert code_of(error) == "ResourceNotFoundException"


def test_a_dry_run_runs_nothing(endpoint: Endpoint) -> None:
    answer = endpoint.client.invoke(
        FunctionName="probe", InvocationType="DryRun", Payload='{"do": "exit", "status": 1}'
    )
    assert answer["StatusCode"] == 204


def test_a_payload_that_is_not_json_is_refused(endpoint: Endpoint) -> None:
    with pytest.raises(ClientError) as error:
        endpoint.client.invoke(FunctionName="probe", Payload=b"{")
    assert code_of(error) == "InvalidRequestContentException"


def test_a_payload_over_six_megabytes_is_refused(endpoint: Endpoint) -> None:
    with pytest.raises(ClientError) as error:
        endpoint.client.invoke(FunctionName="probe", Payload=b'"' + b"x" * 6 * 2**20 + b'"')
    assert code_of(error) == "RequestTooLargeException"


def test_an_answer_over_six_megabytes_is_an_error(endpoint: Endpoint) -> None:
    report = endpoint.fails(do="large", size=6 * 2**20 + 200)
    assert report["errorType"] == "Function.ResponseSizeTooLarge"


def test_more_than_the_reserved_concurrency_is_refused(endpoint: Endpoint, tmp_path: Path) -> None:
    begun, until = tmp_path / "begun", tmp_path / "until"
    with concurrent.futures.ThreadPoolExecutor() as threads:
        busy = threads.submit(
            endpoint.call, "narrow", do="block", begun=str(begun), until=str(until)
        )
        while not begun.exists():
            assert not busy.done()
        try:
            with pytest.raises(ClientError) as error:
                endpoint.call("narrow")
        finally:
            until.touch()
        busy.result()
    assert code_of(error) == "TooManyRequestsException"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert endpoint.call("narrow")["event"] == {}, "and the next one runs"


def test_slow_invocations_at_once_run_on_workers_of_their_own(endpoint: Endpoint) -> None:
    with concurrent.futures.ThreadPoolExecutor() as threads:
        calls = [threads.submit(endpoint.call, do="sleep", seconds=3) for _ in range(4)]
        pids = {call.result()["pid"] for call in calls}
    assert len(pids) == 4


def test_of_a_burst_each_has_the_lines_that_it_printed(endpoint: Endpoint) -> None:
    answers = endpoint.burst([{"do": "print", "lines": ["a line"] * (n % 3)} for n in range(200)])
    for number, answer in enumerate(answers):
        lines = base64.b64decode(answer.headers["x-amz-log-result"]).decode().splitlines()
        request_id = answer.headers["x-amzn-requestid"]
        assert lines[0].startswith(f"START RequestId: {request_id}")
        assert lines[1:-2] == ["a line"] * (number % 3)
        assert lines[-2] == f"END RequestId: {request_id}"


def test_the_log_of_a_burst_has_each_line_where_it_belongs(
    endpoint: Endpoint, stack: Stack
) -> None:
    answers = endpoint.burst([{"do": "say_id", "times": n % 3} for n in range(200)], tail=False)
    ids = {answer.headers["x-amzn-requestid"]: n % 3 for n, answer in enumerate(answers)}
    found: list[str] = []

    def is_there() -> bool:
        found[:] = log_lines(stack)
        return sum(line.startswith("REPORT") and line.split()[2] in ids for line in found) == 200

    until(is_there)
    running, said = "", dict.fromkeys(ids, 0)
    for line in found:
        first, _, rest = line.partition(" ")
        if first == "START":
            running = rest.split()[1]
        elif first == "id" and rest in ids:
            assert rest == running
            said[rest] += 1
        elif first == "END":
            assert rest.split()[1] == running
    assert said == ids


def test_of_a_burst_all_but_the_one_that_ends_its_process_are_run_once(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    events: list[dict[str, object]] = [
        {"do": "note", "file": str(begun), "n": n, "exit": n == 30} for n in range(100)
    ]
    failed = [
        n
        for n, answer in enumerate(endpoint.burst(events))
        if "x-amz-function-error" in answer.headers
    ]
    assert failed == [30]
    assert sorted(map(int, begun.read_text().split())) == list(range(100))


def test_a_slow_one_in_a_burst_keeps_no_other_one(endpoint: Endpoint, tmp_path: Path) -> None:
    begun, let_go = tmp_path / "begun", tmp_path / "until"
    block: dict[str, object] = {"do": "block", "begun": str(begun), "until": str(let_go)}
    quick: list[dict[str, object]] = [{"n": n} for n in range(60)]
    answered = endpoint.burst([*quick[:30], block, *quick[30:]], but=30)
    assert [answer.json()["event"]["n"] for answer in answered] == list(range(60))
    let_go.touch()
    until((tmp_path / "until seen").exists)  # so it has been at work all the time


def test_changed_code_runs_at_the_next_invocation(endpoint: Endpoint) -> None:
    for version in (2, 3):
        write(
            endpoint.folder,
            versioned__index_dot_py=f"def handler(event, context): return {version}",
        )
        assert endpoint.call("versioned") == version


def test_the_log_of_a_worker_that_is_replaced_while_it_works_is_whole(
    endpoint: Endpoint, stack: Stack, tmp_path: Path
) -> None:
    begun, until_ = tmp_path / "begun", tmp_path / "until"
    with concurrent.futures.ThreadPoolExecutor() as threads:
        call = threads.submit(
            endpoint.client.invoke,
            FunctionName="replaced",
            Payload=json.dumps({"begun": str(begun), "until": str(until_)}),
        )
        until(begun.exists)
        source = endpoint.folder / "replaced" / "index.py"
        source.write_text(source.read_text() + "\n# changed\n")
        until_other = tmp_path / "other"
        until_other.touch()
        endpoint.call("replaced", begun=str(tmp_path / "b"), until=str(until_other))
        until_.touch()
        request_id = call.result()["ResponseMetadata"]["RequestId"]

    def whole() -> bool:
        logs, group = stack.aws("logs"), "/aws/lambda/replaced"
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return False  # nothing has arrived yet
        pages = logs.filter_log_events(logGroupName=group)
        lines = [e["message"] for e in pages["events"] if request_id in e["message"]]
        return [line.split()[0] for line in lines] == ["START", "END", "REPORT"]

    until(whole)


def test_a_changed_template_takes_effect_and_a_broken_one_does_not(endpoint: Endpoint) -> None:
    path = endpoint.folder / "template.yaml"
    try:
        path.write_text(TEMPLATE.replace("COLOUR: blue", "COLOUR: red"))
        assert endpoint.call(do="environment")["COLOUR"] == "red"
        path.write_text("Resources: [")
        assert endpoint.call(do="environment")["COLOUR"] == "red"
    finally:
        path.write_text(TEMPLATE)
    assert endpoint.call(do="environment")["COLOUR"] == "blue"


def test_functions_are_listed_and_described(endpoint: Endpoint) -> None:
    listed = endpoint.client.list_functions()["Functions"]
    assert [f["FunctionName"] for f in listed] == [
        "probe",
        "brief",
        "narrow",
        "broken",
        "replaced",
        "shadowing",
        "versioned",
    ]
    described = endpoint.client.get_function(FunctionName="narrow")
    assert described["Concurrency"]["ReservedConcurrentExecutions"] == 1
    configuration = endpoint.client.get_function_configuration(FunctionName="probe")
    assert configuration["Environment"]["Variables"] == {"COLOUR": "blue"}
    assert (configuration["Timeout"], configuration["State"]) == (10, "Active")


def test_the_tail_of_the_log_comes_with_the_answer(endpoint: Endpoint) -> None:
    answer = endpoint.client.invoke(
        FunctionName="probe", LogType="Tail", Payload='{"do": "print", "lines": ["one", "two"]}'
    )
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert lines[1:3] == ["one", "two"]
    assert lines[3] == f"END RequestId: {request_id}"
    assert lines[4].startswith(f"REPORT RequestId: {request_id}\tDuration: ")


def test_logs_reach_cloudwatch_in_order(endpoint: Endpoint, stack: Stack) -> None:
    marks = [f"mark {number} {time.time_ns()}" for number in range(20)]
    endpoint.call(do="print", lines=marks)
    found = wait_for_logs(stack, marks[0].rsplit(" ")[-1], marks[-1])
    assert [line for line in found if line in marks] == marks


def test_an_event_is_accepted_at_once_and_tried_three_times(
    endpoint: Endpoint, stack: Stack
) -> None:
    why = f"event {time.time_ns()}"
    answer = endpoint.client.invoke(
        FunctionName="probe",
        InvocationType="Event",
        Payload=json.dumps({"do": "fail", "why": why}),
    )
    assert answer["StatusCode"] == 202
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        tries = [line for line in log_lines(stack) if why in line and "[ERROR]" in line]
        if len(tries) == 3:
            return
        time.sleep(0.2)
    raise AssertionError(f"{len(tries)} tries were logged")


def wait_for_logs(stack: Stack, first: str, last: str) -> list[str]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        lines = log_lines(stack)
        if last in lines:
            return lines
        time.sleep(0.1)
    raise AssertionError(f"{last!r} did not reach CloudWatch Logs")


def log_lines(stack: Stack) -> list[str]:
    """Return the lines of one stream after the other."""
    logs = stack.aws("logs")
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/probe")
        events = [event for page in pages for event in page["events"]]
        events.sort(key=lambda event: str(event["logStreamName"]))
        return [event["message"].rstrip("\n") for event in events]
    except logs.exceptions.ResourceNotFoundException:
        return []


CONFIGURED = """
Resources:
  Told:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: told
      CodeUri: told/
      Handler: index.handler
      Runtime: python3.13
      Environment: {Variables: {WHERE: on AWS}}
"""


@pytest.mark.parametrize("warm", ["EAGER", "LAZY"])
def test_an_invocation_amid_the_provisioning_waits_for_what_configures_it(
    stack: Stack, tmp_path: Path, warm: str
) -> None:
    write(
        tmp_path,
        template_dot_yaml=CONFIGURED,
        told__index_dot_py="import os\ndef handler(event, context): return os.environ['WHERE']",
    )
    port, file = free_ports().functions, tmp_path / "env-vars.json"
    with started(
        "local_cloud.lambda_endpoint",
        port,
        "/health",
        *("--template", str(tmp_path / "template.yaml"), "--cache", str(tmp_path / "cache")),
        *("--env-vars", str(file), "--warm-workers", warm),
        ports=stack.ports,
    ):
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/told/invocations"
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            answer = threads.submit(httpx.post, url, json={}, timeout=60, trust_env=False)
            assert httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success
            assert not answer.done()
            draft = file.with_suffix(".new")
            draft.write_text(json.dumps({"told": {"WHERE": "here"}}))
            draft.replace(file)
            assert answer.result().json() == "here"


LIGHT_AND_HEAVY = """
Resources:
  Layer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer/}
  Light:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: light, CodeUri: light/, Handler: index.handler}
  Heavy:
    Type: AWS::Serverless::Function
    Properties:
      {FunctionName: heavy, CodeUri: heavy/, Handler: index.handler, Layers: [!Ref Layer]}
"""
MARKING = """
from pathlib import Path
Path(__file__).with_name("started").touch()
def handler(event, context): return "done"
"""


def test_what_has_more_packages_is_warm_when_another_function_was_used(
    stack: Stack, tmp_path: Path
) -> None:
    write(
        tmp_path,
        template_dot_yaml=LIGHT_AND_HEAVY,
        light__index_dot_py=MARKING,
        heavy__index_dot_py=MARKING,
        layer__more_dot_py="",
    )
    port = free_ports().functions
    with started(
        "local_cloud.lambda_endpoint",
        port,
        "/health",
        *("--template", str(tmp_path / "template.yaml"), "--cache", str(tmp_path / "cache")),
        *("--warm-workers", "EAGER"),
        ports=stack.ports,
    ):
        until((tmp_path / "light" / "started").exists)
        assert not (tmp_path / "heavy" / "started").exists()
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/light/invocations"
        assert httpx.post(url, json={}, timeout=60, trust_env=False).json() == "done"
        until((tmp_path / "heavy" / "started").exists)
