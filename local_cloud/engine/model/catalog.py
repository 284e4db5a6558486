"""Which models and inference profiles there are.

``models.json`` lists them as of its date; what a models file names by its whole id is one, too.
https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from local_cloud.engine.model.pieces import ModelFailed

#: Where inference profiles route to, as their names begin.
PROFILES = ("us", "eu", "apac", "jp", "au", "global")
_PROFILE = re.compile(rf"(?:{'|'.join(PROFILES)})\.(.+)")
_ARN = re.compile(r"arn:aws[\w-]*:bedrock:[\w-]*:\d*:(foundation-model|inference-profile)/(.+)")


@dataclass(frozen=True)
class FoundationModel:
    """A model as Bedrock's API tells it.

    Args:
        context: how many tokens it takes.
        by_profile: whether it is asked by inference profiles alone.
    """

    id: str
    name: str
    provider: str
    context: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    by_profile: bool = False

    def as_json(self, region: str) -> dict[str, Any]:
        """Return its ``FoundationModelSummary``."""
        return {
            "modelArn": f"arn:aws:bedrock:{region}::foundation-model/{self.id}",
            "modelId": self.id,
            "modelName": self.name,
            "providerName": self.provider,
            "inputModalities": list(self.inputs),
            "outputModalities": list(self.outputs),
            "responseStreamingSupported": "TEXT" in self.outputs,
            "customizationsSupported": [],
            "inferenceTypesSupported": ["INFERENCE_PROFILE" if self.by_profile else "ON_DEMAND"],
            "modelLifecycle": {"status": "ACTIVE"},
        }


@cache
def models() -> Mapping[str, FoundationModel]:
    """Return the models by their ids."""
    told = json.loads(Path(__file__).with_name("models.json").read_text())
    return {
        one["id"]: FoundationModel(
            **{**one, "inputs": tuple(one["inputs"]), "outputs": tuple(one["outputs"])}
        )
        for one in told["models"]
    }


def model_of(name: str, named: frozenset[str] = frozenset()) -> FoundationModel:
    """Return the model that an id, a profile's or an ARN means.

    Args:
        named: further ids that there are.

    Raises:
        ModelFailed: there is none, or it is not asked in this way.
    """
    match = _ARN.fullmatch(name)
    kind, name = (match[1], match[2]) if match else ("", name)
    profile = _PROFILE.fullmatch(name)
    found = _find(profile[1] if profile else name, named)
    if found is None or (kind == "foundation-model" and profile):
        raise ModelFailed("ValidationException", "The provided model identifier is invalid.")
    if found.by_profile and not profile:
        raise ModelFailed(
            "ValidationException",
            f"Invocation of model ID {found.id} with on-demand throughput isn\u2019t supported. "
            "Retry your request with the ID or ARN of an inference profile that contains this "
            "model.",
        )
    return found


def _find(name: str, named: frozenset[str]) -> FoundationModel | None:
    if (found := models().get(name)) is not None:
        return found
    if name not in named:
        return None
    return FoundationModel(name, name, name.partition(".")[0], 200_000, ("TEXT",), ("TEXT",))
