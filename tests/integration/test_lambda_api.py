"""Functions made by the Lambda API: created, run without Docker, changed, versioned, deleted."""

from __future__ import annotations

import base64
import http.client
import io
import json
import shutil
import time
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.stack import Stack

embedded = pytest.mark.embedded("what answers on 3001 is SAM's own")

ROLE = "arn:aws:iam::000000000000:role/any"
ECHO = "def handler(event, context):\n    print('said', event)\n    return event\n"
RAISES = "def handler(event, context):\n    raise ValueError('no good')\n"
BOOTSTRAP = """#!/bin/bash
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  headers=$(mktemp)
  event=$(curl -sS -D "$headers" "$api/next")
  id=$(grep -i lambda-runtime-aws-request-id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  curl -sS "$api/$id/response" -d "{\\"echo\\": $event}" >/dev/null
done
"""


def zipped(**files: str) -> bytes:
    """Return a zip; ``__`` in a name stands for a dot."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name.replace("__", "."))
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, text)
    return made.getvalue()


class Functions:
    """Functions of this test, which are deleted in the end."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.api = stack.aws("lambda")
        self.names: list[str] = []

    def create(self, code: bytes, runtime: str = "python3.13", **more: Any) -> str:
        """Create a function, wait until it can be invoked, and return its name."""
        name = f"made-{uuid.uuid4().hex[:8]}"
        settings = {"Handler": "index.handler", "Code": {"ZipFile": code}, **more}
        self.api.create_function(FunctionName=name, Runtime=runtime, Role=ROLE, **settings)
        self.names.append(name)
        self.wait("function_active_v2", name)
        return name

    def wait(self, what: Any, name: str) -> None:
        waiter = self.api.get_waiter(what)
        waiter.wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def invoke(self, name: str, event: object = None, **more: Any) -> Any:
        answer = self.api.invoke(FunctionName=name, Payload=json.dumps(event), **more)
        return json.loads(answer["Payload"].read())


@pytest.fixture
def functions(stack: Stack) -> Iterator[Functions]:
    made = Functions(stack)
    yield made
    for name in made.names:
        made.api.delete_function(FunctionName=name)


def test_a_function_is_created_described_run_and_deleted(
    stack: Stack, functions: Functions
) -> None:
    name = functions.create(zipped(index__py=ECHO), Environment={"Variables": {"A": "b"}})
    described = functions.api.get_function(FunctionName=name)["Configuration"]
    assert (described["Runtime"], described["State"]) == ("python3.13", "Active")
    assert name in {one["FunctionName"] for one in functions.api.list_functions()["Functions"]}
    answer = functions.api.invoke(FunctionName=name, Payload='{"n": 1}', LogType="Tail")
    assert json.loads(answer["Payload"].read()) == {"n": 1}
    assert "said {'n': 1}" in base64.b64decode(answer["LogResult"]).decode()
    functions.names.remove(name)
    functions.api.delete_function(FunctionName=name)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            functions.api.get_function(FunctionName=name)
        except functions.api.exceptions.ResourceNotFoundException:
            return
        time.sleep(0.1)  # deleting goes on after the answer, as on AWS, and nothing tells its end
    raise AssertionError("it is still there")


@embedded
def test_a_function_that_was_made_runs_at_the_lambda_endpoint_too(
    stack: Stack, functions: Functions
) -> None:
    name = functions.create(zipped(index__py=ECHO))
    connection = http.client.HTTPConnection("127.0.0.1", stack.ports.functions)
    connection.request("POST", f"/2015-03-31/functions/{name}/invocations", b'"direct"')
    assert connection.getresponse().read() == b'"direct"'


def test_new_code_takes_the_place_of_the_old_and_versions_keep_theirs(functions: Functions) -> None:
    name = functions.create(zipped(index__py="def handler(e, c):\n    return c.function_version\n"))
    assert functions.invoke(name) == "$LATEST"
    functions.api.publish_version(FunctionName=name)
    functions.api.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    functions.api.update_function_code(
        FunctionName=name, ZipFile=zipped(index__py="def handler(e, c):\n    return 'new'\n")
    )
    functions.wait("function_updated_v2", name)
    assert functions.invoke(name) == "new"
    assert functions.invoke(name, Qualifier="live") == "1"
    assert functions.invoke(f"{name}:1") == "1"


