"""``local-cloud deploy``: other people's templates, unmodified, as stacks of the running cloud."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from local_cloud.deploy.errors import DeployFailed
from local_cloud.deploy.source import Source, find_template
from local_cloud.deploy.stack import Deployment, Uploaded
from local_cloud.installation import PROJECT
from tests.integration.processes import write
from tests.integration.test_gateway_command import NODE, ask
from tests.stack import Stack, within

EXAMPLE = PROJECT / "examples" / "websocket-chat"
pytestmark = pytest.mark.embedded("SAM runs the functions of its template alone")


@pytest.fixture
def deployment(stack: Stack) -> Iterator[Deployment]:
    made = Deployment(stack.ports, f"deployed-{uuid.uuid4().hex[:8]}")
    yield made
    made.delete()


def deploy(deployment: Deployment, path: Path, **parameters: str) -> list[str]:
    """Deploy what is there; return the resources that something happened to."""
    template = source(path, deployment).prepared()
    return [event.resource for event in deployment.run(template, parameters)]


def source(path: Path, deployment: Deployment | None = None) -> Source:
    """Return what is there, as it would be deployed."""

    def nowhere(body: bytes) -> Uploaded:
        raise AssertionError(body)

    return Source(find_template(path), path / "built", deployment.upload if deployment else nowhere)


def test_a_sam_template_is_deployed_and_its_chat_room_works(deployment: Deployment) -> None:
    assert "SendFunction" in deploy(deployment, EXAMPLE, StageName="live")
    (address,) = deployment.sockets()
    assert address.endswith("/live")
    assert len(deployment.resources("AWS::Lambda::Function")) == 3
    assert deployment.outputs() == {"WebSocketUrl": address}

    async def talk() -> list[str]:
        async with connect(address, proxy=None) as one, connect(address, proxy=None) as other:
            await one.send(json.dumps({"action": "sendmessage", "data": "to all"}))
            return [str(await asyncio.wait_for(s.recv(), 20)) for s in (one, other)]

    assert all("to all" in said for said in within(talk()))
    again = deploy(deployment, EXAMPLE, StageName="live")
    assert set(again) <= {deployment.name}, "no resource has changed"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_a_changed_file_takes_effect_without_another_deployment(
    deployment: Deployment, tmp_path: Path
) -> None:
    code = "export const handler = async ({ body }) => ({ statusCode: 200, body: 'WORD ' + body });"
    write(tmp_path, template_dot_yaml=NODE, code__say_dot_mjs=code.replace("WORD", "first"))
    deploy(deployment, tmp_path)
    (address,) = deployment.sockets()
    path = address.partition("//")[2].partition("/")[2]
    port = deployment.ports.gateway
    assert within(ask(port, f"/{path}", action="say")) == 'first {"action": "say"}'
    (tmp_path / "code" / "say.mjs").write_text(code.replace("WORD", "second"))
    assert within(ask(port, f"/{path}", action="say")) == 'second {"action": "say"}'


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("Resources: [", "cannot be read"),
        ("Transform: AWS::Serverless-2016-10-31", "has no Resources"),
        (
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: {CodeUri: gone/}}}",
            "gone is no folder",
        ),
    ],
)
def test_a_template_that_is_none_is_refused(tmp_path: Path, template: str, words: str) -> None:
    write(tmp_path, template_dot_yaml=template)
    with pytest.raises(DeployFailed, match=words):
        source(tmp_path).prepared()


def test_a_folder_without_a_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeployFailed, match=r"template\.yaml"):
        find_template(tmp_path)


def test_a_stack_that_cannot_be_made_says_why_and_is_removed(stack: Stack, tmp_path: Path) -> None:
    bucket = f"left-{uuid.uuid4().hex[:8]}"
    text = f"""
Resources:
  Bucket: {{Type: AWS::S3::Bucket, Properties: {{BucketName: {bucket}}}}}
  Client:
    Type: AWS::Cognito::UserPoolClient
    DependsOn: Bucket
    Properties: {{UserPoolId: us-east-1_none}}
