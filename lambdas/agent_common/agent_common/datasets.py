"""Where datasets are: shared ones by name, a user's own under ``mine/``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from botocore.exceptions import ClientError

from agent_common.aws import s3
from agent_common.errors import DatasetNotFound, DatasetUnusable, InvalidMessage

MAX_BYTES = 50 * 1024 * 1024
_NAME = re.compile(r"(?P<mine>mine/)?(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]{0,99})")


@dataclass(frozen=True)
class Location:
    """A dataset's object and, beside it, the one that explains its columns."""

    bucket: str
    key: str

    @property
    def dictionary_key(self) -> str:
        return self.key.removesuffix(".csv") + ".json"


def locate(name: str, user_id: str) -> Location:
    """Return where a dataset of this name is, as this user may name it.

    Raises:
        InvalidMessage: the name is not of a dataset's form.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise InvalidMessage(
            f"{name[:100]!r} is no dataset name: use a shared one such as 'nsw', or 'mine/NAME'"
        )
    stem = match["name"].removesuffix(".csv")
    folder = f"users/{user_id}" if match["mine"] else "shared"
    return Location(os.environ["DATASETS_BUCKET"], f"{folder}/{stem}.csv")


def read(location: Location) -> bytes:
    """Return a dataset's bytes.

    Raises:
        DatasetNotFound: there is no such object.
        DatasetUnusable: it is empty or larger than :data:`MAX_BYTES`.
    """
    try:
        answer = s3().get_object(Bucket=location.bucket, Key=location.key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404", "NoSuchBucket"):
            raise DatasetNotFound(f"There is no dataset {_spoken(location)}") from error
        raise
    size = answer["ContentLength"]
    if size > MAX_BYTES:
        raise DatasetUnusable(
            f"Dataset {_spoken(location)} has {size:,} bytes; at most {MAX_BYTES:,} are taken"
        )
    data = answer["Body"].read()
    if not data.strip():
        raise DatasetUnusable(f"Dataset {_spoken(location)} is empty")
    return data


def read_dictionary(location: Location) -> bytes | None:
    """Return the document that explains the columns, where there is one."""
    try:
        answer = s3().get_object(Bucket=location.bucket, Key=location.dictionary_key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    return answer["Body"].read()


def _spoken(location: Location) -> str:
    folder, _, name = location.key.rpartition("/")
    prefix = "" if folder == "shared" else "mine/"
    return f"'{prefix}{name.removesuffix('.csv')}'"
