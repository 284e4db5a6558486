"""AWS's own deploy tools pointed at the cloud: CDK and the SAM CLI, unmodified."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
from uv import find_uv_bin
from websockets.asyncio.client import connect

from local_aws.account import REGION
from local_cloud.deploy.stack import Deployment
from local_cloud.docker_mode.sam import SAM_VERSION
from local_cloud.installation import PROJECT, aws_environment
from tests.stack import Stack, within

#: What npm installs once for this checkout.
TOOLS = PROJECT / ".local-cloud" / "packages" / "cdk"
PACKAGES = ("aws-cdk@2", "aws-cdk-local@3", "aws-cdk-lib@2", "constructs@10", "esbuild@0.27")
APP = """
const cdk = require("aws-cdk-lib");
const {
  aws_apigatewayv2: gateway, aws_apigatewayv2_integrations: integrations, aws_dynamodb: dynamodb,
  aws_lambda: lambda, aws_lambda_nodejs: nodejs, aws_s3: s3, aws_stepfunctions: sfn,
} = cdk;
class Chat extends cdk.Stack {
  constructor(scope, id) {
    super(scope, id);
    const removalPolicy = cdk.RemovalPolicy.DESTROY;
    const table = new dynamodb.Table(this, "Table", {
      partitionKey: { name: "id", type: dynamodb.AttributeType.STRING }, removalPolicy,
    });
    const bucket = new s3.Bucket(this, "Bucket", { removalPolicy, autoDeleteObjects: true });
    const machine = new sfn.StateMachine(this, "Machine", {
      definitionBody: sfn.DefinitionBody.fromChainable(new sfn.Pass(this, "Done")),
    });
    const environment = {
      TABLE: table.tableName, BUCKET: bucket.bucketName, MACHINE: machine.stateMachineArn,
    };
    const connect = new lambda.Function(this, "Connect", {
      runtime: lambda.Runtime.PYTHON_3_13, handler: "index.handler",
      code: lambda.Code.fromAsset("py"), environment,
    });
    const message = new nodejs.NodejsFunction(this, "Message", {
      runtime: lambda.Runtime.NODEJS_22_X, entry: "js/index.ts", environment,
      depsLockFilePath: "package-lock.json", timeout: cdk.Duration.seconds(20),
    });
    table.grantReadWriteData(connect);
    machine.grantStartExecution(message);
    bucket.grantWrite(message);
    const api = new gateway.WebSocketApi(this, "Api", {
      connectRouteOptions: {
        integration: new integrations.WebSocketLambdaIntegration("Connect", connect),
      },
      defaultRouteOptions: {
        integration: new integrations.WebSocketLambdaIntegration("Message", message),
        returnResponse: true,
      },
    });
    const stage = new gateway.WebSocketStage(this, "Stage", {
      webSocketApi: api, stageName: "dev", autoDeploy: true,
    });
    new cdk.CfnOutput(this, "Url", { value: stage.url });
    new cdk.CfnOutput(this, "BucketName", { value: bucket.bucketName });
  }
}
new Chat(new cdk.App(), process.env.STACK);
"""
PYTHON = """import boto3, os
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
def handler(event, context):
    table.put_item(Item={"id": event["requestContext"]["connectionId"]})
    return {"statusCode": 200}
"""
TYPESCRIPT = """import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
const sfn = new SFNClient({});
const s3 = new S3Client({});
export async function handler({ body }: { body: string }) {
  await s3.send(new PutObjectCommand({ Bucket: process.env.BUCKET, Key: "last", Body: body }));
  const run = await sfn.send(
    new StartExecutionCommand({ stateMachineArn: process.env.MACHINE, input: body }),
  );
  return { statusCode: 200, body: run.executionArn };
}
"""


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def ask(url: str, text: str) -> str:
    async def talk() -> str:
        async with connect(url, proxy=None) as socket:
            await socket.send(text)
            return str(await asyncio.wait_for(socket.recv(), 30))

    return within(talk())


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_cdk_bootstraps_deploys_and_destroys(stack: Stack, tmp_path: Path) -> None:
    if not (TOOLS / "node_modules").is_dir():
        TOOLS.mkdir(parents=True, exist_ok=True)
        (TOOLS / "package.json").write_text('{"private": true}')
        npm = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *PACKAGES]
        run(npm, TOOLS, dict(os.environ))
    files = {
        "app.js": APP,
        "cdk.json": '{"app": "node app.js"}',
        "package-lock.json": "{}",
        "py/index.py": PYTHON,
        "js/index.ts": TYPESCRIPT,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "node_modules").symlink_to(TOOLS / "node_modules")
    name = f"Cdk{uuid.uuid4().hex[:8]}"
    binaries = TOOLS / "node_modules" / ".bin"
    environment = {
        **aws_environment(stack.ports),
        "AWS_ENDPOINT_URL_S3": stack.ports.engine_url,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "STACK": name,
        "CI": "1",
    }
    cdk = str(binaries / "cdklocal")
    run([cdk, "bootstrap"], tmp_path, environment)
    run([cdk, "deploy", "--require-approval", "never"], tmp_path, environment)

    deployed = Deployment(stack.ports, name)
    outputs, (table,) = deployed.outputs(), deployed.resources("AWS::DynamoDB::Table")
    told = ask(outputs["Url"], '{"n": 1}')
    assert json.loads(stack.ended(told)["output"]) == {"n": 1}
    assert stack.aws("dynamodb").scan(TableName=table)["Count"] == 1
    last = stack.aws("s3").get_object(Bucket=outputs["BucketName"], Key="last")
    assert last["Body"].read() == b'{"n": 1}'

    # The bucket is not empty: a custom resource of CDK's empties it.
    run([cdk, "destroy", "--force"], tmp_path, environment)
    assert outputs["BucketName"] not in {
        b["Name"] for b in stack.aws("s3").list_buckets()["Buckets"]
    }


def test_sam_deploys_and_deletes(stack: Stack, tmp_path: Path) -> None:
    example = tmp_path / "echo"
    shutil.copytree(PROJECT / "examples" / "websocket-chat", example)
    name = f"sam-{uuid.uuid4().hex[:8]}"
    environment = {**aws_environment(stack.ports), "SAM_CLI_TELEMETRY": "0", "HOME": str(tmp_path)}
    environment["SAM_CLI_POLL_DELAY"] = "1"
    environment["UV_CACHE_DIR"] = os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))
    sam = [find_uv_bin(), "tool", "run", "--quiet", "--system-certs", "--no-python-downloads"]
    sam += ["--from", f"aws-sam-cli=={SAM_VERSION}", "sam"]
    common = ["--stack-name", name, "--region", REGION]
    deploy = [*sam, "deploy", *common, "--resolve-s3", "--capabilities", "CAPABILITY_IAM"]
    run([*deploy, "--no-confirm-changeset"], example, environment)

    (url,) = Deployment(stack.ports, name).sockets()
    assert "from sam" in ask(url, json.dumps({"action": "sendmessage", "data": "from sam"}))
    run([*sam, "delete", *common, "--no-prompts"], example, environment)
    names = {one["Name"] for one in stack.aws("apigatewayv2").get_apis()["Items"]}
    assert name not in names
