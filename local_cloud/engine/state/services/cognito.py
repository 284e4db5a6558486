"""User pools name the key that signs their tokens; the key itself stays in its file.

Their triggers run with what the provisioning makes, too.
"""

from __future__ import annotations

from typing import Any

from joserfc.jwk import RSAKey
from localstack.services.plugins import Service
from moto.cognitoidp.models import CognitoIdpUserPool, cognitoidp_backends

from local_cloud.engine.state.codec import made_anew


def prepare(_: Service) -> None:
    """Have pools written without their keys: all have the installation's."""
    made_anew("signing key", RSAKey, lambda _: None, lambda _: signing_key())


def quiet(_: Service) -> None:
    """Have pools without triggers."""
    for regions in cognitoidp_backends.values():
        for backend in regions.values():
            for pool in backend.user_pools.values():
                pool.extended_config.pop("LambdaConfig", None)


def signing_key() -> Any:
    """Return the key that a new pool gets, too."""
    return CognitoIdpUserPool.__init__.__globals__["jwk"].RSAKey.import_key("")