"""
    write(tmp_path, template_dot_yaml=text)
    made = Deployment(stack.ports, bucket)
    reasons: list[str] = []
    events = made.run(source(tmp_path).prepared(), {})
    with pytest.raises(DeployFailed, match="what had been made is removed"):
        reasons.extend(event.reason for event in events)
    assert any("us-east-1_none" in reason for reason in reasons)
    assert bucket not in {one["Name"] for one in stack.aws("s3").list_buckets()["Buckets"]}


def test_the_command_deploys_tells_where_to_connect_and_deletes(stack: Stack) -> None:
    if stack.home is None:
        pytest.skip("the command finds its cloud by its home")

    def command(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "local_cloud", "deploy", str(EXAMPLE), *arguments],
            cwd=PROJECT,
            env={**os.environ, "LOCAL_CLOUD_HOME": str(stack.home.path) if stack.home else ""},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stdout

    told = command("--parameter", "StageName=told")
    assert "CREATE_COMPLETE" in told
    assert f"ws://localhost:{stack.ports.gateway}/" in told
    assert "/told" in told
    assert "awslocal logs tail /aws/lambda/" in told
    assert "is deleted" in command("--delete")


def test_a_deployment_is_repeated_at_each_change_and_ends_with_ctrl_c(
    stack: Stack, tmp_path: Path
) -> None:
    if stack.home is None:
        pytest.skip("the command finds its cloud by its home")
    text = "Outputs: {Told: {Value: WORD}}\nResources: {T: {Type: AWS::SNS::Topic}}\n"
    write(tmp_path, template_dot_yaml=text.replace("WORD", "first"))
    name = f"watched-{uuid.uuid4().hex[:8]}"
    process = subprocess.Popen(
        [sys.executable, "-m", "local_cloud", "deploy", str(tmp_path), "--stack", name, "--watch"],
        cwd=PROJECT,
        env={**os.environ, "LOCAL_CLOUD_HOME": str(stack.home.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None

    def read_until(words: str) -> None:
        assert process.stdout is not None
        assert any(words in line for line in process.stdout), words

    try:
        read_until("Told = first")
        read_until("Ctrl-C ends")
        (tmp_path / "template.yaml").write_text("Resources: [")
        read_until("cannot be read")
        read_until("Ctrl-C ends")
        (tmp_path / "template.yaml").write_text(text.replace("WORD", "second"))
        read_until("Told = second")
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        process.stdout.close()
        Deployment(stack.ports, name).delete()


BUILT = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Typed:
    Type: AWS::Serverless::Function
    Metadata:
      BuildMethod: esbuild
      BuildProperties: {EntryPoints: [app.ts], Minify: true, Sourcemap: true, Target: es2022}
    Properties: {Runtime: nodejs22.x, Handler: app.handler, CodeUri: typed/}
  Made:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: makefile}
    Properties: {Runtime: python3.13, Handler: made.handler, CodeUri: made/}
Outputs:
  Typed: {Value: !Ref Typed}
  Made: {Value: !Ref Made}
"""
TYPED = """
import { leftOf } from "./words";
export const handler = async (event: { words: string }): Promise<string> => leftOf(event.words);
"""
MAKEFILE = "build-Made:\n\tcp source.py $(ARTIFACTS_DIR)/made.py\n"


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_what_has_to_be_built_is_built(
    stack: Stack, deployment: Deployment, tmp_path: Path
) -> None:
    write(
        tmp_path,
        template_dot_yaml=BUILT,
        typed__app_dot_ts=TYPED,
        typed__words_dot_ts="export const leftOf = (s: string): string => s.split(' ')[0];",
        made__source_dot_py="def handler(event, context): return event['words'].split()[1]",
        made__Makefile=MAKEFILE,
    )
    deploy(deployment, tmp_path)
    outputs = deployment.outputs()
    for name, word in (("Typed", "one"), ("Made", "two")):
        answer = stack.aws("lambda").invoke(
            FunctionName=outputs[name], Payload=b'{"words": "one two"}'
        )
        assert json.loads(answer["Payload"].read()) == word


@pytest.mark.parametrize(
    ("method", "words"),
    [("rust-cargolambda", "sam build"), ("makefile", "Made cannot be built")],
)
def test_what_cannot_be_built_says_why(tmp_path: Path, method: str, words: str) -> None:
    if method == "makefile" and shutil.which("make") is None:
        words = "not installed"
    template = BUILT.replace("esbuild", "python3.13").replace("makefile", method)
    write(
        tmp_path,
        template_dot_yaml=template,
        typed__app_dot_ts="",
        made__Makefile="build-Made:\n\tfalse\n",
    )
    with pytest.raises(DeployFailed, match=words):
        source(tmp_path).prepared()


NESTED = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: inner/template.yaml}}
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      Role: arn:aws:iam::000000000000:role/any
      DefinitionUri: flow.asl.json
      DefinitionSubstitutions: {Word: !Ref Inner}
