"""Bedrock's runtime: conversations, whole or streamed.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.core import ServiceRequest
from localstack.http import Response
from localstack.services.plugins import Service

from local_aws.event_stream import event, exception
from local_cloud.engine.model.answers import Event, events, limited, whole
from local_cloud.engine.model.catalog import model_of
from local_cloud.engine.model.models_file import ModelsFile
from local_cloud.engine.model.pieces import Asked, ModelFailed, Piece
from local_cloud.engine.model.validation import asked_of
from local_cloud.engine.service import service_of

LOG = logging.getLogger(__name__)

STREAM = "application/vnd.amazon.eventstream"
#: What a stream can end with; anything else that fails is said to be the last of them.
_AMID = {
    "ModelStreamErrorException": "modelStreamErrorException",
    "ServiceUnavailableException": "serviceUnavailableException",
    "ThrottlingException": "throttlingException",
    "ValidationException": "validationException",
    "InternalServerException": "internalServerException",
}


class BedrockRuntime:
    """Answers the operations that ask a model."""

    def __init__(self, models: ModelsFile) -> None:
        self.models = models
        self.answers: dict[str, Callable[[str, Any], Response]] = {
            "Converse": self.converse,
            "ConverseStream": self.converse_stream,
            "CountTokens": self.count_tokens,
        }

    def __call__(self, context: RequestContext, request: ServiceRequest) -> Response:
        """Answer a call.

        Raises:
            CommonServiceException: it is wrong, or not answered here.
        """
        name = context.operation.name if context.operation is not None else ""
        answer = self.answers.get(name)
        if answer is None:
            raise NotImplementedError(f"Bedrock's {name} is not answered here")
        try:
            # As it was sent: a tool's schema and input are whatever JSON they are.
            body = json.loads(context.request.get_data() or b"{}")
            return answer(str(dict(request)["modelId"]), body)
        except ModelFailed as failed:
            status = failed.status
            raise CommonServiceException(
                failed.code, str(failed), status, sender_fault=status < 500
            ) from failed

    def converse(self, model: str, body: dict[str, Any]) -> Response:
        """Answer a conversation in one piece."""
        asked, pieces = self._ask(model, body)
        return Response.for_json(whole(pieces, asked))

    def converse_stream(self, model: str, body: dict[str, Any]) -> Response:
        """Answer a conversation as the model speaks."""
        asked, pieces = self._ask(model, body)
        # What fails before the first word is answered by its status.
        first = next(pieces, None)
        begun = chain([first] if first is not None else [], pieces)
        return Response(
            _frames(events(begun, asked), pieces),
            headers={"Content-Type": STREAM},
            direct_passthrough=True,
        )

    def count_tokens(self, model: str, body: dict[str, Any]) -> Response:
        """Say about how long a conversation is."""
        said = (body.get("input") or {}).get("converse")
        if said is None:
            raise ModelFailed("ValidationException", "input: only converse is counted here")
        return Response.for_json({"inputTokens": self._asked(model, said).tokens})

    def _asked(self, model: str, body: dict[str, Any]) -> Asked:
        found = model_of(model, self.models.named)
        asked = asked_of(found.id, body)
        if asked.tokens > found.context:
            raise ModelFailed("ValidationException", "Input is too long for requested model.")
        return asked

    def _ask(self, model: str, body: dict[str, Any]) -> tuple[Asked, Iterator[Piece]]:
        asked = self._asked(model, body)
        answers, heeds = self.models.model_for(asked.model)
        pieces = answers.answer(asked)
        return asked, pieces if heeds else limited(pieces, asked)


def _frames(told: Iterator[Event], pieces: Iterator[Piece]) -> Iterator[bytes]:
    try:
        for name, payload in told:
            yield event(name, json.dumps(payload).encode())
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
