"""The items of a distributed Map, read from S3.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.credentials import (  # noqa: E501
    StateCredentials,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.utils.boto_client import boto_client_for

from local_aws.json_text import loads
from local_cloud.engine.workflows.distributed_map.definition import Definition, Json
from local_cloud.engine.workflows.distributed_map.failures import MapRunFailure

GET, LIST = "arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2"
FAILED = "States.ItemReaderFailed"
_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
#: As many items as a map run may have.
MAX_ITEMS = 100_000_000
#: A cell may be as large as a state's input.
csv.field_size_limit(256 * 1024)


def s3_of(env: Environment) -> Any:
    """Return a client of S3 for what a state reads and writes."""
    details = env.aws_execution_details
    credentials = StateCredentials(role_arn=details.role_arn)
    return boto_client_for(service="s3", region=details.region, state_credentials=credentials)


def source_of(definition: Definition, env: Environment) -> str:
    """Return where items come from, as the context object tells it."""
    if not definition.reader:
        return "STATE_DATA"
    asked = definition.arguments(definition.reader, env)
    lists = definition.reader.get("Resource") == LIST
    whole = lists and definition.reader.get("ReaderConfig", {}).get("Transformation") in (
        None,
        "NONE",
    )
    return f"S3://{asked.get('Bucket')}" + ("" if whole else f"/{asked.get('Key', '')}")


def read(definition: Definition, env: Environment) -> list[Any]:
    """Return the items that a Map's ``ItemReader`` finds.

    Raises:
        MapRunFailure: they cannot be read; says why.
    """
    reader = definition.reader
    config: Json = reader.get("ReaderConfig", {})
    most = definition.number(config, "MaxItems", env)
    if most is not None and most < 0:
        raise MapRunFailure(FAILED, "field MaxItems must be positive")
    asked = definition.arguments(reader, env)
    s3 = s3_of(env)
    try:
        if reader.get("Resource") == LIST:
            items: Iterable[Any] = _listed(s3, asked, config)
        else:
            items = _parsed(s3, asked, config, _body(s3, asked))
        return list(itertools.islice(items, most or MAX_ITEMS))
    except ClientError as error:
        raise MapRunFailure(FAILED, _said(error)) from error
    except BotoCoreError as error:
        raise MapRunFailure(FAILED, str(error)) from error
    except UnicodeDecodeError as error:
        raise MapRunFailure(FAILED, f"The file is not in UTF-8: {error}.") from error
    except csv.Error as error:
        raise MapRunFailure(FAILED, f"The CSV file cannot be read: {error}.") from error


def _said(error: ClientError) -> str:
    said = error.response["Error"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return (
        f"{said.get('Message', said['Code'])} (Service: Amazon S3; Status Code: {status}; "
        f"Error Code: {said['Code']})"
    )


def _body(s3: Any, asked: Mapping[str, Any]) -> bytes:
    data: bytes = s3.get_object(**asked)["Body"].read()
    return gzip.decompress(data) if str(asked.get("Key", "")).endswith(".gz") else data


def _listed(s3: Any, asked: Mapping[str, Any], config: Json) -> Iterator[Any]:
    for page in s3.get_paginator("list_objects_v2").paginate(**asked):
        for found in page.get("Contents", []):
            if config.get("Transformation") == "LOAD_AND_FLATTEN":
                place = {"Bucket": asked["Bucket"], "Key": found["Key"]}
                yield from _parsed(s3, place, config, _body(s3, place))
                continue
            yield {
                "Etag": found["ETag"],
                "Key": found["Key"],
                "LastModified": int(found["LastModified"].timestamp()),
                "Size": found["Size"],
                "StorageClass": found.get("StorageClass", "STANDARD"),
            }


def _parsed(s3: Any, asked: Mapping[str, Any], config: Json, data: bytes) -> Iterable[Any]:
    kind = config.get("InputType", "JSON")
    if "ManifestType" in config or kind == "MANIFEST":
        return _of_manifest(s3, asked, config, data)
    parsers: dict[str, Callable[[bytes, Json], Iterable[Any]]] = {
        "CSV": _of_csv,
        "JSON": _of_json,
        "JSONL": _of_json_lines,
    }
    if kind not in parsers:
        raise MapRunFailure(
            FAILED,
            f"Files of type {kind} cannot be read here: use {', '.join(sorted(parsers))} or "
            "MANIFEST.",
        )
    return parsers[kind](data, config)


def _text(data: bytes) -> str:
    return data.decode("utf-8-sig")


def _of_json(data: bytes, config: Json) -> Iterable[Any]:
    try:
        value = loads(_text(data))
    except ValueError as error:
        raise MapRunFailure(FAILED, f"The file is no JSON: {error}.") from error
    pointer = str(config.get("ItemsPointer", ""))
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            said = f"The ItemsPointer {pointer!r} leads nowhere in the file."
            raise MapRunFailure(FAILED, said) from error
    if not isinstance(value, list):
        raise MapRunFailure(FAILED, "Attempting to map over non-iterable node.")
    return value


def _of_json_lines(data: bytes, config: Json) -> Iterator[Any]:
    for number, line in enumerate(_text(data).splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield loads(line)
        except ValueError as error:
            raise MapRunFailure(FAILED, f"Line {number} is no JSON: {error}.") from error


def _of_csv(data: bytes, config: Json) -> Iterator[dict[str, str]]:
    delimiter = _DELIMITERS.get(config.get("CSVDelimiter", "COMMA"))
    if delimiter is None:
        raise MapRunFailure(FAILED, f"A CSVDelimiter is one of {', '.join(_DELIMITERS)}.")
    rows = csv.reader(io.StringIO(_text(data), newline=""), delimiter=delimiter)
    given = config.get("CSVHeaderLocation") == "GIVEN"
    headers = list(config.get("CSVHeaders", [])) if given else next(rows, [])
    if len(set(headers)) < len(headers):
        raise MapRunFailure(FAILED, "CSV headers cannot contain duplicates.")
    places = [headers.index(header) for header in _ordered(headers)]
    for row in rows:
        if row:
            yield {headers[n]: row[n] if n < len(row) else "" for n in places}


def _ordered(names: list[str]) -> list[str]:
    """Return names in the order that AWS gives them: that of a hash map in Java."""
    size = 16
    while len(names) > size * 0.75:
        size *= 2

    def bucket(name: str) -> int:
        code = 0
        units = name.encode("utf-16-be")
        for high, low in zip(units[::2], units[1::2], strict=True):
            code = (31 * code + (high << 8 | low)) & 0xFFFFFFFF
        return (code ^ code >> 16) & (size - 1)

    return sorted(names, key=bucket)


def _of_manifest(s3: Any, asked: Mapping[str, Any], config: Json, data: bytes) -> Iterator[Any]:
    """Yield what the files of an inventory or of Athena's manifest have."""
    if config.get("ManifestType") == "ATHENA_DATA":
        inner = {k: v for k, v in config.items() if k != "ManifestType"}
        for line in _text(data).split():
            bucket, _, key = line.removeprefix("s3://").partition("/")
            place = {"Bucket": bucket, "Key": key}
            yield from _parsed(s3, place, inner, _body(s3, place))
        return
    try:
        manifest = loads(_text(data))
        names = [name.strip() for name in manifest["fileSchema"].split(",")]
        bucket = str(manifest["destinationBucket"]).rpartition(":")[2]
        files = [file["key"] for file in manifest["files"]]
    except (ValueError, KeyError, TypeError) as error:
        said = "The file is no manifest of an S3 inventory: it has no fileSchema and files."
        raise MapRunFailure(FAILED, said) from error
    if manifest.get("fileFormat", "CSV") != "CSV":
        raise MapRunFailure(FAILED, "Only inventories in CSV can be read here.")
    for key in files:
        rows = {"CSVHeaderLocation": "GIVEN", "CSVHeaders": names}
        yield from _of_csv(_body(s3, {"Bucket": bucket, "Key": key}), rows)
