"""The two public documents of a pool that relying parties read.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from localstack.http import Request, Response, route

from local_cloud.engine.cognito.directory import find_pool
from local_cloud.engine.cognito.tokens import issuer
from local_cloud.engine.signing_key import InstallationSigner

POOL = "/<regex('[a-z0-9-]+_[0-9A-Za-z]+'):pool_id>/.well-known"


class WellKnownDocuments:
    """Serves a pool's JWKS and OpenID configuration on the engine's port."""

    def __init__(self, signer: InstallationSigner) -> None:
        self.signer = signer

    @route(f"{POOL}/jwks.json", methods=["GET"])
    def jwks(self, request: Request, pool_id: str) -> Response:
        if find_pool(pool_id) is None:
            return self._no_such_pool(pool_id)
        return Response.for_json(self.signer.public_key_set())

    @route(f"{POOL}/openid-configuration", methods=["GET"])
    def openid_configuration(self, request: Request, pool_id: str) -> Response:
        pool = find_pool(pool_id)
        if pool is None:
            return self._no_such_pool(pool_id)
        # The issuer is AWS's own, as in the tokens; only the place of the keys is local.
        return Response.for_json(
            {
                "issuer": issuer(pool),
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
