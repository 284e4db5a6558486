"""What an object holds is read for keeping while nobody writes it, and never disturbs who does."""

from __future__ import annotations

import io
from typing import Any

import pytest
from localstack.services.s3.models import S3Multipart, S3Object, S3Part
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore

from local_cloud.engine.state.codec import BeingWritten
from local_cloud.engine.state.services import s3


@pytest.fixture
def store(tmp_path: Any) -> EphemeralS3ObjectStore:
    made = EphemeralS3ObjectStore(str(tmp_path))
    made.create_bucket("bucket")
    return made


def upload(store: EphemeralS3ObjectStore, *parts: bytes) -> tuple[Any, list[S3Part]]:
    stored = store.get_multipart("bucket", S3Multipart(key="key", initiator=None, owner=None))
    made = []
    for number, data in enumerate(parts, 1):
        part = S3Part(part_number=number)
        with stored.open(part, mode="w") as writer:
            writer.write(io.BytesIO(data))
        made.append(part)
    return stored, made


def file_of(store: EphemeralS3ObjectStore) -> Any:
    (file,) = store._filesystem["bucket"]["keys"].values()
    return file


def test_an_object_that_is_assembled_is_not_read_before_its_end(
    store: EphemeralS3ObjectStore,
) -> None:
    stored, parts = upload(store, b"one", b"two")
    assembled = S3Object(key="key")
    with store.open("bucket", assembled, mode="w") as writer:
        for part in parts:
            with stored.open(part) as reader:
                writer.append(reader)
            with pytest.raises(BeingWritten):
                s3._content(file_of(store))
    assert s3._content(file_of(store))[1] == b"onetwo"


def test_an_object_that_is_read_can_be_kept_meanwhile(store: EphemeralS3ObjectStore) -> None:
    held = S3Object(key="key")
    with store.open("bucket", held, mode="w") as writer:
        writer.write(io.BytesIO(b"0123456789"))
    with store.open("bucket", held) as reader:
        assert reader.read(4) == b"0123"
        assert s3._content(file_of(store))[1] == b"0123456789"
        assert reader.read() == b"456789"


def test_a_part_that_is_still_sent_is_left_out_of_its_upload(store: EphemeralS3ObjectStore) -> None:
    stored, parts = upload(store, b"one", b"two")
    with stored.open(parts[1], mode="w"):
        assert list(s3._complete(stored.parts)) == [1]
    assert list(s3._complete(stored.parts)) == [1, 2]
