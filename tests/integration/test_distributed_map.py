"""Map states in distributed mode.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stack import Stack, until
from tests.workflows import Workflows, update_item

pytestmark = pytest.mark.same_in_docker("the interpreter of the same engine")

GET, LIST = "arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2"
PASS = {"Pass": {"Type": "Pass", "End": True}}
#: Fails for items that say so, as their own state does.
PICKY = {
    "Look": {
        "Type": "Choice",
        "Choices": [{"Variable": "$.bad", "IsPresent": True, "Next": "Bad"}],
        "Default": "Good",
    },
    "Good": {"Type": "Pass", "End": True},
    "Bad": {"Type": "Fail", "Error": "Bad", "Cause": "it says so"},
}


class Maps(Workflows):
    """Workflows of one distributed Map, and a bucket for their items and results."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.s3 = stack.aws("s3")
        self.bucket = f"maps-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)

    def map(self, states: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Return the states of a workflow that is one distributed Map."""
        states = states or PASS
        processor = {
            "ProcessorConfig": {
                "Mode": "DISTRIBUTED",
                "ExecutionType": more.pop("execution_type", "STANDARD"),
            },
            "StartAt": next(iter(states)),
            "States": states,
        }
        return {"Map": {"Type": "Map", "ItemProcessor": processor, "End": True, **more}}

    def put(self, key: str, data: str | bytes) -> None:
        body = data.encode() if isinstance(data, str) else data
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def reader(self, key: str, **config: Any) -> dict[str, Any]:
        """Return an ``ItemReader`` of a file."""
        return {
            "Resource": GET,
            "ReaderConfig": config,
            "Parameters": {"Bucket": self.bucket, "Key": key},
        }

    def read(self, key: str, **config: Any) -> Any:
        """Return the items that a Map reads from a file."""
        return self.output(self.map(ItemReader=self.reader(key, **config)))

    def json(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def map_run(self, execution: str) -> dict[str, Any]:
        """Return the description of an execution's map run."""
        (run,) = until(lambda: self.api.list_map_runs(executionArn=execution)["mapRuns"])
        found: dict[str, Any] = self.api.describe_map_run(mapRunArn=run["mapRunArn"])
        return found

    def children(self, execution: str, **more: Any) -> list[dict[str, Any]]:
        """Return the child executions of an execution's map run."""
        arn = self.map_run(execution)["mapRunArn"]
        pages = self.api.get_paginator("list_executions").paginate(mapRunArn=arn, **more)
        return [child for page in pages for child in page["executions"]]

    def delete(self) -> None:
        super().delete()
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for found in page.get("Contents", []):
                self.s3.delete_object(Bucket=self.bucket, Key=found["Key"])
        self.s3.delete_bucket(Bucket=self.bucket)


@pytest.fixture
def maps(stack: Stack) -> Iterator[Maps]:
    made = Maps(stack)
    yield made
    made.delete()


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_each_item_is_an_execution_of_its_own(maps: Maps) -> None:
    execution = maps.start(
        maps.map(
            Label="Each",
            ItemSelector={
                "n.$": "$$.Map.Item.Value",
                "nr.$": "$$.Map.Item.Index",
                "all.$": "$.size",
                "from.$": "$$.Map.Item.Source",
            },
            ItemsPath="$.items",
        ),
        {"items": ["a", "b"], "size": 2},
    )
    ended = maps.stack.ended(execution)
    wanted = [
        {"n": "a", "nr": 0, "all": 2, "from": "STATE_DATA"},
        {"n": "b", "nr": 1, "all": 2, "from": "STATE_DATA"},
    ]
    assert json.loads(ended["output"]) == wanted
    assert types(maps.history(execution)) == [
        "ExecutionStarted",
        "MapStateEntered",
        "MapStateStarted",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]
    run = maps.map_run(execution)
    assert ":mapRun:" in run["mapRunArn"]
    assert "/Each:" in run["mapRunArn"]
    assert (run["status"], run["itemCounts"]["succeeded"]) == ("SUCCEEDED", 2)
    children = maps.children(execution)
    assert len(children) == 2
    child = maps.api.describe_execution(executionArn=children[0]["executionArn"])
    assert child["mapRunArn"] == run["mapRunArn"]
    assert child["stateMachineArn"].endswith("/Each")
    assert json.loads(child["input"]) in wanted
    assert types(maps.history(children[0]["executionArn"])) == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    machine = maps.api.describe_state_machine_for_execution(
        executionArn=children[0]["executionArn"]
    )
    assert machine["label"] == "Each"
    assert json.loads(machine["definition"])["States"] == PASS


@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "COMMA"), (";", "SEMICOLON"), ("\t", "TAB"), ("|", "PIPE")]
)
def test_csv_with_quotes_and_every_delimiter(maps: Maps, delimiter: str, name: str) -> None:
    d = delimiter
    maps.put("a.csv", f'id{d}text\r\n1{d}"say ""hi""{d} twice\r\nand again"\r\n2{d}ü\r\n')
    read = maps.read("a.csv", InputType="CSV", CSVHeaderLocation="FIRST_ROW", CSVDelimiter=name)
    assert read == [
        {"id": "1", "text": f'say "hi"{d} twice\r\nand again'},
        {"id": "2", "text": "ü"},
    ]


