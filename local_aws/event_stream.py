"""AWS's binary form of events, as streams of Lambda and Bedrock have it.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html
"""

from __future__ import annotations

import struct
import zlib

#: What the value of a header is.
_TEXT = 7


def event(kind: str, payload: bytes, content_type: str = "application/json") -> bytes:
    """Return one event: lengths, headers and payload, each guarded by a checksum."""
    return _message(
        payload,
        {":event-type": kind, ":content-type": content_type, ":message-type": "event"},
    )


def exception(kind: str, payload: bytes) -> bytes:
    """Return what ends a stream that has failed, such as ``throttlingException``."""
    return _message(
        payload,
        {
            ":exception-type": kind,
            ":content-type": "application/json",
            ":message-type": "exception",
        },
    )


def _message(payload: bytes, headers: dict[str, str]) -> bytes:
    head = b"".join(
        struct.pack(f"!B{len(name)}sBH", len(name), name.encode(), _TEXT, len(text.encode()))
        + text.encode()
        for name, text in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack("!I", zlib.crc32(message))
