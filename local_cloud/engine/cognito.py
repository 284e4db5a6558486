"""Cognito user pools on LocalStack: moto's implementation, signed with the installation's key.

Adds the two public documents of a pool that relying parties read:
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

import os
from pathlib import Path

import moto.cognitoidp.models as moto_cognito
from localstack import config
from localstack.http import Request, Response, route
from localstack.services.edge import ROUTER
from localstack.services.moto import call_moto
from localstack.services.plugins import Service

from local_cloud.engine.service import service_of
from local_cloud.engine.signing_key import InstallationSigner, load_or_create

POOL = "/<regex('[a-z0-9-]+_[0-9A-Za-z]+'):pool_id>/.well-known"


def _find_pool(pool_id: str) -> moto_cognito.CognitoIdpUserPool | None:
    region = pool_id.partition("_")[0]
    for account in moto_cognito.cognitoidp_backends.values():
        if region in account and pool_id in account[region].user_pools:
            return account[region].user_pools[pool_id]
    return None


class WellKnownDocuments:
    """Serves a pool's JWKS and OpenID configuration on the engine's port."""

    def __init__(self, signer: InstallationSigner) -> None:
        self.signer = signer

    @route(f"{POOL}/jwks.json", methods=["GET"])
    def jwks(self, request: Request, pool_id: str) -> Response:
        if _find_pool(pool_id) is None:
            return self._no_such_pool(pool_id)
        return Response.for_json(self.signer.public_key_set())

    @route(f"{POOL}/openid-configuration", methods=["GET"])
    def openid_configuration(self, request: Request, pool_id: str) -> Response:
        pool = _find_pool(pool_id)
        if pool is None:
            return self._no_such_pool(pool_id)
        # The issuer is AWS's own, as in the tokens; only the place of the keys is local.
        return Response.for_json(
            {
                "issuer": f"https://cognito-idp.{pool.region}.amazonaws.com/{pool_id}",
                "jwks_uri": f"{request.host_url.rstrip('/')}/{pool_id}/.well-known/jwks.json",
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code", "token"],
                "subject_types_supported": ["public"],
                "token_endpoint_auth_methods_supported": [
                    "client_secret_basic",
                    "client_secret_post",
                ],
            }
        )

    @staticmethod
    def _no_such_pool(pool_id: str) -> Response:
        return Response.for_json(
            {
                "code": "ResourceNotFoundException",
                "message": f"User pool {pool_id} does not exist.",
            },
            status=404,
        )


def user_pools() -> Service:
    """Return the Cognito user pools service."""
    key_file = os.environ.get("COGNITO_SIGNING_KEY_FILE")
    default = Path(config.dirs.data) / "cognito-signing-key.pem"
    signer = InstallationSigner(load_or_create(Path(key_file) if key_file else default))
    moto_cognito.jwt = moto_cognito.jwk = signer
    ROUTER.add(WellKnownDocuments(signer))
    return service_of("cognito-idp", lambda context, request: call_moto(context))
