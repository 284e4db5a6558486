"""Where a WebSocket frame ends, and a text message in one frame, which is nearly all that passes.

What else there is, and what is wrong, the ``websockets`` library reads; it takes a tenth of a
message's time here, so it is left out where there is nothing to decide.

https://www.rfc-editor.org/rfc/rfc6455#section-5.2
"""

from __future__ import annotations

import struct

from websockets.frames import apply_mask  # type: ignore[attr-defined]  # compiled if it can be

_WHOLE_TEXT, _MASKED = 0x81, 0x80  # FIN and the opcode; the bit that each client sets
_IN_TWO_BYTES, _IN_EIGHT_BYTES = 126, 127  # of lengths: where to find them
_MASK = 4
_HEAD, _HEAD_2, _HEAD_8 = struct.Struct("!BB"), struct.Struct("!BBH"), struct.Struct("!BBQ")

#: A frame as it came; and where its payload begins, if it is a whole text message, else 0.
Cut = tuple[bytes, int]


def cut(data: bytes, most: int, count: int) -> tuple[list[Cut], bytes]:
    """Cut what a client has sent into frames.

    Args:
        most: bytes that a payload may have. A frame of more is not waited for, and neither is one
            without a mask: all that there is counts as a frame, for the library to refuse.
        count: how many frames are wanted.

    Returns:
        The first frames that are whole, and what comes after them.
    """
    frames: list[Cut] = []
    at = 0
    while len(frames) < count and len(data) - at >= _HEAD.size:
        kind, length = _HEAD.unpack_from(data, at)
        payload, length = at + _HEAD.size, length ^ _MASKED
        if length in (_IN_TWO_BYTES, _IN_EIGHT_BYTES):
            head = _HEAD_2 if length == _IN_TWO_BYTES else _HEAD_8
            if len(data) - at < head.size:
                break
            payload, length = at + head.size, head.unpack_from(data, at)[2]
        elif length > _IN_EIGHT_BYTES:  # it has no mask
            length = most + 1
        payload += _MASK
        end = payload + length if length <= most else len(data)
        if len(data) < end:
            break
        frames.append((data[at:end], payload - at if kind == _WHOLE_TEXT and length <= most else 0))
        at = end
    return frames, data[at:]


def message(frame: Cut) -> bytes:
    """Return a text message without its mask."""
    data, payload = frame
    unmasked: bytes = apply_mask(data[payload:], data[payload - _MASK : payload])
    return unmasked


def text_frame(payload: bytes) -> bytes:
    """Return a message to a client: one frame, without a mask."""
    length = len(payload)
    if length < _IN_TWO_BYTES:
        return _HEAD.pack(_WHOLE_TEXT, length) + payload
    if length < 1 << 16:
        return _HEAD_2.pack(_WHOLE_TEXT, _IN_TWO_BYTES, length) + payload
    return _HEAD_8.pack(_WHOLE_TEXT, _IN_EIGHT_BYTES, length) + payload
