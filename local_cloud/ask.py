"""One request to a part of the running cloud, by a command or a test."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

SECONDS = 30.0


class NoAnswer(RuntimeError):
    """A part does not answer, or refuses; the message says which and why.

    Args:
        status: of its answer; 0 without one.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def ask(url: str, method: str = "GET", body: object = None, seconds: float = SECONDS) -> Any:
    """Return what a part answers, from JSON.

    Args:
        body: sent as JSON, if there is one.
        seconds: that it may keep silent.

    Raises:
        NoAnswer: it does not answer, not in JSON, or with a status that tells of an error.
    """
    parts = urlsplit(url)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    sent = None if body is None else json.dumps(body)
    with closing(HTTPConnection(parts.netloc, timeout=seconds)) as connection:
        try:
            connection.request(method, parts.path, sent, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            raise NoAnswer(f"{url} does not answer: {error}") from error
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    if answer.status < 400 and told is not None:
        return told
    said = told if isinstance(told, dict) else {}
    words = said.get("error") or said.get("message")
    raise NoAnswer(words or f"{url} answers {answer.status} {answer.reason}", answer.status)
