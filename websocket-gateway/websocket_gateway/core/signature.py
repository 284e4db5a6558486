"""Whether a request is signed (Signature Version 4). By whom, the engine knows: it has the secrets.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

NO_BODY = hashlib.sha256(b"").hexdigest()


def is_signed(headers: Mapping[str, str], query: Mapping[str, str] | None = None) -> bool:
    """Return whether a request carries a signature.

    Args:
        headers: by names in lower case.
        query: its parameters, for a request that may be signed there.
    """
    return headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 ") or (
        query is not None and "X-Amz-Signature" in query
    )
