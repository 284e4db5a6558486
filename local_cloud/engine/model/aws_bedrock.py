"""A model at Bedrock itself, asked with the credentials of whoever runs the engine.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from local_aws.background import start_thread
from local_cloud.engine.caller import Caller, CallerLeft
from local_cloud.engine.model.pieces import (
    STATUSES,
    Asked,
    Begun,
    Heard,
    ModelFailed,
    Piece,
    Stop,
    Text,
    Thought,
    ToolInput,
    ToolUse,
    replaced,
)

CONNECT_SECONDS = 5.0
#: Streams that are asked for at a time.
MOST_CONNECTIONS = 100


@dataclass(frozen=True)
class Profile:
    """Whose credentials are taken, and where Bedrock is asked.

    Args:
        folder: what has ``config`` and ``credentials``, as ``~/.aws`` does.
    """

    name: str
    region: str
    folder: Path

    def session(self) -> boto3.Session:
        """Return a session of its own: the engine's environment names no user's credentials.

        Raises:
            BotoCoreError: there is no such profile.
        """
        session = botocore.session.Session(profile=self.name)
        session.set_config_variable("config_file", str(self.folder / "config"))
        session.set_config_variable("credentials_file", str(self.folder / "credentials"))
        return boto3.Session(botocore_session=session, region_name=self.region)


class AwsBedrock:
    """Asks Bedrock in a region.

    Args:
        model: the id that it is asked for; ``None`` for the one that the program asks for.
        endpoint_url: another address than AWS's.
        timeout: how long it may be silent, in seconds.
    """

    def __init__(
        self,
        profile: Profile,
        model: str | None = None,
        endpoint_url: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        self.profile = profile
        self.model = model
        self.endpoint_url = endpoint_url
        self.timeout = timeout
        self._lock = threading.Lock()
        self._made: Any = None

    def answer(self, asked: Asked, caller: Caller) -> Iterator[Heard]:
        """Yield what it streams; see :class:`.pieces.Model`."""
        try:
            with closing(self._stream(asked, caller)) as stream, caller.ending(_cut(stream)):
                yield Begun()
                yield from _pieces(stream)
        except ClientError as error:
            raise _failed(error) from error
        except HTTPError as error:
            raise ModelFailed(
                "ModelStreamErrorException", f"Bedrock's answer broke off: {error}"
            ) from error
        except BotoCoreError as error:
            raise ModelFailed(
                "ServiceUnavailableException",
                f"Bedrock in {self.profile.region} is not asked: {error}",
            ) from error

    def _stream(self, asked: Asked, caller: Caller) -> Any:
        """Return the stream of an answer that begins; one that nobody waits for is closed."""
        client, request = self._client(), request_of(asked, self.model)
        begun: Future[Any] = Future()

        def ask() -> None:
            try:
                stream = client.converse_stream(**request)["stream"]
            except Exception as error:  # noqa: BLE001 raised by whoever waits
                with suppress(InvalidStateError):
                    begun.set_exception(error)
                return
            try:
                begun.set_result(stream)
            except InvalidStateError:
                stream.close()

        start_thread(ask, "a question to Bedrock")
        with caller.ending(begun.cancel):
            try:
                return begun.result()
            except CancelledError:
                raise CallerLeft from None

    def _client(self) -> Any:
        # Made when it is first asked: loading it takes long, and profiles may be made meanwhile.
        with self._lock:
            if self._made is None:
                self._made = self.profile.session().client(
                    "bedrock-runtime",
                    endpoint_url=self.endpoint_url,
                    config=Config(  # type: ignore[call-arg] # the stubs lack the last one
                        connect_timeout=CONNECT_SECONDS,
                        read_timeout=self.timeout,
                        # Whoever asks tries again, as with Bedrock.
                        retries={"total_max_attempts": 1},
                        max_pool_connections=MOST_CONNECTIONS,
                        # The engine's own environment names the engine.
                        ignore_configured_endpoint_urls=True,
                    ),
                )
            return self._made


def request_of(asked: Asked, model: str | None) -> dict[str, Any]:
    """Return a request as boto3 takes it."""
    request: dict[str, Any] = {
        "modelId": model or asked.model,
        "messages": _with_bytes(asked.messages),
        "system": [{"text": text} for text in asked.system],
        "inferenceConfig": dict(asked.inference),
    }
    if asked.tools:
        request["toolConfig"] = {"tools": [{"toolSpec": tool} for tool in asked.tools]}
        if asked.choice is not None:
            request["toolConfig"]["toolChoice"] = dict(asked.choice)
    return request | dict(_with_bytes(asked.more))


def _cut(stream: Any) -> Callable[[], None]:
    """Return what ends the wait for more of a stream."""

    def cut() -> None:
        with suppress(OSError, ValueError, RuntimeError):  # it has ended by itself
            stream._raw_stream.shutdown()

    return cut


def _with_bytes(value: Any) -> Any:
    """Return a value whose binary parts are bytes: JSON has them in base64."""
    return replaced(value, ("bytes", "redactedContent"), base64.b64decode)


def _pieces(stream: Iterator[Mapping[str, Any]]) -> Iterator[Piece]:
    reason: str | None = None
    usage: Mapping[str, Any] = {}
    for event in stream:
        match event:
            case {"contentBlockStart": {"start": {"toolUse": use}}}:
                yield ToolUse(use["toolUseId"], use["name"])
            case {"contentBlockDelta": {"delta": {"text": str(text)}}}:
                yield Text(text)
            case {"contentBlockDelta": {"delta": {"reasoningContent": dict(thought)}}}:
                yield _thought(thought)
            case {"contentBlockDelta": {"delta": {"toolUse": {"input": str(text)}}}}:
                yield ToolInput(text)
            case {"messageStop": {"stopReason": str(why)}}:
                reason = why
            case {"metadata": {"usage": dict(told)}}:
                usage = told
    if reason is None:
        raise ModelFailed("ModelStreamErrorException", "Bedrock's answer broke off.")
    counted = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    yield Stop(reason, *map(usage.get, counted))


def _thought(said: Mapping[str, Any]) -> Thought:
    redacted = base64.b64encode(said.get("redactedContent", b"")).decode()
    return Thought(said.get("text", ""), said.get("signature", ""), redacted)


def _failed(error: ClientError) -> ModelFailed:
    told = error.response["Error"]
    code, words = str(told.get("Code", "")), str(told.get("Message", ""))
    named = code[:1].upper() + code[1:]  # amid a stream it begins with a small letter
    if named in STATUSES:
        return ModelFailed(named, words)
    # Wrong credentials, an expired token, …: not the program's own.
    return ModelFailed("AccessDeniedException", f"Bedrock says {code}: {words}")
