"""A model that is a program of yours: it reads requests as lines of JSON, and writes pieces.

It runs for as long as the engine does, and is started again when it has ended. Requests and pieces
have an ``id`` each, so that it may answer several at a time. docs/models.md says what a line has.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

from local_aws.background import start_thread
from local_cloud.engine.caller import Caller, CallerLeft
from local_cloud.engine.model.cassette import NoCassette, piece_of
from local_cloud.engine.model.pieces import STATUSES, Asked, ModelFailed, Piece, Stop

LOG = logging.getLogger(__name__)
#: Of what it writes to its standard error, the lines that are told when it has failed.
LAST_LINES = 10


class Program:
    """Asks a program.

    Args:
        command: its words; ``python`` is the engine's own.
        folder: where it runs.
        timeout: how long it may be silent, in seconds.
    """

    def __init__(self, command: Sequence[str], folder: Path, timeout: float = 60.0) -> None:
        first, *rest = command
        self.command = [sys.executable if first == "python" else first, *rest]
        self.folder = folder
        self.timeout = timeout
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._ids = count(1)
        self._waiting: dict[int, queue.SimpleQueue[Any]] = {}
        self._last: deque[str] = deque(maxlen=LAST_LINES)

    def answer(self, asked: Asked, caller: Caller) -> Iterator[Piece]:
        """Yield what it writes; see :class:`.pieces.Model`."""
        number, told = next(self._ids), queue.SimpleQueue[Any]()
        line = json.dumps({"id": number, **asdict(asked)})
        with self._lock:
            self._waiting[number] = told
            try:
                process = self._started()
                assert process.stdin is not None
                process.stdin.write(f"{line}\n")
                process.stdin.flush()
            except OSError as error:
                del self._waiting[number]
                raise ModelFailed(
                    "ServiceUnavailableException", f"{self.command[0]}: {error}"
                ) from error
        try:
            with caller.ending(lambda: told.put(CallerLeft())):
                yield from self._pieces(told)
        finally:
            with self._lock:
                self._waiting.pop(number, None)

    def _pieces(self, told: queue.SimpleQueue[Any]) -> Iterator[Piece]:
        while True:
            try:
                said = told.get(timeout=self.timeout)
            except queue.Empty:
                raise ModelFailed(
                    "ModelTimeoutException", f"{self.command[-1]} says nothing for too long"
                ) from None
            if isinstance(said, ModelFailed | CallerLeft):
                raise said
            piece = self._piece(said)
            yield piece
            if isinstance(piece, Stop):
                return

    @staticmethod
    def _piece(said: Mapping[str, Any]) -> Piece:
        if (error := said.get("error")) is not None:
            code = error.get("code", "ModelErrorException")
            known = code if code in STATUSES else "ModelErrorException"
            raise ModelFailed(known, str(error.get("message") or code))
        try:
            return piece_of(said)
        except (NoCassette, TypeError) as error:
            raise ModelFailed("ModelStreamErrorException", str(error)) from error

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        for reads in (self._read, self._listen):
            start_thread(reads, "a model's program", self._process)
        return self._process

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                self._take(line)
        except (OSError, ValueError) as error:  # what it writes is no text
            LOG.warning("%s is ended: %s", self.command[-1], error)
            process.kill()
        status = process.wait()
        words = "\n".join(self._last) or "it wrote nothing to its standard error"
        failed = ModelFailed(
            "ModelErrorException", f"{self.command[-1]} has ended ({status}): {words}"
        )
        with self._lock:
            for told in self._waiting.values():
                told.put(failed)

    def _take(self, line: str) -> None:
        try:
            said = json.loads(line)
            told = self._waiting.get(said["id"])
        except (ValueError, KeyError, TypeError):
            LOG.warning("%s writes what is no piece: %s", self.command[-1], line[:200])
            return
        if told is not None:
            told.put(said)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self._last.append(line.rstrip())
