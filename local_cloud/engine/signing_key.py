"""The RSA key that signs Cognito tokens, generated once per installation."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from joserfc import jwk, jwt


def load_or_create(path: Path) -> jwk.RSAKey:
    """Return the private key at ``path``, creating it (mode 0600) where there is none.

    The key id is the key's RFC 7638 thumbprint, so that it changes when the key does.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(jwk.RSAKey.generate_key(2048).as_pem(private=True))
        with contextlib.suppress(FileExistsError):  # another process was first
            os.link(draft, path)
        draft.unlink()
    key = jwk.RSAKey.import_key(path.read_bytes(), {"alg": "RS256", "use": "sig"})
    key.ensure_kid()
    return key


class InstallationSigner:
    """Takes the place of joserfc's modules ``jwt`` and ``jwk`` inside moto's Cognito.

    moto signs with a private key that it publishes, under the key id "dummy"; anyone could
    forge such a token. This signer never reads that key and uses the installation's own.
    """

    #: As ``jwk.RSAKey``: each pool reads "its" key.
    @property
    def RSAKey(self) -> InstallationSigner:  # noqa: N802
        return self

    def import_key(self, published: str) -> jwk.RSAKey:
        return self.key

    def __init__(self, key: jwk.RSAKey) -> None:
        self.key = key

    def encode(self, header: dict[str, object], claims: dict[str, object], key: object) -> str:
        token: str = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        return token

    def public_key_set(self) -> dict[str, list[dict[str, object]]]:
        """Return the JWKS document (RFC 7517 section 5): public parameters only."""
        return {"keys": [dict(self.key.as_dict(private=False))]}
