"""Frames are found where the ``websockets`` library finds them, and messages are what it reads."""

from __future__ import annotations

import random

import pytest
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from websocket_gateway.frames import cut, message, text_frame

MOST = 32 * 1024
SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]


@pytest.mark.parametrize("size", [size for size in SIZES if size <= MOST])
def test_a_message_in_one_frame_is_read(size: int) -> None:
    words = "ä" * (size // 2) + "x" * (size % 2)
    sent = Frame(Opcode.TEXT, words.encode()).serialize(mask=True)
    frames, rest = cut(sent, MOST, 1)
    assert [frame[0] for frame in frames] == [sent]
    assert frames[0][1]
    assert message(frames[0]).decode() == words
    assert rest == b""


@pytest.mark.parametrize("size", SIZES)
def test_a_message_to_a_client_is_written_as_the_library_writes_it(size: int) -> None:
    words = b"x" * size
    assert text_frame(words) == Frame(Opcode.TEXT, words).serialize(mask=False)


def test_frames_are_found_however_they_come() -> None:
    some = [
        Frame(Opcode.TEXT, b"one"),
        Frame(Opcode.PING, b""),
        Frame(Opcode.TEXT, b"tw", fin=False),
        Frame(Opcode.CONT, b"o" * 300),
        Frame(Opcode.BINARY, b"\x81\x81" * 80),
        Frame(Opcode.CLOSE, b"\x03\xe8"),
    ]
    frames = [frame.serialize(mask=True) for frame in some]
    for seed in range(200):
        chance = random.Random(seed)
        left, begun, found = b"".join(frames), b"", []
        while left:
            step = chance.randint(1, 40)
            whole, begun = cut(begun + left[:step], MOST, 9)
            left = left[step:]
            found += whole
        assert [frame[0] for frame in found] == frames
        assert [bool(frame[1]) for frame in found] == [True, False, False, False, False, False]
        assert begun == b""


def test_so_many_frames_are_found_as_are_wanted() -> None:
    frames = [Frame(Opcode.PING, b"%d" % n).serialize(mask=True) for n in range(5)]
    found, rest = cut(b"".join(frames), MOST, 2)
    assert [frame[0] for frame in found] == frames[:2]
    assert rest == b"".join(frames[2:])
    assert cut(rest, MOST, 0) == ([], rest)


@pytest.mark.parametrize(
    "bad",
    [
        Frame(Opcode.TEXT, b"no mask").serialize(mask=False),
        Frame(Opcode.TEXT, b"x" * (MOST + 1)).serialize(mask=True)[:20],
        b"\x81\xff" + (2**63).to_bytes(8) + b"mask",
        b"\xc1\x80mask",
    ],
    ids=["no mask", "too long", "longer than any", "a reserved bit"],
)
def test_what_the_library_refuses_it_is_given_at_once(bad: bytes) -> None:
    frames, rest = cut(bad, MOST, 1)
    assert frames == [(bad, 0)]
    assert rest == b""
    library = ServerProtocol(max_size=MOST, state=1)  # type: ignore[arg-type]
    library.receive_data(bad)
    assert library.parser_exc is not None
