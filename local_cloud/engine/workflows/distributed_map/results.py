"""What a map run gives back: the outputs of its children, or files of them in S3.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from localstack.aws.api.stepfunctions import ExecutionStatus
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.utils.encoding import to_json_str

from local_cloud.engine.workflows.distributed_map.definition import Definition
from local_cloud.engine.workflows.distributed_map.failures import MapRunFailure
from local_cloud.engine.workflows.distributed_map.readers import s3_of

if TYPE_CHECKING:
    from local_cloud.engine.workflows.distributed_map.children import Child
    from local_cloud.engine.workflows.distributed_map.map_run import MapRun

FAILED = "States.ResultWriterFailed"
#: The files of results, and whose results they have.
_FILES = {
    "FAILED": (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.ABORTED),
    "PENDING": (None,),
    "SUCCEEDED": (ExecutionStatus.SUCCEEDED,),
}


def output_of(run: MapRun, definition: Definition, env: Environment) -> Any:
    """Return what the Map has for its result; write the files that it asks for.

    Raises:
        MapRunFailure: the results cannot be written.
    """
    writer = definition.writer
    config = writer.get("WriterConfig", {})
    if "Resource" not in writer:
        return _transformed(run.children, config.get("Transformation", "COMPACT"))
    asked = definition.arguments(writer, env)
    prefix = str(asked.get("Prefix", ""))
    folder = f"{prefix}{'/' if prefix and not prefix.endswith('/') else ''}{run.uuid}"
    try:
        key = _write(run, s3_of(env), str(asked["Bucket"]), folder, config)
    except ClientError as error:
        said = error.response["Error"]
        raise MapRunFailure(FAILED, str(said.get("Message", said["Code"]))) from error
    except BotoCoreError as error:
        raise MapRunFailure(FAILED, str(error)) from error
    except KeyError as error:
        raise MapRunFailure(FAILED, "ResultWriter names no Bucket.") from error
    return {
        "MapRunArn": run.map_run_arn,
        "ResultWriterDetails": {"Bucket": asked["Bucket"], "Key": key},
    }


def _write(run: MapRun, s3: Any, bucket: str, folder: str, config: Any) -> str:
    transformation = config.get("Transformation", "NONE")
    lines = config.get("OutputType", "JSON") == "JSONL"
    manifest: dict[str, Any] = {
        "DestinationBucket": bucket,
        "MapRunArn": run.map_run_arn,
        "ResultFiles": {kind: [] for kind in _FILES},
    }
    for kind, statuses in _FILES.items():
        children = [child for child in run.children if child.status in statuses]
        if not children:
            continue
        results = _transformed(children, transformation)
        text = "\n".join(map(json.dumps, results)) if lines else json.dumps(results)
        key = f"{folder}/{kind}_0.{'jsonl' if lines else 'json'}"
        data = text.encode()
        s3.put_object(Bucket=bucket, Key=key, Body=data)
        manifest["ResultFiles"][kind].append({"Key": key, "Size": len(data)})
    key = f"{folder}/manifest.json"
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(manifest).encode())
    return key


def _transformed(children: list[Child], transformation: str) -> list[Any]:
    """Return the results of children; what did not succeed keeps its whole record."""
    found: list[Any] = []
    for child in children:
        if child.status != ExecutionStatus.SUCCEEDED or transformation == "NONE":
            found.append(_record(child))
        elif transformation == "FLATTEN" and isinstance(child.output, list):
            found.extend(child.output)
        else:
            found.append(child.output)
    return found


def _record(child: Child) -> dict[str, Any]:
    record: dict[str, Any] = {
        "Input": to_json_str(child.given.value, separators=(",", ":")),
        "InputDetails": {"Included": True},
        "Name": child.name,
        "StateMachineArn": child.run.map_state_machine_arn,
        "Status": child.status.value if child.status else "PENDING",
    }
    execution = child.execution
    if execution is None:
        return record
    record |= {
        "ExecutionArn": execution.exec_arn,
        "RedriveCount": child.redrives,
        "StartDate": execution._to_serialized_date(execution.start_date),
    }
    if execution.stop_date is not None:
        record["StopDate"] = execution._to_serialized_date(execution.stop_date)
    if child.status == ExecutionStatus.SUCCEEDED:
        record["Output"] = to_json_str(execution.output, separators=(",", ":"))
        record["OutputDetails"] = {"Included": True}
    for name, value in (("Error", execution.error), ("Cause", execution.cause)):
        if value is not None:
            record[name] = value
    reason = child.why_not_redrivable()
    record["RedriveStatus"] = "NOT_REDRIVABLE" if reason else "REDRIVABLE"
    if reason:
        record["RedriveStatusReason"] = reason
    return record
