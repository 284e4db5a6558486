"""Writes beside the analyses, of which each that was answered has to stay."""

from __future__ import annotations

import itertools
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.client import client_at
from local_cloud.installation import Ports

BACK_SECONDS = 90.0
_TABLE = _BUCKET = "chaos"
_KEYS = 40


class Writer:
    """Writes numbers to DynamoDB and S3, one after the other, and remembers what was answered."""

    def __init__(self, ports: Ports) -> None:
        # Nothing is tried again: what was answered, was answered the first time.
        self._dynamodb = client_at("dynamodb", ports.engine_url, attempts=1)
        self._s3 = client_at("s3", ports.engine_url, attempts=1)
        self._answered: dict[str, int] = {}
        self._tried: dict[str, int] = {}
        self._ended = threading.Event()
        self._paused = threading.Lock()
        self.count = 0
        self._dynamodb.create_table(
            TableName=_TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self._s3.create_bucket(Bucket=_BUCKET)
        self._thread = threading.Thread(target=self._write, name="writer")

    def __enter__(self) -> Writer:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _write(self) -> None:
        for number in itertools.count(1):
            if self._ended.wait(0.01):
                return
            key = str(number % _KEYS)
            with self._paused:
                self._tried[key] = number
                try:
                    if number % 2:
                        self._dynamodb.put_item(
                            TableName=_TABLE, Item={"id": {"S": key}, "n": {"N": str(number)}}
                        )
                    else:
                        self._s3.put_object(Bucket=_BUCKET, Key=key, Body=str(number).encode())
                except (BotoCoreError, ClientError):
                    continue
                self._answered[key] = number
                self.count += 1

    def missing(self) -> list[str]:
        """Return what was answered and is not there."""
        try:
            with self._paused:
                return [
                    f"write {number} of {key!r} was answered, and {found} is there"
                    for key, number in self._answered.items()
                    if not number <= (found := self._read(key)) <= self._tried[key]
                ]
        except TimeoutError:
            return [f"the engine did not answer for {BACK_SECONDS:.0f} s"]

    def _read(self, key: str) -> int:
        until = time.monotonic() + BACK_SECONDS
        while True:
            try:
                if int(key) % 2:
                    item = self._dynamodb.get_item(TableName=_TABLE, Key={"id": {"S": key}})
                    return int(item["Item"]["n"]["N"]) if "Item" in item else 0
                return int(self._s3.get_object(Bucket=_BUCKET, Key=key)["Body"].read())
            except ClientError as error:
                if error.response["Error"]["Code"] in ("NoSuchKey", "ResourceNotFoundException"):
                    return 0
                if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                    raise
            except BotoCoreError:
                pass
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(0.2)  # an engine that is back tells nobody