def test_csv_with_headers_that_are_given(maps: Maps) -> None:
    maps.put("a.csv", "1,x\n2\n")
    config = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["id", "text"]}
    assert maps.read("a.csv", **config) == [{"id": "1", "text": "x"}, {"id": "2", "text": ""}]
    assert maps.read("a.csv", **config, MaxItems=1) == [{"id": "1", "text": "x"}]


def test_json_lines_and_json_from_within(maps: Maps) -> None:
    maps.put("a.jsonl", '{"n": 1}\n\n{"n": 2}\n')
    assert maps.read("a.jsonl", InputType="JSONL") == [{"n": 1}, {"n": 2}]
    maps.put("a.json", '{"data": {"a/b": [1, 2]}}')
    assert maps.read("a.json", InputType="JSON", ItemsPointer="/data/a~1b") == [1, 2]


@pytest.mark.parametrize("mode", ["INLINE", "DISTRIBUTED"])
def test_a_map_goes_over_an_object_pair_by_pair_and_over_nothing_else(
    maps: Maps, mode: str
) -> None:
    states = maps.map(ItemsPath="$.by")
    if mode == "INLINE":
        states["Map"]["ItemProcessor"]["ProcessorConfig"] = {"Mode": mode}
    pairs = [{"Key": "a", "Value": 1}, {"Key": "b", "Value": {"c": 2}}]
    assert maps.output(states, {"by": {"a": 1, "b": {"c": 2}}}) == pairs
    ended, _ = maps.run(states, {"by": "text"})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    assert 'Reference path "$.by" must point to array.' in ended["cause"]


def test_an_inventory_is_read_by_its_manifest(maps: Maps) -> None:
    rows = '"things","a%20b.txt","12"\n"things","c.txt","7"\n'
    maps.put("data/1.csv.gz", gzip.compress(rows.encode()))
    manifest = {
        "sourceBucket": "things",
        "destinationBucket": f"arn:aws:s3:::{maps.bucket}",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "data/1.csv.gz", "size": 1, "MD5checksum": "0"}],
    }
    maps.put("manifest.json", json.dumps(manifest))
    read = maps.read("manifest.json", InputType="MANIFEST")
    assert read == [
        {"Bucket": "things", "Key": "a%20b.txt", "Size": "12"},
        {"Bucket": "things", "Key": "c.txt", "Size": "7"},
    ]


def test_objects_are_listed_page_by_page(maps: Maps) -> None:
    for number in range(5):
        maps.put(f"in/{number}.json", json.dumps([number, -number]))
    listed = {
        "Resource": LIST,
        "Parameters": {"Bucket": maps.bucket, "Prefix": "in/", "MaxKeys": 2},
    }
    items = maps.output(maps.map(ItemReader=listed))
    assert [item["Key"] for item in items] == [f"in/{n}.json" for n in range(5)]
    assert set(items[0]) == {"Etag", "Key", "LastModified", "Size", "StorageClass"}
    config = {"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"}
    loaded = maps.output(maps.map(ItemReader={**listed, "ReaderConfig": config}))
    assert loaded == [0, 0, 1, -1, 2, -2, 3, -3, 4, -4]


