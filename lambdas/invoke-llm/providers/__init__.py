"""The model behind the agent, chosen by the secret that ``LLM_SECRET`` names."""

import json
import os
import time
from collections.abc import Callable
from typing import Any, Protocol

from agent_common.aws import secrets
from agent_common.conversation import Message
from agent_common.errors import LlmMisconfigured

# A changed secret takes effect within this time.
CACHE_SECONDS = 5.0


class Provider(Protocol):
    """Answers a conversation with the assistant's next message."""

    def answer(self, messages: list[Message], on_text: Callable[[str], None]) -> Message:
        """Return the next message, passing its words to ``on_text`` as they come.

        Raises:
            LlmUnavailable: the model cannot be reached or takes too long.
            LlmInvalidResponse: the answer is not one that can be used.
        """

    def hang_up(self) -> None:
        """End an answer that another thread waits for; it fails there."""


_cached: tuple[float, str, Provider] | None = None


def configured_provider() -> Provider:
    """Return the provider that the secret describes."""
    global _cached
    now = time.monotonic()
    if _cached is not None and now - _cached[0] < CACHE_SECONDS:
        return _cached[2]
    value = secrets().get_secret_value(SecretId=os.environ["LLM_SECRET"])["SecretString"]
    provider = _cached[2] if _cached is not None and _cached[1] == value else make_provider(value)
    _cached = (now, value, provider)
    return provider


def make_provider(secret: str) -> Provider:
    """Return the provider that a secret's JSON describes.

    Raises:
        LlmMisconfigured: it is not JSON, lacks a setting, or names an unknown provider.
    """
    try:
        settings: Any = json.loads(secret)
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise LlmMisconfigured("The LLM secret is not a JSON object")
    # Imported when chosen: a cold start pays for one provider only.
    match settings.get("provider"):
        case "scripted":
            from providers.scripted import ScriptedProvider

            return ScriptedProvider()
        case "openai":
            from providers.openai_compatible import OpenAiProvider

            return OpenAiProvider(
                model=_setting(settings, "model"),
                api_key=_setting(settings, "apiKey"),
                base_url=settings.get("baseUrl") or None,
                timeout=float(settings.get("timeoutSeconds", 60)),
            )
        case "bedrock":
            from providers.bedrock import BedrockProvider

            return BedrockProvider(
                model=_setting(settings, "model"),
                region=settings.get("region") or None,
                endpoint=settings.get("endpoint") or None,
                timeout=float(settings.get("timeoutSeconds", 60)),
            )
        case other:
            raise LlmMisconfigured(
                f"The LLM secret names provider {other!r}; known are scripted, openai and bedrock"
            )


def _setting(settings: dict[str, Any], name: str) -> str:
    value = settings.get(name)
    if not isinstance(value, str) or not value:
        raise LlmMisconfigured(f"The LLM secret lacks {name!r}")
    return value