def test_a_layer_is_on_the_path(functions: Functions) -> None:
    layer = functions.api.publish_layer_version(
        LayerName="words", Content={"ZipFile": zipped(**{"python/words__py": "WORD = 'layered'"})}
    )
    name = functions.create(
        zipped(index__py="import words\ndef handler(e, c):\n    return words.WORD\n"),
        Layers=[layer["LayerVersionArn"]],
    )
    assert functions.invoke(name) == "layered"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("index__mjs", "export const handler = async (event) => ({ got: event });"),
        ("index__js", "exports.handler = (event, context, done) => done(null, { got: event });"),
        (
            "index__cjs",
            "exports.handler = (event, context) => "
            "{ setTimeout(() => context.succeed({ got: event }), 5); };",
        ),
    ],
)
def test_a_node_function_runs(functions: Functions, file: str, code: str) -> None:
    name = functions.create(zipped(**{file: code}), "nodejs20.x")
    assert functions.invoke(name, {"n": 1}) == {"got": {"n": 1}}


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_what_goes_wrong_in_node_is_told_as_lambda_tells_it(functions: Functions) -> None:
    code = "export const handler = async (e) => { if (e) throw new TypeError('no good'); };"
    name = functions.create(zipped(index__mjs=code), "nodejs20.x")
    assert functions.invoke(name) is None, "nothing is given back"
    failed = functions.api.invoke(FunctionName=name, Payload=b"1")
    assert failed["FunctionError"] == "Unhandled"
    report = json.loads(failed["Payload"].read())
    assert (report["errorType"], report["errorMessage"]) == ("TypeError", "no good")
    missing = functions.create(zipped(other__mjs=code), "nodejs20.x")
    report = functions.invoke(missing)
    assert report["errorType"] == "Runtime.ImportModuleError"


@pytest.mark.skipif(shutil.which("curl") is None, reason="its bootstrap calls curl")
def test_a_bootstrap_of_ones_own_runs(functions: Functions) -> None:
    name = functions.create(zipped(bootstrap=BOOTSTRAP), "provided.al2023")
    assert functions.invoke(name, {"n": 1}) == {"echo": {"n": 1}}


def test_a_trace_names_files_as_on_aws(functions: Functions) -> None:
    report = functions.invoke(functions.create(zipped(index__py=RAISES)))
    assert report["stackTrace"] == [
        "  File \"/var/task/index.py\", line 2, in handler\n    raise ValueError('no good')\n"
    ]


