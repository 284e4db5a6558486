"""Whether a request is signed (Signature Version 4). By whom, the engine knows: it has the secrets.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from local_aws.credentials import SIGNED_FOR
from local_aws.http_message import Request

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


def as_signed(request: Request, api: str) -> tuple[str, Mapping[str, str]]:
    """Return target and headers of a request as they were when it was signed.

    Who sends a request on to here, from the engine or from an address on AWS, tells for which URL
    it was signed. That counts where it means the same: its path, with the API before it or not.

    Args:
        api: the API's id.
    """
    url = urlsplit(request.headers.get(SIGNED_FOR) or "")
    meant = unquote(url.path)
    if not meant or unquote(request.path) not in (meant, f"/{api}{meant}"):
        return request.target, request.headers
    target = url.path + (f"?{url.query}" if url.query else "")
    return target, {**request.headers, "host": url.netloc}
