"""A machine that is switched off amid an analysis: the user finds everything, and its end."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from local_cloud.client import AgentClient, Message, demo_login, log_in
from local_cloud.processes import family, send, wait_gone
from tests.conftest import own_stack
from tests.stack import Stack, analyse, within

pytestmark = pytest.mark.embedded("Docker's containers end with the machine, the volumes stay")


def switch_off(stack: Stack) -> None:
    """Kill every process of the cloud at once."""
    processes = family(stack.state().pid)
    send(processes, signal.SIGSTOP)  # so that none notices the end of another
    send(processes, signal.SIGKILL)
    assert wait_gone(processes, 20) == []


async def begun(stack: Stack, token: str) -> list[Message]:
    """Ask, and hear a tool begin."""
    async with AgentClient(stack.ports.websocket_url, token) as agent:
        await agent.send("analyze", question="What did the programme do?", dataset="nsw")
        return await agent.receive_until(lambda message: message["type"] == "tool.started")


async def gone_on(stack: Stack, token: str, heard: list[Message]) -> list[Message]:
    """Come back for the rest, and answer what is asked."""
    analysis = heard[-1]["analysisId"]
    messages: list[Message] = []
    async with AgentClient(stack.ports.websocket_url, token) as agent:
        last = max(message.get("seq", 0) for message in heard)
        await agent.send("resume", analysisId=analysis, lastSeq=last)
        while not messages or messages[-1]["type"] != "finished":
            messages.append(await asyncio.wait_for(agent.receive(), 60))
            if messages[-1]["type"] == "prompt":
                prompt = messages[-1]["promptId"]
                await agent.send("reply", analysisId=analysis, promptId=prompt, answer="randomised")
    return messages


async def listed(stack: Stack, token: str) -> dict[str, Any]:
    async with AgentClient(stack.ports.websocket_url, token) as agent:
        await agent.send("status")
        (told,) = await agent.receive_until(lambda message: "analyses" in message)
    return {one["analysisId"]: one["status"] for one in told["analyses"]}


async def one_after_the_other(stack: Stack, token: str) -> list[Message]:
    async with AgentClient(stack.ports.websocket_url, token) as agent:
        return await analyse(agent)


def test_a_machine_that_is_switched_off_amid_an_analysis(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    own = own_stack(tmp_path_factory.mktemp("switched-off"))
    with own as stack:
        login = demo_login(stack.ports)
        token = log_in(login, stack.ports)
        earlier = within(one_after_the_other(stack, token))[-1]
        heard = within(begun(stack, token))
        switch_off(stack)

        again = own.__enter__()
        assert demo_login(again.ports) == login, "the same password"
        token = log_in(login, again.ports)
        known = within(listed(again, token))
        assert known[earlier["analysisId"]] == "SUCCEEDED"
        assert heard[-1]["analysisId"] in known
        rest = within(gone_on(again, token, heard))
        assert rest[-1]["status"] == "SUCCEEDED", rest[-1]
        numbers = [message["seq"] for message in [*heard, *rest] if "seq" in message]
        assert sorted(set(numbers)) == list(range(1, max(numbers) + 1)), "nothing is left out"
