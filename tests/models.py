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
        calls = httpx.get(f"{engine_url}/_models/calls", trust_env=False).json()["calls"]
        found = [one for one in calls if one["asks"] == text]
        return found if all(one["ms"] is not None for one in found) else None

    return until(ended, 30)