@pytest.mark.parametrize(
    ("key", "data", "config", "said"),
    [
        ("gone.json", None, {"InputType": "JSON"}, "NoSuchKey"),
        ("a.json", "{no json", {"InputType": "JSON"}, "no JSON"),
        ("a.json", "1", {"InputType": "JSON"}, "non-iterable"),
        ("a.jsonl", '{"n": 1}\nno', {"InputType": "JSONL"}, "Line 2"),
        ("a.csv", "a,a\n1,2\n", {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, "dupl"),
        ("a.parquet", "PAR1", {"InputType": "PARQUET"}, "cannot be read here"),
    ],
)
def test_what_cannot_be_read_fails_the_map_run(
    maps: Maps, key: str, data: str | None, config: dict[str, Any], said: str
) -> None:
    if data is not None:
        maps.put(key, data)
    ended, events = maps.run(maps.map(ItemReader=maps.reader(key, **config)))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.ItemReaderFailed")
    assert said in ended["cause"]
    assert "MapRunFailed" in types(events)


def test_items_are_batched_by_number_and_by_size(maps: Maps) -> None:
    items = list(range(7))
    batcher = {"MaxItemsPerBatch": 3, "BatchInput": {"about.$": "$.about"}}
    states = maps.map(ItemBatcher=batcher, ItemsPath="$.items")
    execution = maps.start(states, {"items": items, "about": "x"})
    output = json.loads(maps.stack.ended(execution)["output"])
    assert output == [
        {"BatchInput": {"about": "x"}, "Items": [0, 1, 2]},
        {"BatchInput": {"about": "x"}, "Items": [3, 4, 5]},
        {"BatchInput": {"about": "x"}, "Items": [6]},
    ]
    run = maps.map_run(execution)
    assert (run["itemCounts"]["total"], run["executionCounts"]["total"]) == (7, 3)
    words = ["x" * 100] * 10
    by_size = maps.map(ItemBatcher={"MaxInputBytesPerBatchPath": "$.size"}, ItemsPath="$.items")
    output = maps.output(by_size, {"items": words, "size": 350})
    assert [len(batch["Items"]) for batch in output] == [3, 3, 3, 1]


def test_one_failure_fails_the_map_run_and_none_more_than_is_tolerated(maps: Maps) -> None:
    items = [{"bad": 1}, {"n": 1}, {"n": 2}, {"n": 3}]
    ended, events = maps.run(maps.map(PICKY, MaxConcurrency=1), items)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    assert ended["cause"] == "The specified tolerated failure threshold was exceeded"
    failed = next(event for event in events if event["type"] == "MapRunFailed")
    assert failed["mapRunFailedEventDetails"]["error"] == "States.ExceedToleratedFailureThreshold"
    counts = maps.map_run(ended["executionArn"])["itemCounts"]
    assert (counts["failed"], counts["pending"]) == (1, 3)
    for tolerance in ({"ToleratedFailureCount": 1}, {"ToleratedFailurePercentage": 25}):
        output = maps.output(maps.map(PICKY, **tolerance), items)
        assert output[1:] == items[1:]
        assert (output[0]["Status"], output[0]["Error"]) == ("FAILED", "Bad")
    ended, _ = maps.run(maps.map(PICKY, ToleratedFailurePercentage=24), items)
    assert ended["status"] == "FAILED"


def test_a_failed_map_run_is_caught(maps: Maps) -> None:
    caught = {
        "Catch": [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "Caught"}]
    }
    states = {**maps.map(PICKY, **caught), "Caught": {"Type": "Pass", "End": True}}
    states["Map"].pop("End")
    states["Map"]["Next"] = "Done"
    states["Done"] = {"Type": "Pass", "End": True}
    assert maps.output(states, [{"bad": 1}])["Error"] == "States.ExceedToleratedFailureThreshold"


def test_results_are_written_to_s3(maps: Maps) -> None:
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": maps.bucket, "Prefix.$": "$.to"},
    }
    states = maps.map(
        PICKY, ResultWriter=writer, ItemsPath="$.items", ToleratedFailureCount=1, Label="L"
    )
    items = [{"n": 1}, {"bad": 1}]
    execution = maps.start(states, {"items": items, "to": "out"})
    output = json.loads(maps.stack.ended(execution)["output"])
    key = output["ResultWriterDetails"]["Key"]
    assert key.startswith("out/")
    assert key.endswith("/manifest.json")
    manifest = maps.json(key)
    assert manifest["MapRunArn"] == output["MapRunArn"]
    files = manifest["ResultFiles"]
    assert files["PENDING"] == []
    (good,) = maps.json(files["SUCCEEDED"][0]["Key"])
    (bad,) = maps.json(files["FAILED"][0]["Key"])
    assert json.loads(good["Output"]) == {"n": 1}
    assert json.loads(bad["Input"]) == {"bad": 1}
    assert (bad["Error"], bad["Cause"], bad["Status"]) == ("Bad", "it says so", "FAILED")
    head = maps.s3.head_object(Bucket=maps.bucket, Key=files["FAILED"][0]["Key"])
    assert head["ContentLength"] == files["FAILED"][0]["Size"]