def test_a_queue_invokes_a_function(stack: Stack, functions: Functions) -> None:
    code = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    body = event['Records'][0]['body']\n"
        "    boto3.client('s3').put_object(Bucket='causal-results', Key=body, Body=b'came')\n"
    )
    name = functions.create(zipped(index__py=code))
    queue = stack.aws("sqs")
    url = queue.create_queue(QueueName=name)["QueueUrl"]
    arn = queue.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    mapping = functions.api.create_event_source_mapping(
        FunctionName=name, EventSourceArn=arn["QueueArn"], BatchSize=1
    )
    queue.send_message(QueueUrl=url, MessageBody=f"from-{name}")
    s3 = stack.aws("s3")
    s3.get_waiter("object_exists").wait(
        Bucket="causal-results", Key=f"from-{name}", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    functions.api.delete_event_source_mapping(UUID=mapping["UUID"])


def test_a_function_url_answers(stack: Stack, functions: Functions) -> None:
    name = functions.create(zipped(index__py="def handler(e, c):\n    return e['rawPath']\n"))
    url = functions.api.create_function_url_config(FunctionName=name, AuthType="NONE")
    host = url["FunctionUrl"].split("/")[2]
    connection = http.client.HTTPConnection("127.0.0.1", stack.ports.engine)
    for path in ("/a/path", "/"):  # whatever its headers are taken for elsewhere
        headers = {"Host": host, "X-Amz-Target": "DynamoDB_20120810.ListTables"}
        connection.request("GET", path, headers=headers)
        assert connection.getresponse().read() == path.encode()


def test_a_header_that_would_be_two_is_a_502_over_each_protocol(
    stack: Stack, functions: Functions
) -> None:
    code = "def handler(e, c):\n    return {'headers': {'X-A\\r\\nX-Forged': '1'}, 'body': 'b'}\n"
    name = functions.create(zipped(index__py=code))
    url = functions.api.create_function_url_config(FunctionName=name, AuthType="NONE")
    headers = {"Host": url["FunctionUrl"].split("/")[2]}
    for scheme, http2 in (("http", False), ("https", False), ("https", True)):
        with httpx.Client(http1=not http2, http2=http2, verify=False, trust_env=False) as client:
            answer = client.get(f"{scheme}://127.0.0.1:{stack.ports.engine}/", headers=headers)
        assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        assert answer.status_code == 502
        assert "x-forged" not in answer.headers


STREAMING = """
import { setTimeout } from "node:timers/promises";
const STEPS = 4;
export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const asked = event.rawPath ? JSON.parse(event.body) : event;
  if (asked.typed)
    stream = awslambda.HttpResponseStream.from(stream, {
      statusCode: 201, headers: { "Content-Type": "text/plain", "X-Told": "yes" }, cookies: ["a=b"],
    });
  for (let step = 1; step <= STEPS; step++) {
    stream.write(`${step};`);
    await setTimeout(asked.pause ?? 300);
    if (step === asked.fails) throw new RangeError("in the middle");
  }
  stream.end();
});
"""
STEPS_SECONDS = 0.3
node_only = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


def read_stream(functions: Functions, name: str, **asked: Any) -> tuple[list[bytes], Any, float]:
    """Return the pieces, what the end says, and the seconds between first piece and end."""
    answer = functions.api.invoke_with_response_stream(
        FunctionName=name, Payload=json.dumps(asked), LogType="Tail"
    )
    pieces, began = [], 0.0
    for event in answer["EventStream"]:
        if "PayloadChunk" in event:
            began = began or time.monotonic()
            pieces.append(event["PayloadChunk"]["Payload"])
        else:
            return pieces, event["InvokeComplete"], time.monotonic() - began
    raise AssertionError("the stream has no end")


@node_only
def test_what_a_function_streams_arrives_as_it_is_written(functions: Functions) -> None:
    name = functions.create(zipped(index__mjs=STREAMING), "nodejs22.x")
    pieces, end, seconds = read_stream(functions, name)
    assert pieces == [b"1;", b"2;", b"3;", b"4;"]
    assert seconds > 2 * STEPS_SECONDS, "they came one by one"
    assert "END RequestId" in base64.b64decode(end["LogResult"]).decode()
    assert "ErrorCode" not in end
    # Invoked as any other it answers at its end.
    whole = functions.api.invoke(FunctionName=name, Payload='{"pause": 1}')
    assert whole["Payload"].read() == b"1;2;3;4;"
    functions.api.publish_version(FunctionName=name)
    functions.api.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    pieces, _, _ = read_stream(functions, f"{name}:live", pause=1)
    assert b"".join(pieces) == b"1;2;3;4;"


@node_only
def test_a_stream_that_fails_says_so_after_what_it_wrote(functions: Functions) -> None:
    name = functions.create(zipped(index__mjs=STREAMING), "nodejs22.x", Timeout=1)
    pieces, end, _ = read_stream(functions, name, fails=2, pause=10)
    assert pieces == [b"1;", b"2;"]
    assert end["ErrorCode"] == "RangeError"
    assert "in the middle" in end["ErrorDetails"]
    pieces, end, _ = read_stream(functions, name, pause=700)
    assert pieces == [b"1;", b"2;"]
    assert end["ErrorCode"] == "Sandbox.Timedout"
    # The next one finds a whole worker.
    assert b"".join(read_stream(functions, name, pause=1)[0]) == b"1;2;3;4;"


def test_a_function_that_does_not_stream_answers_in_one_piece(functions: Functions) -> None:
    name = functions.create(zipped(index__py=ECHO))
    pieces, end, _ = read_stream(functions, name, n=1)
    assert [json.loads(piece) for piece in pieces] == [{"n": 1}]
    assert "ErrorCode" not in end
    with pytest.raises(functions.api.exceptions.ResourceNotFoundException):
        read_stream(functions, "nobody")


@node_only
def test_a_function_url_streams(stack: Stack, functions: Functions) -> None:
    name = functions.create(zipped(index__mjs=STREAMING), "nodejs22.x")
    url = functions.api.create_function_url_config(
        FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM"
    )
    host = url["FunctionUrl"].split("/")[2]
    connection = http.client.HTTPConnection("127.0.0.1", stack.ports.engine)
    for typed in (False, True):
        body = json.dumps({"typed": typed})
        connection.request("POST", "/", body, {"Host": host, "Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == (201 if typed else 200)
        assert answer.getheader("X-Told") == ("yes" if typed else None)
        assert answer.getheader("Set-Cookie") == ("a=b" if typed else None)
        first, began = answer.read1(), time.monotonic()
        rest = answer.read()
        assert first == b"1;"
        assert rest == b"2;3;4;"
        assert time.monotonic() - began > 2 * STEPS_SECONDS


def test_a_function_of_the_template_has_versions_and_is_changed_in_its_folder(
    functions: Functions,
) -> None:
    published = functions.api.publish_version(FunctionName="websocket-handler")
    assert published["FunctionArn"].endswith(f":websocket-handler:{published['Version']}")
    names = [one["FunctionName"] for one in functions.api.list_functions()["Functions"]]
    assert names.count("websocket-handler") == 1
    with pytest.raises(ClientError, match="is a function of the template"):
        functions.api.update_function_code(FunctionName="websocket-handler", ZipFile=zipped(a="b"))
    with pytest.raises(functions.api.exceptions.ResourceConflictException):
        functions.api.create_function(
            FunctionName="websocket-handler",
            Runtime="python3.13",
            Role=ROLE,
            Handler="index.handler",
            Code={"ZipFile": zipped(index__py=ECHO)},
        )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"Runtime": "ruby3.3"}, "needs its container image"),
        ({"Runtime": "python1.0"}, "failed to satisfy constraint"),
        ({"Code": {"ZipFile": b"nonsense"}}, "Could not unzip uploaded file"),
        ({"Code": {"S3Bucket": "causal-results", "S3Key": "no-such.zip"}}, "NoSuchKey"),
        ({"PackageType": "Image", "Code": {"ImageUri": "a/b:c"}}, "--docker"),
        (
            {"Layers": [f"arn:aws:lambda:us-east-1:{'0' * 12}:layer:none:1"]},
            "Layer version .* does not exist",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_created_is_refused_with_the_reason(
    functions: Functions, settings: dict[str, Any], words: str
) -> None:
    usual = {
        "Runtime": "python3.13",
        "Role": ROLE,
        "Handler": "index.handler",
        "Code": {"ZipFile": zipped(index__py=ECHO)},
    }
    with pytest.raises(ClientError, match=words):
        functions.api.create_function(FunctionName="refused", **(usual | settings))
    with pytest.raises(functions.api.exceptions.ResourceNotFoundException):
        functions.api.get_function(FunctionName="refused")


def test_a_handler_that_is_not_in_the_code_is_told_at_the_invocation(functions: Functions) -> None:
    name = functions.create(zipped(other__py=ECHO))
    report = functions.invoke(name)
    assert report["errorType"] == "Runtime.ImportModuleError"


@embedded
def test_the_registry_takes_no_nonsense(stack: Stack, tmp_path: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stack.ports.functions)
    for body in (b"nonsense", b"[]", b"{}", json.dumps({"code": str(tmp_path / "no")}).encode()):
        connection.request("PUT", "/_functions/bad/1/r", body)
        answer = connection.getresponse()
        assert answer.status == 400, body
        assert b"That is no function" in answer.read()
