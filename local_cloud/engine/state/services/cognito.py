"""User pools name the key that signs their tokens; the key itself stays in its file."""

from __future__ import annotations

from typing import Any

from joserfc.jwk import RSAKey
from localstack.services.plugins import Service
from moto.cognitoidp.models import CognitoIdpUserPool

from local_cloud.engine.state.codec import made_anew


def prepare(_: Service) -> None:
    """Have pools written without their keys: all have the installation's."""
    made_anew("signing key", RSAKey, lambda _: None, lambda _: signing_key())


def signing_key() -> Any:
    """Return the key that a new pool gets, too."""
    return CognitoIdpUserPool.__init__.__globals__["jwk"].RSAKey.import_key("")
