"""What keeps an analysis within its bounds: turns, tokens, and a model that goes in circles."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agent_common.analyses import DEFAULT_TOKENS
from agent_common.conversation import Message, input_of
from agent_common.errors import ModelLoops, TokenLimitReached, TurnLimitReached

#: So many turns with the same calls in a row are told to the model, and so many end the analysis.
TOLD, ENDED = 2, 4
#: About so many characters are a token, while the model has not counted yet.
CHARACTERS = 4


def check(analysis: Mapping[str, Any], turn: int, messages: Sequence[Message]) -> None:
    """Look whether the model may be asked for this turn.

    Raises:
        TurnLimitReached, TokenLimitReached, ModelLoops: it may not.
    """
    if turn > int(analysis["maxTurns"]):
        raise TurnLimitReached(
            f"No answer within {analysis['maxTurns']} turns, which is the limit of this analysis"
        )
    if _tokens_left(analysis, messages) <= 0:
        raise _too_many(analysis)
    if same_calls(messages) >= ENDED:
        called = ", ".join(call["name"] for call in _turns(messages)[-1]["toolCalls"])
        raise ModelLoops(f"The model called {called} in the same way {ENDED} turns in a row")


def within(
    analysis: Mapping[str, Any], messages: Sequence[Message], on_text: Callable[[str], None]
) -> Callable[[str], None]:
    """Return ``on_text`` for an answer that may not be longer than what is left of the tokens."""
    left = _tokens_left(analysis, messages) * CHARACTERS

    def heard(text: str) -> None:
        nonlocal left
        left -= len(text)
        if left < 0:
            raise _too_many(analysis)
        on_text(text)

    return heard


def with_remarks(messages: Sequence[Message]) -> list[Message]:
    """Return the conversation with what a model that goes in circles should hear."""
    count = same_calls(messages)
    if count < TOLD:
        return list(messages)
    remark = (
        f"You have made the same tool calls {count} times in a row, and their answers do not "
        "change. Go on from them: call another tool, or finish with what you know."
    )
    return [*messages, {"role": "user", "content": remark}]


def same_calls(messages: Sequence[Message]) -> int:
    """Return how many turns, up to the last one, have the same tool calls in a row."""
    turns = _turns(messages)
    if not turns or not turns[-1].get("toolCalls"):
        return 0
    last = _calls(turns[-1])
    return next(
        (number for number, turn in enumerate(reversed(turns)) if _calls(turn) != last),
        len(turns),
    )


def _turns(messages: Sequence[Message]) -> list[Message]:
    return [message for message in messages if message["role"] == "assistant"]


def _calls(turn: Message) -> list[tuple[str, Any]]:
    """Return what a turn calls; of arguments that are no JSON, the text."""
    return [
        (call["name"], given if (given := input_of(call)) is not None else call["arguments"])
        for call in turn.get("toolCalls") or ()
    ]


def _tokens_left(analysis: Mapping[str, Any], messages: Sequence[Message]) -> int:
    return _limit(analysis) - sum(int(message.get("tokens", 0)) for message in messages)


def _limit(analysis: Mapping[str, Any]) -> int:
    return int(analysis.get("maxTokens", DEFAULT_TOKENS))  # one that began before there were any


def _too_many(analysis: Mapping[str, Any]) -> TokenLimitReached:
    return TokenLimitReached(
        f"No answer within {_limit(analysis)} tokens, which is the limit of this analysis"
    )
