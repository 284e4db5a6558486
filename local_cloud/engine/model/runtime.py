"""Bedrock's runtime: conversations, whole or streamed.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.core import ServiceRequest
from localstack.http import Response
from localstack.services.plugins import Service

from local_aws.event_stream import event, exception
from local_aws.json_text import loads
from local_cloud.engine import spans
from local_cloud.engine.caller import Caller, CallerLeft
from local_cloud.engine.model import anthropic_messages, embeddings
from local_cloud.engine.model.answers import Event, events, whole
from local_cloud.engine.model.calls import CALLS
from local_cloud.engine.model.catalog import FoundationModel, model_of
from local_cloud.engine.model.models_file import ModelsFile
from local_cloud.engine.model.overrides import OVERRIDES
from local_cloud.engine.model.pieces import Asked, Heard, Model, ModelFailed, malformed
from local_cloud.engine.model.validation import asked_of
from local_cloud.engine.service import picked, service_of

#: What is written down for one whom no answer reaches: nobody is told.
LEFT = 499
STREAM = "application/vnd.amazon.eventstream"
#: What a stream can end with; anything else that fails is said to be the last of them.
_AMID = {
    "ModelStreamErrorException": "modelStreamErrorException",
    "ServiceUnavailableException": "serviceUnavailableException",
    "ThrottlingException": "throttlingException",
    "ValidationException": "validationException",
    "InternalServerException": "internalServerException",
}


@dataclass(frozen=True)
class Question:
    """A call of an operation.

    Args:
        model: as the path has it.
        body: as it was sent: a tool's schema and input are whatever JSON they are.
    """

    model: str
    body: dict[str, Any]
    caller: Caller


class BedrockRuntime:
    """Answers the operations that ask a model."""

    def __init__(self, models: ModelsFile) -> None:
        self.models = models
        self.answers: dict[str, Callable[[Question], Response]] = {
            "Converse": self.converse,
            "ConverseStream": self.converse_stream,
            "InvokeModel": self.invoke,
            "InvokeModelWithResponseStream": self.invoke_stream,
            "CountTokens": self.count_tokens,
            "ApplyGuardrail": self.apply_guardrail,
        }

    def __call__(self, context: RequestContext, request: ServiceRequest) -> Response:
        """Answer a call.

        Raises:
            CommonServiceException: it is wrong, or not answered here.
        """
        answer = picked(self.answers, context)
        try:
            model = str(dict(request).get("modelId"))
            return answer(
                Question(
                    model,
                    _json(context.request.get_data() or b"{}"),
                    Caller.of(context.request.environ),
                )
            )
        except CallerLeft:
            return Response(status=LEFT)
        except ModelFailed as failed:
            status = failed.status
            raise CommonServiceException(
                failed.code, str(failed), status, sender_fault=status < 500
            ) from failed

    def converse(self, question: Question) -> Response:
        """Answer a conversation in one piece."""
        asked, pieces = self._ask(self._model(question.model), question.body, question.caller)
        return Response.for_json(whole(pieces, asked))

    def converse_stream(self, question: Question) -> Response:
        """Answer a conversation as the model speaks."""
        return _stream(
            *_begun(*self._ask(self._model(question.model), question.body, question.caller))
        )

    def invoke(self, question: Question) -> Response:
        """Answer in the form of the model's own maker."""
        found, body = self._model(question.model), question.body
        if found.id in embeddings.DIMENSIONS:
            return Response.for_json(embeddings.answer_of(found.id, body))
        is_anthropic = _is_anthropic(found)
        asked, pieces = self._ask(found, _converse(body) if is_anthropic else body, question.caller)
        answer = whole(pieces, asked)
        if is_anthropic:
            answer = anthropic_messages.message_of(found.id, answer)
        else:
            del answer["metrics"]
        tokens = {"Input": asked.tokens, "Output": _spoken(answer)}
        return Response.for_json(
            answer,
            headers={f"X-Amzn-Bedrock-{k}-Token-Count": str(v) for k, v in tokens.items()},
        )

    def invoke_stream(self, question: Question) -> Response:
        """Answer in the form of the model's own maker, as it speaks."""
        found, body = self._model(question.model), question.body
        if found.id in embeddings.DIMENSIONS:
            raise ModelFailed("ValidationException", "The model is unsupported for streaming")
        is_anthropic = _is_anthropic(found)
        asked, pieces = self._ask(found, _converse(body) if is_anthropic else body, question.caller)
        began = time.monotonic()
        told, pieces = _begun(asked, pieces)
        first = round((time.monotonic() - began) * 1000)
        chunks = anthropic_messages.Chunks(found.id, asked.tokens, first)

        def made(name: str, payload: dict[str, Any]) -> Iterator[Event]:
            if is_anthropic:
                yield from map(_chunk, chunks.of(name, payload))
            else:
                yield _chunk({name: payload})

        return _stream(([one for e in group for one in made(*e)] for group in told), pieces)

    def count_tokens(self, question: Question) -> Response:
        """Say about how long a conversation is."""
        found = self._model(question.model)
        match question.body.get("input"):
            case {"converse": dict(said)}:
                return Response.for_json({"inputTokens": self._asked(found, said).tokens})
            case {"invokeModel": {"body": str(data)}}:
                said = _json(_decoded(data))
                said = _converse(said) if _is_anthropic(found) else said
                return Response.for_json({"inputTokens": self._asked(found, said).tokens})
        raise malformed("input: converse or invokeModel is expected")

    @staticmethod
    def apply_guardrail(_: Question) -> Response:
        """Let everything pass, and say so."""
        policies = ("topic", "content", "word", "sensitiveInformation", "contextualGrounding")
        return Response.for_json(
            {
                "usage": {f"{name}PolicyUnits": 0 for name in policies}
                | {"sensitiveInformationPolicyFreeUnits": 0},
                "action": "NONE",
                "actionReason": "Guardrails are not evaluated here: everything passes.",
                "outputs": [],
                "assessments": [],
            }
        )

    def _model(self, name: str) -> FoundationModel:
        return model_of(name, self.models.named)

    @staticmethod
    def _asked(model: FoundationModel, body: dict[str, Any]) -> Asked:
        if "TEXT" not in model.outputs:
            raise ModelFailed(
                "ValidationException",
                "This action doesn't support the model that you provided. Try again with a "
                "supported text or chat model.",
            )
        try:
            asked = asked_of(model.id, body)
        except (AttributeError, KeyError, TypeError) as error:
            raise malformed(repr(error)) from error
        if asked.tokens > model.context:
            raise ModelFailed("ValidationException", "Input is too long for requested model.")
        return asked

    def _ask(
        self, model: FoundationModel, body: dict[str, Any], caller: Caller
    ) -> tuple[Asked, Iterator[Heard]]:
        asked = self._asked(model, body)
        kept = CALLS.begin(asked, getattr(spans.here, "header", None))
        override = OVERRIDES.now
        if override is not None:
            override.calls.append(kept)

        def others() -> Model:
            return self.models.model_for(asked.model)

        def answer() -> Iterator[Heard]:
            model = override.model(others) if override is not None else others()
            return model.answer(asked, caller)

        return asked, kept.heard(answer, caller)


