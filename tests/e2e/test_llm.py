"""An analysis with a model behind an OpenAI-compatible server: a good one, and bad ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from local_cloud.client import Message
from tests.conftest import own_stack
from tests.e2e.llm_server import LlmServer
from tests.stack import Stack, analyse, within
from tests.unit.lambdas.causal_tools import confounded, estimate

pytestmark = pytest.mark.embedded("its LLM server is on the host's loopback")

KEY = "sk-not-to-be-seen"


@pytest.fixture(scope="module")
def server() -> Iterator[LlmServer]:
    server = LlmServer()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def llm_stack(server: LlmServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose agent asks this server, with a time-out of one second."""
    secret = {
        "provider": "openai",
        "baseUrl": server.url,
        "apiKey": KEY,
        "model": "test",
        "timeoutSeconds": 1,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_SECRET_VALUE", json.dumps(secret))
        with own_stack(tmp_path_factory.mktemp("llm")) as started:
            yield started


def ask(stack: Stack, question: str) -> list[Message]:
    async def run() -> list[Message]:
        async with stack.connect() as agent:
            return await analyse(agent, "nsw", question)

    return within(run())


def test_a_models_tool_calls_are_run_and_its_words_are_streamed(
    llm_stack: Stack, server: LlmServer
) -> None:
    messages = ask(llm_stack, "plan: what did treat do to re78?")
    finished = messages[-1]
    assert finished["status"] == "SUCCEEDED"
    assert finished["summary"] == "The effect is 1794.34."
    said = "".join(m["text"] for m in messages if m["type"] == "llm.delta")
    assert said == "Let me look."
    tools = [m["tool"] for m in messages if m["type"] == "tool.finished"]
    assert sorted(tools) == ["estimate_effect", "profile_dataset"]
    assert server.keys == {f"Bearer {KEY}"}
    offered = {tool["function"]["name"] for tool in server.requests[-1]["tools"]}
    assert {"profile_dataset", "ask_user", "finish"} <= offered


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("unreachable server", "LlmUnavailable"),
        ("hang for ever", "LlmUnavailable"),
        ("overloaded server", "LlmUnavailable"),
        ("html instead of JSON", "LlmInvalidResponse"),
        ("silent model", "LlmInvalidResponse"),
        ("refuse my key", "LlmMisconfigured"),
    ],
)
def test_a_model_that_does_not_work_ends_the_analysis_with_the_reason(
    llm_stack: Stack, question: str, code: str
) -> None:
    finished = ask(llm_stack, question)[-1]
    assert (finished["status"], finished["code"]) == ("FAILED", code)
    assert KEY not in json.dumps(finished)


def test_a_model_that_calls_a_tool_that_is_not_there_is_told(llm_stack: Stack) -> None:
    messages = ask(llm_stack, "babble on")
    (called,) = [m for m in messages if m["type"] == "tool.finished"]
    assert called["ok"] is False
    assert "There is no tool 'no_such_tool'" in messages[-1]["summary"]


def do(stack: Stack, data: str | pd.DataFrame, *calls: tuple[str, dict[str, Any]]) -> list[Message]:
    """Have the model do these calls on a dataset, its own table or one of the kit's."""

    async def run() -> list[Message]:
        login = stack.new_user()
        name = data if isinstance(data, str) else "table"
        if not isinstance(data, str):
            name = stack.upload(login, name, data.to_csv(index=False).encode())
        async with stack.connect(stack.token(login)) as agent:
            return await analyse(agent, name, f"do {json.dumps(calls)}")

    return within(run())


def test_a_collider_is_refused_as_an_adjustment(llm_stack: Stack) -> None:
    edges = [["a", "t"], ["a", "c"], ["b", "c"], ["b", "y"], ["t", "y"]]
    table = pd.DataFrame({name: [0, 1, 1] * 10 for name in "tyabc"})
    effect = {"treatment": "t", "outcome": "y", "methods": ["ols"], "edges": edges}
    messages = do(llm_stack, table, ("estimate_effect", {**effect, "adjustment_set": ["c"]}))
    (called,) = [m for m in messages if m["type"] == "tool.finished"]
    assert called["ok"] is False
    assert "c is a collider on it" in called["output"]["error"]
    assert "Adjust for [] instead" in called["output"]["error"]


def test_a_model_that_claims_what_the_data_cannot_answer_is_contradicted(llm_stack: Stack) -> None:
    effect = {
        "treatment": "treat",
        "outcome": "re78",
        "adjustment_set": ["age", "educ", "black", "re74", "re75"],
        "methods": ["ols", "aipw"],
    }
    finished = do(llm_stack, "nsw_cps", ("estimate_effect", effect))[-1]
    assert finished["evidence"]["claim"] == "none"
    assert finished["summary"].startswith("These data cannot answer what treat does to re78: ")
    assert finished["summary"].endswith("All is well.")


def test_clusters_and_weights_reach_the_estimate(llm_stack: Stack) -> None:
    table = confounded(1, effect=1.0).assign(town=list(range(50)) * 20, w=[1, 3] * 500)
    effect = {"treatment": "t", "outcome": "y", "adjustment_set": ["a", "b"], "methods": ["aipw"]}
    call = ("estimate_effect", {**effect, "cluster": "town", "weights": "w"})
    finished = do(llm_stack, table, call)[-1]
    told = finished["estimates"]["aipw"]
    assert told == pytest.approx(estimate(table, **call[1])["estimates"]["aipw"])
    assert told != pytest.approx(estimate(table, **effect)["estimates"]["aipw"])


def test_an_answer_that_breaks_off_is_taken_back_and_asked_for_again(
    llm_stack: Stack, server: LlmServer
) -> None:
    server.requests.clear()
    messages = ask(llm_stack, "falter in the middle")
    types = [m["type"] for m in messages if m["type"].startswith("llm.")]
    restart = types.index("llm.restarted")
    words = [m for m in messages if m["type"].startswith("llm.")]
    assert "".join(m["text"] for m in words[:restart]).startswith("The head of ")
    said = "".join(m["text"] for m in words[restart + 1 :])
    assert said == messages[-1]["summary"] == "The head of try two, and its tail"
    assert {m["attempt"] for m in words[restart:]} == {2}


def test_the_key_is_in_no_log(llm_stack: Stack) -> None:
    assert llm_stack.home is not None
    for log in llm_stack.home.logs.glob("*.log"):
        assert KEY not in log.read_text(errors="replace"), log.name
