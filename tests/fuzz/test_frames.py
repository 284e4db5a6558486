"""WebSocket frames: the gateway's own reading of them is the library's, however they are cut."""

from __future__ import annotations

import struct
import sys

from hypothesis import strategies as st
from websockets.frames import Frame, Opcode, apply_mask  # type: ignore[attr-defined]
from websockets.protocol import Protocol, Side

from tests.fuzz.fuzzing import fuzz
from websocket_gateway.frames import cut, message

MOST, ALL = 32 * 1024, sys.maxsize
MASK = b"\x01\x02\x03\x04"


def frame(kind: int, payload: bytes, masked: bool, told: int | None) -> bytes:
    """Return a frame; its length may be told wrongly."""
    size, bit = len(payload) if told is None else told, 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", kind, bit | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", kind, bit | 126, size)
    else:
        head = struct.pack("!BBQ", kind, bit | 127, size)
    return head + (MASK + apply_mask(payload, MASK) if masked else payload)


PAYLOADS = st.one_of(
    st.binary(max_size=200), st.sampled_from([b"x" * 125, b"x" * 126, b"x" * 65536, b"x" * MOST])
)
FRAMES = st.builds(
    frame,
    st.one_of(st.just(0x81), st.integers(0, 255)),
    PAYLOADS,
    st.sampled_from([True, True, True, False]),
    st.one_of(st.none(), st.none(), st.sampled_from([0, 126, MOST + 1, 1 << 40, (1 << 63) - 1])),
)


@fuzz(
    examples=200,
    sent=st.lists(st.one_of(FRAMES, FRAMES, st.binary(max_size=20)), max_size=5),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=5),
)
def test_frames_are_the_same_however_they_are_cut(sent: list[bytes], sizes: list[int]) -> None:
    data = b"".join(sent)
    whole, rest = cut(data, MOST, ALL)
    assert b"".join(piece for piece, _ in whole) + rest == data
    assert len(rest) <= MOST + 14, "what is waited for has an end"
    begun, pieces, at, number = b"", [], 0, 0
    while at < len(data):
        size = sizes[number % len(sizes)]
        got, begun = cut(begun + data[at : at + size], MOST, ALL)
        pieces += got
        at, number = at + size, number + 1
    assert b"".join(piece for piece, _ in pieces) + begun == data


@fuzz(examples=200, sent=st.lists(FRAMES, max_size=5))
def test_a_text_message_is_what_the_library_reads(sent: list[bytes]) -> None:
    protocol = Protocol(Side.SERVER, max_size=(4 * MOST, MOST))
    for piece in cut(b"".join(sent), MOST, ALL)[0]:
        protocol.receive_data(piece[0])
        events = protocol.events_received()
        if not piece[1] or not events or protocol.parser_exc is not None:
            continue
        (event,) = events
        assert isinstance(event, Frame)
        if event.opcode is Opcode.TEXT:
            assert message(piece) == bytes(event.data)
