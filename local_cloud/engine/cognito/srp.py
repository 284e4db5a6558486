"""The server's side of Secure Remote Password (SRP-6a), as user pools and their SDKs compute it.

RFC 5054 section 2 with the 3072-bit group of appendix A, SHA-256 for SHA-1, and Cognito's own key
derivation and signature. Numbers are hashed as two's complement, as Java's ``BigInteger`` writes
them: with a leading zero byte where the first bit is set.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

#: RFC 3526 section 4, which RFC 5054 takes.
N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33"
    "A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864"
    "D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2"
    "08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2
#: RFC 5054 section 3.1 asks for a private value of 256 bits at least.
SALT_BYTES, PRIVATE_BYTES, KEY_BYTES = 16, 32, 16
_INFO = b"Caldera Derived Key\x01"
#: ``Tue Apr 4 09:05:02 UTC 2023``: day and month in English, the day of the month without zeros.
_TIMESTAMP = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    r"[1-9][0-9]? [0-9]{2}:[0-9]{2}:[0-9]{2} UTC [0-9]{4}"
)


def _encoded(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1)


def _text(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # JSON can hold half of a pair


def _hash(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest())


K = _hash(_encoded(N), _encoded(G))


def verifier(pool_name: str, username: str, password: str, salt: int) -> int:
    """Return what a pool keeps in place of a password: g to the power of x.

    Args:
        pool_name: a pool's id after the underscore.
        username: the user's ``USER_ID_FOR_SRP``.
    """
    identity = hashlib.sha256(_text(f"{pool_name}{username}:{password}")).digest()
    return pow(G, _hash(_encoded(salt), identity), N)


def new_salt() -> int:
    """Return a random salt for a user."""
    return int.from_bytes(secrets.token_bytes(SALT_BYTES))


def is_public_value(text: str) -> bool:
    """Return whether a hexadecimal text can be the client's A.

    RFC 5054 section 2.5.4: A mod N may not be zero, with which every password would be right.
    """
    return re.fullmatch(r"[0-9A-Fa-f]{1,1024}", text) is not None and int(text, 16) % N != 0


@dataclass(frozen=True)
class Exchange:
    """The numbers of one sign-in, as hexadecimal text: its b, B and A."""

    private: str
    public: str
    client: str

    @classmethod
    def begin(cls, verifier: int, client: str) -> Exchange:
        """Answer a client's A (which :func:`is_public_value`) with a B of our own."""
        private = int.from_bytes(secrets.token_bytes(PRIVATE_BYTES))
        public = (K * verifier + pow(G, private, N)) % N
        return cls(f"{private:x}", f"{public:x}", client)

    def key(self, verifier: int) -> bytes:
        """Return the key that both sides have, if the client's password is the user's."""
        a, b = int(self.client, 16), int(self.public, 16)
        scramble = _hash(_encoded(a), _encoded(b))
        shared = pow(a * pow(verifier, scramble, N), int(self.private, 16), N)
        seed = hmac.digest(_encoded(scramble), _encoded(shared), hashlib.sha256)
        return hmac.digest(seed, _INFO, hashlib.sha256)[:KEY_BYTES]


def is_timestamp(text: str) -> bool:
    """Return whether a text is a ``TIMESTAMP`` as the SDKs write it."""
    return _TIMESTAMP.fullmatch(text) is not None


def signature(key: bytes, pool_name: str, username: str, block: bytes, timestamp: str) -> str:
    """Return the ``PASSWORD_CLAIM_SIGNATURE`` of a secret block, in Base64."""
    message = _text(f"{pool_name}{username}") + block + timestamp.encode()
    return base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()


def is_signature(expected: str, received: str) -> bool:
    """Compare two signatures in a time that does not depend on where they differ."""
    try:
        given = base64.b64decode(received, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(base64.b64decode(expected), given)
