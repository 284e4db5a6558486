"""Input that is larger than it looks, or nested deeper than anybody walks, is refused."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.stack import Stack

pytestmark = pytest.mark.embedded("what reads it is the same in Docker")

ROLE = "arn:aws:iam::000000000000:role/any"
DEEPEST = "[" * 100_000 + "]" * 100_000
BOMB = "Resources:\n  a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  {name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def machine_of(state: str) -> str:
    return f'{{"StartAt": "A", "States": {{"A": {{"End": true, {state}}}}}}}'


@pytest.fixture
def machines(stack: Stack) -> Iterator[list[str]]:
    made: list[str] = []
    yield made
    for arn in made:
        stack.aws("stepfunctions").delete_state_machine(stateMachineArn=arn)


def run(stack: Stack, machines: list[str], given: str, **state: Any) -> dict[str, Any]:
    """Run a machine of one state; return how its execution ended."""
    sfn = stack.aws("stepfunctions")
    inner = json.dumps({"Type": "Pass", **state})[1:-1]
    made = sfn.create_state_machine(
        name=f"m-{uuid.uuid4().hex[:8]}", definition=machine_of(inner), roleArn=ROLE
    )
    machines.append(made["stateMachineArn"])
    begun = sfn.start_execution(stateMachineArn=made["stateMachineArn"], input=given)
    return stack.ended(begun["executionArn"])


@pytest.mark.parametrize("depth", [250, 3000, 100_000])
def test_a_definition_that_is_nested_too_deeply_is_refused(stack: Stack, depth: int) -> None:
    sfn = stack.aws("stepfunctions")
    definition = machine_of(f'"Type": "Pass", "Result": {"[" * depth}{"]" * depth}')
    with pytest.raises(sfn.exceptions.InvalidDefinition, match=r"INVALID_JSON_DESCRIPTION"):
        sfn.create_state_machine(name=f"deep-{depth}", definition=definition, roleArn=ROLE)
    told = sfn.validate_state_machine_definition(definition=definition)
    assert told["diagnostics"][0]["code"] == "INVALID_JSON_DESCRIPTION"


def test_input_and_output_that_are_nested_too_deeply_are_refused(stack: Stack) -> None:
    sfn = stack.aws("stepfunctions")
    machine = sfn.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    with pytest.raises(sfn.exceptions.InvalidExecutionInput):
        sfn.start_execution(stateMachineArn=machine, input=DEEPEST)


def test_a_payload_that_is_nested_too_deeply_is_refused(stack: Stack) -> None:
    functions = stack.aws("lambda")
    for deep in (DEEPEST, "[" * 100_000):
        with pytest.raises(functions.exceptions.InvalidRequestContentException):
            functions.invoke(FunctionName="websocket-handler", Payload=deep)
    path = "2015-03-31/functions/websocket-handler/invocations"
    url = f"http://127.0.0.1:{stack.ports.functions}/{path}"
    answer = httpx.post(url, content=DEEPEST, timeout=30, trust_env=False)
    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"] == "InvalidRequestContentException"


@pytest.mark.parametrize("target", ["AWSStepFunctions.ListStateMachines", "AmazonSSM.PutParameter"])
def test_a_call_that_is_nested_too_deeply_is_refused(stack: Stack, target: str) -> None:
    answer = httpx.post(
        f"http://127.0.0.1:{stack.ports.engine}/",
        headers={
            "X-Amz-Target": target,
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/x/aws4_request, "
            "SignedHeaders=host, Signature=0",
        },
        content=f'{{"maxResults": {DEEPEST}}}',
        timeout=30,
        trust_env=False,
    )
    assert (answer.status_code, answer.json()["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        f"Resources:\n  a: {DEEPEST[99_000:101_000]}",
        f'{{"Resources": {DEEPEST}}}',
        "Resources:\n  a: &a [*a]",
    ],
    ids=["aliases", "deep YAML", "deep JSON", "holds itself"],
)
@pytest.mark.timeout(60)
def test_a_template_that_is_larger_than_it_looks_is_refused(stack: Stack, body: str) -> None:
    stacks = stack.aws("cloudformation")
    for call, more in (
        (stacks.validate_template, {}),
        (stacks.create_stack, {"StackName": f"large-{uuid.uuid4().hex[:8]}"}),
    ):
        with pytest.raises(ClientError) as refused:
            call(TemplateBody=body, **more)
        assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_a_range_is_counted_before_it_is_made(stack: Stack, machines: list[str]) -> None:
    asked = {"x.$": "States.ArrayRange(1, 1000000000000, 1)"}
    ended = run(stack, machines, "{}", Parameters=asked)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    asked = {"x.$": "States.ArrayRange(1, 1000, 1)"}
    assert run(stack, machines, "{}", Parameters=asked)["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    "expression", ['$pad("x", 5e8)', "($f := function($x){1 + $f($x)}; $f(1))", "(" * 3000]
)
def test_an_expression_that_takes_too_much_fails_its_state(
    stack: Stack, machines: list[str], expression: str
) -> None:
    sfn = stack.aws("stepfunctions")
    more = {"QueryLanguage": "JSONata", "Output": f"{{% {expression} %}}"}
    if expression.startswith("((("):
        with pytest.raises(sfn.exceptions.InvalidDefinition):
            run(stack, machines, "{}", **more)
        return
    ended = run(stack, machines, "{}", **more)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert "D101" in ended["cause"]