def test_results_are_compact_flat_and_in_lines(maps: Maps) -> None:
    flat = {"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSON"}}
    assert maps.output(maps.map(ResultWriter=flat), [[1, 2], 3]) == [1, 2, 3]
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": maps.bucket},
        "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"},
    }
    output = maps.output(maps.map(ResultWriter=writer), [{"n": 1}, {"n": 2}])
    files = maps.json(output["ResultWriterDetails"]["Key"])["ResultFiles"]
    key = files["SUCCEEDED"][0]["Key"]
    assert key.endswith(".jsonl")
    lines = maps.s3.get_object(Bucket=maps.bucket, Key=key)["Body"].read().splitlines()
    assert [json.loads(line) for line in lines] == [{"n": 1}, {"n": 2}]


def test_a_bucket_that_is_not_there_fails_the_writer(maps: Maps) -> None:
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": f"{maps.bucket}-not-there"},
    }
    ended, _ = maps.run(maps.map(ResultWriter=writer), [1])
    assert (ended["status"], ended["error"]) == ("FAILED", "States.ResultWriterFailed")


def test_no_more_run_at_a_time_than_the_definition_says(maps: Maps) -> None:
    sqs = maps.stack.aws("sqs")
    queue = sqs.create_queue(QueueName=maps.bucket)["QueueUrl"]
    asks = {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": queue, "MessageBody.$": "$$.Task.Token"},
            "End": True,
        }
    }
    execution = maps.start(maps.map(asks, MaxConcurrency=2), list(range(6)))

    def counts(name: str) -> int:
        return int(maps.map_run(execution)["itemCounts"][name])

    def tokens(number: int) -> list[str]:
        found: list[str] = []

        def look() -> bool:
            got = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10)
            for message in got.get("Messages", []):
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                found.append(message["Body"])
            return len(found) >= number

        until(look)
        return found

    first = tokens(2)
    assert (counts("running"), counts("pending")) == (2, 4)
    arn = maps.map_run(execution)["mapRunArn"]
    maps.api.update_map_run(mapRunArn=arn, maxConcurrency=3)
    first += tokens(1)
    assert (counts("running"), counts("pending")) == (3, 3)
    running = maps.children(execution, statusFilter="RUNNING")
    assert len(running) == 3
    for token in first:
        maps.api.send_task_success(taskToken=token, output='"yes"')
    for token in tokens(3):
        maps.api.send_task_success(taskToken=token, output='"yes"')
    assert json.loads(maps.stack.ended(execution)["output"]) == ["yes"] * 6
    sqs.delete_queue(QueueUrl=queue)


def test_children_end_with_the_execution_that_is_stopped(maps: Maps) -> None:
    states = {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}
    execution = maps.start(maps.map(states), [1, 2])
    until(lambda: len(maps.children(execution, statusFilter="RUNNING")) == 2)
    maps.api.stop_execution(executionArn=execution)
    assert maps.stack.ended(execution)["status"] == "ABORTED"
    assert maps.map_run(execution)["status"] == "ABORTED"
    assert {child["status"] for child in maps.children(execution)} == {"ABORTED"}
    history = types(maps.history(execution))
    assert history[-1] == "ExecutionAborted"


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_redrive_runs_only_what_failed_and_goes_on_with_the_map_run(
    maps: Maps, kind: str
) -> None:
    mark = maps.bucket

    def counts(name: str, condition: str | None, **more: Any) -> dict[str, Any]:
        task = update_item("", condition, ResultPath=None, **more)
        path = f"States.Format('{mark}-{name}-{{}}', $)"
        task["Parameters"]["Key"]["connectionId"] = {"S.$": path}
        return task

    states = {
        "First": counts("first", None, Next="Second"),
        "Second": counts("second", "attribute_exists(connectionId)", End=True),
    }
    table = maps.stack.aws("dynamodb")

    def put(number: int) -> None:
        item = {"connectionId": {"S": f"{mark}-second-{number}"}, "runs": {"N": "0"}}
        table.put_item(TableName="causal-connections", Item=item)

    def runs(name: str, number: int) -> int:
        key = {"connectionId": {"S": f"{mark}-{name}-{number}"}}
        found = table.get_item(TableName="causal-connections", Key=key)
        return int(found["Item"]["runs"]["N"])

    put(0)
    put(2)
    execution = maps.start(maps.map(states, execution_type=kind, MaxConcurrency=1), [0, 1, 2])
    assert maps.stack.ended(execution)["status"] == "FAILED"
    arn = maps.map_run(execution)["mapRunArn"]
    put(1)
    maps.api.redrive_execution(executionArn=execution)
    ended = maps.stack.ended(execution)
    assert (ended["status"], ended["output"]) == ("SUCCEEDED", "[0,1,2]")
    run = maps.map_run(execution)
    assert (run["mapRunArn"], run["redriveCount"]) == (arn, 1)
    assert (run["status"], run["itemCounts"]["succeeded"]) == ("SUCCEEDED", 3)
    # A Standard child goes on in the state that failed, an Express one begins anew.
    again = 1 if kind == "STANDARD" else 2
    assert [runs("first", n) for n in range(3)] == [1, again, 1]
    history = types(maps.history(execution))
    after = history[history.index("ExecutionRedriven") + 1 :]
    assert after == [
        "MapRunRedriven",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]
    if kind == "STANDARD":
        redriven = maps.children(execution, redriveFilter="REDRIVEN")
        assert [child["redriveCount"] for child in redriven] == [1]
    else:
        assert maps.children(execution) == [], "Express executions are listed nowhere"


