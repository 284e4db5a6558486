"""``SECRET_HASH``: that a caller knows its app client's secret.

https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#cognito-user-pools-computing-secret-hash
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from local_cloud.engine.cognito.errors import not_authorized


def secret_hash(username: str, client_id: str, secret: str) -> str:
    """Return HMAC-SHA256 of user name and client id under the secret, in Base64."""
    message = _bytes(username + client_id)
    return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()


def check_secret_hash(
    username: str, client_id: str, secret: str | None, received: str | None
) -> None:
    """Refuse a call whose hash is not the client's.

    Args:
        username: as the caller has written it.
        secret: the client's; ``None`` for a public client.
        received: what the caller sent.

    Raises:
        CommonServiceException: ``NotAuthorizedException``: it is missing, wrong, or too much.
    """
    if secret is None:
        if received:
            raise not_authorized(
                f"Client {client_id} is not configured for secret but secret hash was received"
            )
        return
    if not received:
        raise not_authorized(
            f"Client {client_id} is configured with secret but SECRET_HASH was not received"
        )
    if not hmac.compare_digest(secret_hash(username, client_id, secret).encode(), _bytes(received)):
        raise not_authorized(f"Unable to verify secret hash for client {client_id}")


def check_client_secret(client_id: str, secret: str | None, received: str | None) -> None:
    """Refuse a call that carries the secret itself, where it is not the client's.

    Raises:
        CommonServiceException: ``NotAuthorizedException``.
    """
    if secret is None and not received:
        return
    if not hmac.compare_digest(_bytes(secret or ""), _bytes(received or "")) or not received:
        raise not_authorized(f"Unable to verify client secret for client {client_id}")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
