"""Objects are kept one by one, what is in them beside their metadata, in the same batch.

What is large is written once to a file of its own, named by its checksum.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localstack.services.plugins import Service
from localstack.services.s3.models import (
    KeyStore,
    S3Multipart,
    VersionedKeyStore,
    s3_stores,
)
from localstack.services.s3.storage.ephemeral import (
    S3_MAX_FILE_SIZE_BYTES,
    EphemeralS3ObjectStore,
    EphemeralS3StoredMultipart,
    LockedSpooledTemporaryFile,
)

from local_cloud.engine.state import containers
from local_cloud.engine.state.codec import BeingWritten, NotReadable, checked, made_anew
from local_cloud.engine.state.keeper import note_part
from local_cloud.engine.state.noted import NotedDict
from local_cloud.state_files import OBJECTS

#: What is longer is not in the journal.
MOST_BYTES = 64 * 1024
_CHUNK = 1 << 20
_CHECKSUM = re.compile(r"[0-9a-f]{64}")


def prepare(service: Service) -> None:
    """Have buckets note which objects change, and S3 find their content by names that stay."""
    KeyStore.__init__ = _init_keys
    VersionedKeyStore.__init__ = _init_versions
    EphemeralS3ObjectStore._key_from_s3_object = staticmethod(_name_of)
    _store_of(service)._filesystem = Buckets()
    made_anew("content", LockedSpooledTemporaryFile, _content, _file)
    containers.extras["s3"] = (_held, _put_back)


def quiet(_: Service) -> None:
    """Have nobody told of objects that somebody puts, as the provisioning does."""
    for regions in s3_stores.values():
        for store in regions.values():
            for bucket in store.buckets.values():
                bucket.notification_configuration = {}


def _init_keys(self: KeyStore) -> None:
    self._store = NotedDict()


def _init_versions(self: VersionedKeyStore) -> None:
    self._store = NotedDict(nested=True)


def _name_of(s3_object: Any) -> str:
    return f"{s3_object.key}?{s3_object.version_id or 'null'}"


class Buckets(dict[str, Any]):
    """The contents of objects and of uploads, by bucket."""

    def __missing__(self, bucket: str) -> Any:
        """Make a bucket's."""
        made = self[bucket] = {"keys": NotedDict(), "multiparts": {}}
        note_part("s3")
        return made


def _store_of(service: Service) -> EphemeralS3ObjectStore:
    return service._provider._storage_backend


def _held(service: Service) -> Any:
    return {
        bucket: (
            contents["keys"],
            {
                name: (upload.s3_multipart, _complete(upload.parts))
                for name, upload in list(contents["multiparts"].items())
            },
        )
        for bucket, contents in list(_store_of(service)._filesystem.items())
    }


def _complete(parts: Mapping[Any, LockedSpooledTemporaryFile]) -> dict[Any, Any]:
    """Return the parts of an upload without those that a request is still writing."""
    found = {}
    for number, file in list(parts.items()):
        with contextlib.suppress(BeingWritten), _reading(file):
            found[number] = file
    return found


@contextlib.contextmanager
def _reading(file: LockedSpooledTemporaryFile) -> Iterator[None]:
    """Keep writers from a file; a writer would find its position moved.

    Raises:
        BeingWritten: a request is writing it, or waits until it may.
    """
    lock = file.readwrite_lock.gen_rlock()
    if not lock.acquire(blocking=False):
        raise BeingWritten
    try:
        with file.position_lock:
            yield
    finally:
        lock.release()


def _put_back(service: Service, held: Mapping[str, tuple[NotedDict, Mapping[str, Any]]]) -> None:
    store = _store_of(service)
    for bucket, (keys, uploads) in held.items():
        store.create_bucket(bucket)
        made = store._filesystem[bucket]
        made["keys"] = keys
        for name, (upload, parts) in uploads.items():
            made["multiparts"][name] = _upload(store, bucket, upload, parts)


def _upload(
    store: EphemeralS3ObjectStore, bucket: str, upload: S3Multipart, parts: Mapping[Any, Any]
) -> EphemeralS3StoredMultipart:
    folder = store._create_upload_directory(bucket, upload.id)
    made = EphemeralS3StoredMultipart(store, bucket, upload, folder)
    made.parts.update(parts)
    return made


def _files() -> Path:
    return Path(os.environ["STATE_FOLDER"]) / OBJECTS


def _content(file: LockedSpooledTemporaryFile) -> list[Any]:
    """Return when a file was changed, and what is in it, or the name that this is stored under."""
    kept: tuple[int, list[Any]] | None = getattr(file, "kept", None)
    with _reading(file):
        changed: int = file.internal_last_modified
        if kept is not None and kept[0] == changed:
            return kept[1]
        at = file.tell()
        try:
            if file.seek(0, os.SEEK_END) <= MOST_BYTES:
                file.seek(0)
                return [changed, file.read()]
            written = [changed, _store(file)]
        finally:
            file.seek(at)
        file.kept = (changed, written)
        return written


def _store(file: LockedSpooledTemporaryFile) -> str:
    """Write a file's content to one that is named by its checksum; return the name."""
    checksum = hashlib.sha256()
    file.seek(0)
    while data := file.read(_CHUNK):
        checksum.update(data)
    name = checksum.hexdigest()
    path = _files() / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        file.seek(0)
        with draft.open("wb") as written:
            while data := file.read(_CHUNK):
                written.write(data)
        draft.replace(path)
    return name


def _file(data: Any) -> LockedSpooledTemporaryFile:
    """Return the file that :func:`_content` told of.

    Raises:
        NotReadable: nothing is stored under such a name.
    """
    changed, inside = checked(data, list)
    file = LockedSpooledTemporaryFile(max_size=S3_MAX_FILE_SIZE_BYTES)
    if type(inside) is bytes:
        file.write(inside)
    else:
        if not _CHECKSUM.fullmatch(checked(inside, str)):
            raise NotReadable(f"{inside!r} names no content")
        with (_files() / inside).open("rb") as written:
            while part := written.read(_CHUNK):
                file.write(part)
    file.internal_last_modified = checked(changed, int)
    if type(inside) is str:
        file.kept = (changed, [changed, inside])
    return file
