"""What a model says, piece by piece, whoever it is: what an answer of Bedrock's is made of."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from local_cloud.engine.caller import Caller

#: Characters that count as one token, where the model itself does not count.
CHARACTERS = 4


@dataclass(frozen=True)
class Begun:
    """It has taken the request, and will speak: said by one that may be silent for a while."""


@dataclass(frozen=True)
class Text:
    """Some of its words."""

    text: str


@dataclass(frozen=True)
class Thought:
    """Some of what it thinks before it speaks: one of these.

    Args:
        signature: by which the model knows the thought for its own when it is sent back.
        redacted: a thought that only the model can read, in base64.
    """

    text: str = ""
    signature: str = ""
    redacted: str = ""


@dataclass(frozen=True)
class ToolUse:
    """It begins to call a tool."""

    id: str
    name: str


@dataclass(frozen=True)
class ToolInput:
    """Some of the JSON that the tool is called with."""

    text: str


@dataclass(frozen=True)
class Stop:
    """It has ended.

    Args:
        reason: ``end_turn``, ``tool_use``, ``max_tokens``, ``stop_sequence``, …
        input_tokens, output_tokens: as the model has counted them, if it does.
        cache_read_tokens, cache_write_tokens: of a request with cache points.
    """

    reason: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None


Piece = Text | Thought | ToolUse | ToolInput | Stop
Heard = Begun | Piece


class ModelFailed(Exception):
    """An error in AWS's words, before the answer or amid it.

    Args:
        code: of Bedrock's errors, such as ``ThrottlingException``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def status(self) -> int:
        """The status by which an answer that has not begun says so."""
        return STATUSES[self.code]


def malformed(why: str) -> ModelFailed:
    """Return what says that a request has another form than it may have."""
    return ModelFailed(
        "ValidationException",
        f"Malformed input request: {why}, please reformat your input and try again.",
    )


#: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors
STATUSES = {
    "AccessDeniedException": 403,
    "InternalServerException": 500,
    "ModelErrorException": 424,
    "ModelNotReadyException": 429,
    "ModelStreamErrorException": 424,
    "ModelTimeoutException": 408,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 400,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "ValidationException": 400,
}


@dataclass(frozen=True)
class Asked:
    """A request as Converse has it.

    Args:
        model: its id, without region and ARN.
        messages: ``role`` and ``content``, a list of blocks.
        system: its texts.
        tools: the ``toolSpec`` of each.
        choice: ``toolChoice``, if one is made.
        inference: ``maxTokens``, ``temperature``, ``topP``, ``stopSequences``.
        more: what else it has, such as ``additionalModelRequestFields``; ``system`` and
            ``toolConfig`` in whole, where those have cache points.
    """

    model: str
    messages: list[dict[str, Any]]
    system: list[str] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    choice: Mapping[str, Any] | None = None
    inference: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def tokens(self) -> int:
        """About how long it is."""
        return sum(map(tokens_of, _texts([self.messages, self.system, self.tools])))


class Model(Protocol):
    """Answers conversations."""

    def answer(self, asked: Asked, caller: Caller) -> Iterator[Heard]:
        """Yield the answer as it comes; the last piece is a :class:`Stop`.

        What fails after the first is told amid the answer, and by no status.

        Raises:
            ModelFailed: there is none, or no more of it.
            CallerLeft: nobody hears it any more; a :class:`ModelFailed` may say so, too.
        """


def tokens_of(text: str) -> int:
    """Return about how many tokens a text has."""
    return -(-len(text) // CHARACTERS)


def replaced(value: Any, names: Container[str], change: Callable[[str], Any]) -> Any:
    """Return JSON with what ``change`` makes of each text that has one of these names.

    Such as ``bytes``, which is what images and documents have, in base64.
    """
    if isinstance(value, list):
        return [replaced(one, names, change) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: change(one)
        if name in names and isinstance(one, str)
        else replaced(one, names, change)
        for name, one in value.items()
    }


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in ("bytes", "role", "toolUseId"):
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
