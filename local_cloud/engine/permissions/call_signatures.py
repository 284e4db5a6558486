"""Signatures of calls of the engine's APIs by keys that IAM or STS has made here: verified.

What is signed with another key passes unverified, as an unsigned call does: with ``test`` and with
account ids LocalStack's own tools send signatures that they make up, functions' secret is that very
word, and of any other key nobody knows the secret.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
"""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Response

#: What the ids of keys look like that IAM (A, L) and STS make here.
_MADE = re.compile(r"AWS4-HMAC-SHA256 Credential=([AL](?:KIA|SIA)\w{12,28})/")
#: What a refusal is called where the protocol is no query: by what is wrong.
_NAMES = {
    "signature": ("InvalidSignatureException", "SignatureDoesNotMatch"),
    "token": ("UnrecognizedClientException", "InvalidClientTokenId"),
    "expired": ("ExpiredTokenException", "ExpiredToken"),
}


def verify_call(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """Let a call through, unless a key that was made here did not sign it.

    Raises:
        CommonServiceException: it did not, or holds no more.
    """
    if context.service is None or context.is_internal_call:
        return
    headers = context.request.headers
    match = _MADE.match(headers.get("Authorization", ""))
    # The signature of a presigned URL stands in its query, and is S3's to verify; of a body that
    # came packed, what was signed is not there any more.
    if (
        match is None
        or "X-Amz-Signature" in context.request.args
        or headers.get("Content-Encoding") == "identity"
    ):
        return
    # Loaded with the first of such calls.
    from local_cloud.engine.permissions import guard, signatures

    key = match[1]
    if guard.roles().of_key(key) is not None:
        return
    try:
        secret = signatures.secret_of(key)
        if secret is None:
            if signatures.is_switched_off(key):
                raise _refusal(context, "token", signatures.INVALID_TOKEN)
            return
        service = context.service.signing_name
        # S3's clients tell the hash of a body, which may be large, and sign what they tell.
        told = headers.get("x-amz-content-sha256") if service == "s3" else None
        asked = signatures.signed_request(context.request, "", "", service, told)
        signature = signatures.signature_of(asked)
        signatures.check_time(signature, datetime.now(UTC))
    except signatures.Unsigned:
        return
    except signatures.WrongSignature as error:
        raise _refusal(context, "signature", str(error)) from error
    except signatures.Refused as error:
        raise _refusal(context, "expired", str(error)) from error
    if not hmac.compare_digest(signatures.expected(asked, signature, secret), signature.value):
        raise _refusal(context, "signature", signatures.MISMATCH)


def _refusal(context: RequestContext, wrong: str, words: str) -> CommonServiceException:
    of_json, of_query = _NAMES[wrong]
    protocol = context.service.protocol
    if protocol == "json":
        return CommonServiceException(of_json, words, 400, sender_fault=True)
    name = of_json if protocol == "rest-json" else of_query
    if context.service.service_name == "s3" and wrong == "token":
        name = "InvalidAccessKeyId"
    return CommonServiceException(name, words, 403, sender_fault=True)