Outputs: {Flow: {Value: !Ref Flow}}
"""
FLOW = """{"StartAt": "Tell", "States": {"Tell":
  {"Type": "Pass", "Result": "${Word}", "ResultPath": null, "End": true}}}"""


def test_nested_templates_and_definitions_in_files_are_followed(
    stack: Stack, deployment: Deployment, tmp_path: Path
) -> None:
    write(
        tmp_path,
        template_dot_yaml=NESTED,
        inner__template_dot_yaml="Resources: {Queue: {Type: AWS::SQS::Queue}}",
        flow_dot_asl_dot_json=FLOW,
    )
    deploy(deployment, tmp_path)
    machine = stack.aws("stepfunctions").describe_state_machine(
        stateMachineArn=deployment.outputs()["Flow"]
    )
    assert f"stack/{deployment.name}-Inner" in machine["definition"]


POST_BACK = """
import crypto from "node:crypto";
import https from "node:https";

const hmac = (key, text) => crypto.createHmac("sha256", key).update(text).digest();
const sha = (text) => crypto.createHash("sha256").update(text).digest("hex");
/** Return the headers that sign a POST, as an SDK does. */
function signed(host, path, body) {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION } = process.env;
  const stamp = new Date().toISOString().replace(/[-:]|\\.\\d{3}/g, "");
  const scope = `${stamp.slice(0, 8)}/${AWS_REGION}/execute-api/aws4_request`;
  const canonical = path.split("/").map(encodeURIComponent).join("/");
  const headers = [`host:${host}`, `x-amz-date:${stamp}`, "", "host;x-amz-date"];
  const request = ["POST", canonical, "", ...headers, sha(body)];
  const text = ["AWS4-HMAC-SHA256", stamp, scope, sha(request.join("\\n"))].join("\\n");
  const key = scope.split("/").reduce(hmac, `AWS4${AWS_SECRET_ACCESS_KEY}`);
  const signature = hmac(key, text).toString("hex");
  const Authorization =
    `AWS4-HMAC-SHA256 Credential=${AWS_ACCESS_KEY_ID}/${scope}, ` +
    `SignedHeaders=host;x-amz-date, Signature=${signature}`;
  return { Authorization, "X-Amz-Date": stamp };
}

export const handler = async ({ requestContext: { apiId, stage, connectionId, domainName } }) => {
  const post = (host, body) =>
    new Promise((resolve, reject) => {
      const path = `/${stage}/@connections/${encodeURIComponent(connectionId)}`;
      const options = { method: "POST", headers: signed(host, path, body) };
      const request = https.request(`https://${host}${path}`, options, (answer) =>
        answer.resume().on("end", () => resolve(answer.statusCode)),
      );
      request.on("error", reject);
      request.end(body);
    });
  await post(`${apiId}.execute-api.${process.env.AWS_REGION}.amazonaws.com`, "by its id");
  await post(domainName, "by its domain");
  return { statusCode: 200, body: "done" };
};
"""


POST_BACK_IN_PYTHON = """
import boto3, os

def handler(event, context):
    asked = event["requestContext"]
    for host, text in (
        (f"{asked['apiId']}.execute-api.{os.environ['AWS_REGION']}.amazonaws.com", "by its id"),
        (asked["domainName"], "by its domain"),
    ):
        room = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{host}/{asked['stage']}")
        room.post_to_connection(ConnectionId=asked["connectionId"], Data=text)
    return {"statusCode": 200, "body": "done"}
"""


@pytest.mark.parametrize("runtime", ["nodejs22.x", "python3.13"])
def test_a_function_reaches_its_clients_at_the_address_on_aws(
    deployment: Deployment, tmp_path: Path, runtime: str
) -> None:
    if runtime.startswith("node") and shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    may = "{Effect: Allow, Action: 'execute-api:ManageConnections', Resource: '*'}"
    text = NODE.replace("nodejs22.x", runtime).replace(
        "CodeUri: code/", f"CodeUri: code/, Policies: [{{Statement: {may}}}]"
    )
    write(
        tmp_path,
        template_dot_yaml=text,
        code__say_dot_mjs=POST_BACK,
        code__say_dot_py=POST_BACK_IN_PYTHON,
    )
    deploy(deployment, tmp_path)
    (address,) = deployment.sockets()

    async def talk() -> set[str]:
        async with connect(address, proxy=None) as socket:
            await socket.send(json.dumps({"action": "say"}))
            return {str(await asyncio.wait_for(socket.recv(), 20)) for _ in range(3)}

    assert within(talk()) == {"by its id", "by its domain", "done"}