def test_jsonata_reads_batches_and_selects(stack: Stack) -> None:
    maps = Maps(stack)
    maps.language = "JSONata"
    try:
        maps.put("a.csv", "id\n1\n2\n3\n")
        reader = {
            "Resource": GET,
            "ReaderConfig": {
                "InputType": "CSV",
                "CSVHeaderLocation": "FIRST_ROW",
                "MaxItems": "{% $states.input.most %}",
            },
            "Arguments": {"Bucket": "{% $states.input.bucket %}", "Key": "a.csv"},
        }
        states = maps.map(
            {"Sum": {"Type": "Pass", "Output": "{% $sum($states.input.Items.n) %}", "End": True}},
            ItemReader=reader,
            ItemSelector={"n": "{% $number($states.context.Map.Item.Value.id) %}"},
            ItemBatcher={"MaxItemsPerBatch": "{% 1 + 1 %}"},
            Output="{% $sum($states.result) %}",
        )
        assert maps.output(states, {"bucket": maps.bucket, "most": 3}) == 6
        assert maps.output(states, {"bucket": maps.bucket, "most": 2}) == 3
    finally:
        maps.delete()


def test_a_map_run_that_is_not_there(maps: Maps) -> None:
    arn = "arn:aws:states:us-east-1:000000000000:mapRun:no/no:no"
    for call in (maps.api.describe_map_run, maps.api.update_map_run):
        with pytest.raises(ClientError) as refused:
            call(mapRunArn=arn, **({"maxConcurrency": 1} if "update" in call.__name__ else {}))
        assert refused.value.response["Error"]["Code"] == "ResourceNotFound"


def test_ten_thousand_items(maps: Maps) -> None:
    rows = "".join(f'{n},"item, {n}"\n' for n in range(10_000))
    maps.put("many.csv", f"id,text\n{rows}")
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": maps.bucket, "Prefix": "out"},
        "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"},
    }
    config = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}
    states = maps.map(ItemReader=maps.reader("many.csv", **config), ResultWriter=writer)
    execution = maps.start(states)
    ended = maps.stack.ended(execution, 120)
    why = (ended.get("error"), ended.get("cause"))
    assert (ended["status"], *why) == ("SUCCEEDED", None, None)
    key = json.loads(ended["output"])["ResultWriterDetails"]["Key"]
    (file,) = maps.json(key)["ResultFiles"]["SUCCEEDED"]
    results = maps.json(file["Key"])
    assert len(results) == 10_000
    assert results[9_999] == {"id": "9999", "text": "item, 9999"}
    run = maps.map_run(execution)
    assert run["executionCounts"]["succeeded"] == 10_000
    page = maps.api.list_executions(mapRunArn=run["mapRunArn"], maxResults=100)
    assert len(page["executions"]) == 100
    assert page["nextToken"]


def test_a_template_that_cannot_be_read_is_refused(maps: Maps) -> None:
    reader = {**maps.reader("a"), "Parameters": {"Bucket.$": "$.["}}
    with pytest.raises(ClientError) as refused:
        maps.make(maps.map(ItemReader=reader))
    assert refused.value.response["Error"]["Code"] == "InvalidDefinition"
