"""A cloud that has a template's stack instead of the agent: here the agent's own template."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.account import ACCOUNT_ID, REGION
from local_cloud import daemon
from local_cloud.client import AgentClient, Login, Message, log_in
from local_cloud.deploy.session import Wanted
from local_cloud.deploy.stack import Deployment
from local_cloud.installation import PROJECT, TEMPLATE, Options
from tests.conftest import own_stack
from tests.stack import Stack, analyse, is_finished, within

pytestmark = pytest.mark.embedded("SAM runs the functions of its template alone")

NAME = "causal"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    wanted = Wanted.of(TEMPLATE, NAME, ["StageName=live"])
    folder = tmp_path_factory.mktemp("stack")
    with own_stack(folder, options=Options(wanted.as_json())) as started:
        yield started


def a_user(cloud: Stack, outputs: dict[str, str]) -> Login:
    """Do what deploy-to-aws.md says after a deployment: a user, and the shared datasets."""
    cognito, s3 = cloud.aws("cognito-idp"), cloud.aws("s3")
    pool, name, password = outputs["UserPoolId"], f"user-{uuid.uuid4().hex[:6]}", "Passw0rd!word"
    cognito.admin_create_user(UserPoolId=pool, Username=name)
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=name, Password=password, Permanent=True
    )
    for file in (PROJECT / "config" / "test-data").glob("nsw.*"):
        s3.put_object(
            Bucket=outputs["DatasetsBucketName"],
            Key=f"shared/{file.name}",
            Body=file.read_bytes(),
        )
    return Login(name, password, outputs["UserPoolClientId"], pool)


def test_the_agents_template_is_deployed_as_it_is_and_answers(cloud: Stack) -> None:
    outputs = Deployment(cloud.ports, NAME).outputs()

    async def run() -> str:
        token = log_in(a_user(cloud, outputs), cloud.ports)
        async with AgentClient(outputs["WebSocketUrl"], token) as agent:
            messages = await analyse(agent)
        assert is_finished(messages[-1]), messages[-1]
        return str(messages[-1]["analysisId"])

    assert within(run())
    assert outputs["WebSocketUrl"].endswith("/live"), "the parameter took effect"


VARIANT = PROJECT / "examples" / "agent-workflow-jsonata" / "agent-workflow.asl.json"


def test_the_agents_workflow_in_jsonata_answers_as_the_other_one_does(cloud: Stack) -> None:
    stack = Deployment(cloud.ports, NAME)
    outputs, functions = stack.outputs(), stack.physical_ids("AWS::Lambda::Function")
    api = cloud.aws("stepfunctions")
    machine = outputs["StateMachineArn"]
    before = api.describe_state_machine(stateMachineArn=machine)["definition"]
    definition = VARIANT.read_text()
    for logical_id, name in functions.items():
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}"
        definition = definition.replace(f"${{{logical_id}Arn}}", arn)
    api.update_state_machine(stateMachineArn=machine, definition=definition)

    async def run(**fields: Any) -> Message:
        token = log_in(a_user(cloud, outputs), cloud.ports)
        async with AgentClient(outputs["WebSocketUrl"], token) as agent:
            return (await analyse(agent, **fields))[-1]

    try:
        finished = within(run())
        assert (finished["type"], finished["status"]) == ("finished", "SUCCEEDED"), finished
        failed = within(run(dataset="nothing-of-this-name"))
        assert failed["type"] in ("finished", "error")
        assert failed.get("status") != "SUCCEEDED"
    finally:
        api.update_state_machine(stateMachineArn=machine, definition=before)


def test_a_reset_deploys_it_again(cloud: Stack) -> None:
    assert cloud.home is not None
    before = Deployment(cloud.ports, NAME).outputs()["WebSocketUrl"]
    daemon.begin_anew(cloud.home, cloud.state())
    after = Deployment(cloud.ports, NAME).outputs()["WebSocketUrl"]
    assert after != before
