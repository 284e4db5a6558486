"""One analysis seen through to its end, over as many connections as that takes."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import websockets

from local_cloud.client import AgentClient, ConnectionRefused, LoginFailed, Message

# How long a part may be away (an engine that dies takes SAM with it, which needs half a minute or
# more to begin anew); and how long a refusal may be one of a cloud that starts anew,
# whose functions do not know its new users yet.
RECONNECT_SECONDS, REFUSED_SECONDS = 120.0, 15.0
RETRY_SECONDS = 0.5
GAP_SECONDS = 1.0
SILENCE_SECONDS = 120.0


class AnalysisLost(RuntimeError):
    """The agent does not answer any more, or has answered with an error."""


class Analysis:
    """Asks a question and yields the agent's messages until ``finished`` or ``error``.

    A connection that ends is opened again; ``resume`` brings what was missed meanwhile. A new
    login is made for it, because an engine that was started anew has new users.

    Args:
        url: of the WebSocket API.
        log_in: returns a token.
        fields: of the ``analyze`` message: ``question``, ``dataset``, …
        notice: is told when the connection ends.
    """

    def __init__(
        self,
        url: str,
        log_in: Callable[[], str],
        fields: dict[str, Any],
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.url = url
        self.log_in = log_in
        #: What has been asked and has not shown an effect yet; asked again after a fault.
        self.pending: dict[str, Any] | None = {
            "action": "analyze",
            "requestId": str(uuid.uuid4()),
            **fields,
        }
        self.notice = notice
        self.analysis_id = ""
        self.started = 0.0
        self.seconds = 0.0
        self._last = 0
        self._ahead: dict[int, Message] = {}
        self._agent: AgentClient

    async def messages(self) -> AsyncIterator[Message]:
        """Yield each message once, an analysis' events in the order of their numbers.

        Raises:
            AnalysisLost: nothing was heard for two minutes, the cloud does not come back, or the
                connection is refused for good.
        """
        token = await asyncio.to_thread(self.log_in)
        self.started = time.monotonic()
        while True:
            try:
                async with AgentClient(self.url, token) as self._agent:
                    await self._open()
                    async for message in self._receive():
                        yield message
                        if message["type"] in ("finished", "error"):
                            self.seconds = time.monotonic() - self.started
                            return
            except (websockets.exceptions.ConnectionClosed, ConnectionRefused, OSError) as error:
                self.notice(f"The connection was closed ({error}); connecting again")
                token = await self._log_in_again()

    async def reply(self, prompt: Message, answer: str) -> None:
        """Answer a prompt. A connection that ends meanwhile is noticed by :meth:`messages`."""
        self.pending = {
            "action": "reply",
            "analysisId": self.analysis_id,
            "promptId": prompt["promptId"],
            "answer": answer,
        }
        with contextlib.suppress(websockets.exceptions.ConnectionClosed):
            await self._agent.send(**self.pending)

    async def _open(self) -> None:
        if self.analysis_id:
            await self._agent.send("resume", analysisId=self.analysis_id, lastSeq=self._last)
        if self.pending is not None:
            await self._agent.send(**self.pending)

    async def _receive(self) -> AsyncIterator[Message]:
        while True:
            try:
                patience = GAP_SECONDS if self._ahead else SILENCE_SECONDS
                message = await asyncio.wait_for(self._agent.receive(), patience)
            except TimeoutError as error:
                if self._ahead:  # an event that others overtook has not come: ask for it
                    await self._open()
                    self._ahead.clear()
                    continue
                raise AnalysisLost(f"nothing was heard for {SILENCE_SECONDS:.0f} s") from error
            if "type" not in message:  # the gateway could not reach the function
                await asyncio.sleep(RETRY_SECONDS)
                await self._open()
                continue
            if message.get("code") == "PromptNotOpen":
                continue  # the first try had arrived after all
            self.analysis_id = message.get("analysisId", self.analysis_id)
            self.pending = None
            if "seq" not in message:
                yield message
                continue
            # Functions push at the same time, and again when they are tried again.
            if message["seq"] > self._last:
                self._ahead[message["seq"]] = message
            while (following := self._ahead.pop(self._last + 1, None)) is not None:
                self._last += 1
                yield following

    async def _log_in_again(self) -> str:
        began = time.monotonic()
        while True:
            try:
                token = await asyncio.to_thread(self.log_in)
                async with AgentClient(self.url, token):
                    return token
            except (LoginFailed, ConnectionRefused, OSError) as error:
                passed = time.monotonic() - began
                if isinstance(error, ConnectionRefused) and not error.may_pass:
                    if passed > REFUSED_SECONDS:
                        raise AnalysisLost(f"the connection is refused: {error}") from error
                elif passed > RECONNECT_SECONDS:
                    raise AnalysisLost(f"the cloud did not come back: {error}") from error
                await asyncio.sleep(RETRY_SECONDS)