def _begun(asked: Asked, pieces: Iterator[Heard]) -> tuple[Iterator[list[Event]], Iterator[Heard]]:
    """Return the events of an answer that has begun: what fails before is answered by a status."""
    began = time.monotonic()
    first = next(pieces, None)
    return events(chain([first] if first is not None else [], pieces), asked, began), pieces


def _is_anthropic(model: FoundationModel) -> bool:
    """Return whether it speaks Anthropic's form, or Nova's, which is that of Converse.

    Raises:
        ModelFailed: it speaks neither.
    """
    if model.id.startswith("anthropic."):
        return True
    if model.id.startswith("amazon.nova"):
        return False
    raise ModelFailed(
        "ValidationException",
        f"InvokeModel is answered here for the bodies of Anthropic, Nova and Titan's embeddings: "
        f"ask {model.id} by Converse",
    )


def _converse(body: dict[str, Any]) -> dict[str, Any]:
    try:
        return anthropic_messages.to_converse(body)
    except (AttributeError, KeyError, TypeError) as error:
        raise malformed(repr(error)) from error


def _spoken(answer: dict[str, Any]) -> int:
    usage = answer["usage"]
    return int(usage.get("output_tokens", usage.get("outputTokens", 0)))


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise malformed(str(error)) from error


def _json(data: bytes) -> dict[str, Any]:
    try:
        body = loads(data)
    except ValueError as error:
        raise malformed(str(error)) from error
    if not isinstance(body, dict):
        raise malformed("expected type: JSONObject")
    return body


def _chunk(said: dict[str, Any]) -> Event:
    return "chunk", {"bytes": base64.b64encode(json.dumps(said).encode()).decode()}


def _stream(told: Iterator[list[Event]], pieces: Iterator[Heard]) -> Response:
    return Response(
        _frames(told, pieces), headers={"Content-Type": STREAM}, direct_passthrough=True
    )


def _frames(told: Iterator[list[Event]], pieces: Iterator[Heard]) -> Iterator[bytes]:
    try:
        for group in told:
            yield b"".join(event(name, json.dumps(payload).encode()) for name, payload in group)
    except CallerLeft:
        return
    except ModelFailed as failed:
        kind = _AMID.get(failed.code, "modelStreamErrorException")
        yield exception(kind, json.dumps({"message": str(failed)}).encode())
    finally:
        # A client that has gone: what it asked is asked no more.
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def bedrock_runtime() -> Service:
    """Return the service."""
    return service_of("bedrock-runtime", BedrockRuntime(ModelsFile.from_environment()))
