"""Asks the model, and looks beside it whether the user still wants the answer."""

import queue
import threading
import time
from collections.abc import Callable

from providers import Provider

from agent_common.conversation import Message
from agent_common.errors import AnalysisCancelled

#: A cancel ends the model's answer within this time, also while it says nothing.
LOOK_SECONDS = 0.5


def ask(
    provider: Provider,
    messages: list[Message],
    on_text: Callable[[str], None],
    is_cancelled: Callable[[], bool],
) -> Message:
    """Return the model's next message, passing its words to ``on_text`` as they come.

    Raises:
        AnalysisCancelled: the user wants it no more; the model is hung up on.
        Exception: what the provider or ``on_text`` raises.
    """
    told: queue.SimpleQueue[str | Message | Exception] = queue.SimpleQueue()
    has_left = threading.Event()

    def hear(text: str) -> None:
        if has_left.is_set():
            raise AnalysisCancelled("Nobody listens any more")
        told.put(text)

    def work() -> None:
        try:
            told.put(provider.answer(messages, hear))
        except Exception as error:  # noqa: BLE001 raised again by whoever waits
            told.put(error)

    threading.Thread(target=work, daemon=True).start()
    look = time.monotonic() + LOOK_SECONDS
    try:
        while True:
            if time.monotonic() >= look:
                if is_cancelled():
                    raise AnalysisCancelled("You cancelled this analysis")
                look = time.monotonic() + LOOK_SECONDS
            try:
                said = told.get(timeout=max(0.0, look - time.monotonic()))
            except queue.Empty:
                continue
            if isinstance(said, Exception):
                raise said
            if not isinstance(said, str):
                return said
            on_text(said)
    except BaseException:
        has_left.set()
        provider.hang_up()
        raise
