"""What tests ask models, and how they leave them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from local_aws.aws_api import authorization
from tests.stack import until


def user(text: str) -> dict[str, Any]:
    """Return a message of the user's."""
    return {"role": "user", "content": [{"text": text}]}


def model_calls(engine_url: str) -> list[dict[str, Any]]:
    """Return the last calls of models, the newest first."""
    calls: list[dict[str, Any]] = _told(engine_url, "calls")["calls"]
    return calls


def call_of(engine_url: str, model: str) -> dict[str, Any]:
    """Return all that is told of the last call of a model."""
    found = next(one for one in model_calls(engine_url) if one["model"] == model)
    return _told(engine_url, f"calls/{found['id']}")


def _told(engine_url: str, path: str) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{engine_url}/_models/{path}", trust_env=False).json()
    return told


def ask_and_leave(engine_url: str, model: str, text: str, operation: str) -> list[dict[str, Any]]:
    """Ask a model that falls silent, and leave; return its calls when they have ended.

    Args:
        operation: as the path has it.
    """
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{engine_url}/model/{model}/{operation}",
            json={"messages": [user(text)]},
            headers={"Authorization": authorization("bedrock")},
            timeout=httpx.Timeout(30, read=1),
            trust_env=False,
        )

    def ended() -> list[dict[str, Any]] | None:
        found = [one for one in model_calls(engine_url) if one["asks"] == text]
        return found if all(one["ms"] is not None for one in found) else None

    return until(ended, 30)
