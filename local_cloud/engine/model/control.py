"""Bedrock's API about models: which there are, and by which profiles they are asked.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.core import ServiceRequest, ServiceResponse
from localstack.services.plugins import Service

from local_aws.account import ACCOUNT_ID
from local_cloud.engine.model.catalog import FoundationModel, model_of, models
from local_cloud.engine.model.pieces import ModelFailed
from local_cloud.engine.service import picked, service_of

#: Of a model that is asked by profiles alone, those that are told.
_TOLD = ("us", "global")


class Bedrock:
    """Answers what is asked about models."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[RequestContext, dict[str, Any]], dict[str, Any]]] = {
            "ListFoundationModels": self.list_models,
            "GetFoundationModel": self.get_model,
            "ListInferenceProfiles": self.list_profiles,
            "GetInferenceProfile": self.get_profile,
        }

    def __call__(self, context: RequestContext, request: ServiceRequest) -> ServiceResponse:
        """Answer a call.

        Raises:
            CommonServiceException: it is wrong, or not answered here.
        """
        answer = picked(self.answers, context)
        return answer(context, dict(request))

    def list_models(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Return the models that fit."""
        provider = str(request.get("byProvider") or "").lower()
        output = request.get("byOutputModality")
        kind = request.get("byInferenceType")
        told = [
            one.as_json(context.region)
            for one in models().values()
            if not provider or provider == one.provider.lower()
        ]
        return {
            "modelSummaries": [
                one
                for one in told
                if (not output or output in one["outputModalities"])
                and (not kind or kind in one["inferenceTypesSupported"])
            ]
        }

    def get_model(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Return one model."""
        name = str(request["modelIdentifier"]).rpartition("/")[2]
        found = models().get(name)
        if found is None:
            raise _not_found(f"The provided model identifier is invalid: {name}")
        return {"modelDetails": found.as_json(context.region)}

    def list_profiles(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Return the system's inference profiles."""
        if request.get("typeEquals") == "APPLICATION":
            return {"inferenceProfileSummaries": []}
        return {
            "inferenceProfileSummaries": [
                _profile(context.region, f"{where}.{one.id}", one)
                for one in models().values()
                if one.by_profile
                for where in _TOLD
            ]
        }

    def get_profile(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Return one inference profile."""
        name = str(request["inferenceProfileIdentifier"]).rpartition("/")[2]
        try:
            found = model_of(name)
        except ModelFailed as error:
            raise _not_found(f"There is no inference profile {name}") from error
        if found.id == name:
            raise _not_found(f"{name} is a model, and no inference profile")
        return _profile(context.region, name, found)


def _profile(region: str, name: str, model: FoundationModel) -> dict[str, Any]:
    where = name.partition(".")[0]
    return {
        "inferenceProfileName": f"{where.upper()} {model.name}",
        "inferenceProfileId": name,
        "inferenceProfileArn": f"arn:aws:bedrock:{region}:{ACCOUNT_ID}:inference-profile/{name}",
        "models": [{"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{model.id}"}],
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }


def _not_found(words: str) -> CommonServiceException:
    return CommonServiceException("ResourceNotFoundException", words, 404, sender_fault=True)


def bedrock() -> Service:
    """Return the service."""
    return service_of("bedrock", Bedrock())
