"""An analysis' state: every write can be repeated, and only its own user reaches it."""

from __future__ import annotations

import pytest

from agent_common import analyses
from agent_common.errors import AnalysisNotFound, PromptNotOpen
from tests.unit.lambdas.conftest import Pushed

PROMPT = {"promptId": "1.call_ask", "question": "Random?", "options": ["yes", "no"]}


@pytest.fixture
def analysis(cloud: Pushed) -> str:
    assert analyses.create("a1", "alice", "c1", "Why?", "nsw", 20)
    return "a1"


def test_a_second_create_changes_nothing(analysis: str) -> None:
    assert not analyses.create(analysis, "mallory", "c9", "Other?", "nhefs", 1)
    assert analyses.get(analysis)["userId"] == "alice"


def test_another_user_is_told_that_there_is_no_such_analysis(analysis: str) -> None:
    with pytest.raises(AnalysisNotFound) as foreign:
        analyses.get_own(analysis, "mallory")
    with pytest.raises(AnalysisNotFound) as missing:
        analyses.get_own("a2", "mallory")
    assert foreign.value.message.replace("a1", "a2") == missing.value.message


def test_a_prompt_is_answered_once(analysis: str) -> None:
    assert analyses.open_prompt(analysis, PROMPT, "token")
    assert analyses.get(analysis)["status"] == analyses.AWAITING_REPLY
    prompt_id = str(PROMPT["promptId"])
    assert analyses.token_of_prompt(analyses.get(analysis), prompt_id) == "token"
    analyses.close_prompt(analysis, prompt_id)
    assert analyses.get(analysis)["status"] == analyses.RUNNING
    with pytest.raises(PromptNotOpen):
        analyses.token_of_prompt(analyses.get(analysis), prompt_id)
    analyses.close_prompt(analysis, prompt_id)  # once more does no harm


def test_an_answer_to_another_prompt_leaves_the_open_one(analysis: str) -> None:
    analyses.open_prompt(analysis, PROMPT, "token")
    with pytest.raises(PromptNotOpen):
        analyses.token_of_prompt(analyses.get(analysis), "another")
    analyses.close_prompt(analysis, "another")
    assert analyses.get(analysis)["prompt"]["promptId"] == PROMPT["promptId"]


def test_an_analysis_ends_once(analysis: str) -> None:
    assert analyses.end(analysis, analyses.SUCCEEDED, {"summary": "first"})
    assert not analyses.end(analysis, analyses.FAILED, {"summary": "second"})
    assert analyses.get(analysis)["outcome"] == {"summary": "first"}


def test_nothing_is_asked_of_the_user_after_the_end(analysis: str) -> None:
    analyses.end(analysis, analyses.CANCELLED, {})
    assert not analyses.open_prompt(analysis, PROMPT, "token")


def test_what_is_known_of_an_analysis_expires(analysis: str) -> None:
    item = analyses.get(analysis)
    assert item["expiresAt"] - item["createdAt"] == analyses.KEEP_SECONDS
