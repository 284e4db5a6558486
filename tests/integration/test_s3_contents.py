"""S3 holds what it was sent, whatever checksum came with it and however it came.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import io
import os
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from boto3.s3.transfer import TransferConfig

from tests.stack import Stack

pytestmark = pytest.mark.embedded("the same engine, in a process that starts sooner")


@pytest.fixture
def bucket(stack: Stack) -> Iterator[str]:
    s3, name = stack.aws("s3"), f"contents-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    yield name
    for found in s3.list_objects_v2(Bucket=name).get("Contents", ()):
        s3.delete_object(Bucket=name, Key=found["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_an_object_is_taken_with_each_checksum(stack: Stack, bucket: str, algorithm: str) -> None:
    s3 = stack.aws("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"content", ChecksumAlgorithm=algorithm)
    found = s3.get_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert found["Body"].read() == b"content"
    assert found[f"Checksum{algorithm}"]


def test_a_presigned_put_and_post_without_a_checksum_are_taken(stack: Stack, bucket: str) -> None:
    s3 = stack.aws("s3")
    address = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "put"})
    assert httpx.put(address, content=b"by PUT", trust_env=False).status_code == 200
    form = s3.generate_presigned_post(bucket, "post")
    posted = httpx.post(
        form["url"], data=form["fields"], files={"file": b"by POST"}, trust_env=False
    )
    assert posted.status_code == 204
    assert s3.get_object(Bucket=bucket, Key="put")["Body"].read() == b"by PUT"
    assert s3.get_object(Bucket=bucket, Key="post")["Body"].read() == b"by POST"


def test_uploads_in_parts_are_whole_while_everything_is_kept(stack: Stack, bucket: str) -> None:
    """Each small write has the engine look at what is being assembled at that moment."""
    s3 = stack.aws("s3")
    sent = {f"large-{n}": os.urandom(9_000_000 + n * 4_321) for n in range(12)}
    uploaded = threading.Event()

    def upload(key: str) -> None:
        parts = TransferConfig(multipart_threshold=1 << 20, multipart_chunksize=5 << 20)
        s3.upload_fileobj(io.BytesIO(sent[key]), bucket, key, Config=parts)

    def write_small(n: int) -> None:
        while not uploaded.is_set():
            s3.put_object(Bucket=bucket, Key=f"small-{n}", Body=b"x")

    def differences() -> list[Any]:
        return [
            key
            for key, data in sent.items()
            if s3.get_object(Bucket=bucket, Key=key)["Body"].read() != data
        ]

    with ThreadPoolExecutor(16) as threads:
        for n in range(4):
            threads.submit(write_small, n)
        try:
            list(threads.map(upload, sent))
        finally:
            uploaded.set()
    assert differences() == []
