"""Signatures of S3's presigned URLs and forms: verified, with the secrets that there are.

LocalStack verifies URLs, where ``S3_SKIP_SIGNATURE_VALIDATION`` is 0, with secrets that it has
looked up once and for all; of a form it verifies nothing but the time. A key that nobody has made
is signed with the secret ``test``, as LocalStack documents.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from localstack import config
from localstack.aws.api import CommonServiceException
from localstack.aws.api.s3 import InvalidArgument
from localstack.runtime import hooks
from localstack.services.s3 import presigned_url

_V4 = ("x-amz-signature", "x-amz-algorithm", "x-amz-credential", "x-amz-date")
_V2 = ("signature", "awsaccesskeyid")
_theirs = presigned_url.validate_post_policy


@hooks.on_infra_start()
def verify_s3_signatures() -> None:
    """Have LocalStack ask for secrets here, before S3 is loaded."""
    presigned_url.get_secret_access_key_from_access_key_id = secret_for
    presigned_url.validate_post_policy = validate_post_policy


def secret_for(key: str, _region: str) -> str | None:
    """Return the secret of a key as it is now, ``None`` for one that is nobody's.

    Raises:
        CommonServiceException: its session has ended.
    """
    # Loaded with the first URL: it takes a quarter of a second.
    from local_cloud.engine.permissions import signatures

    try:
        return signatures.secret_of(key)
    except signatures.Refused as error:
        raise CommonServiceException("ExpiredToken", "The provided token has expired.") from error


def validate_post_policy(form: Any, additional: dict[str, Any]) -> None:
    """Let a form through whose policy is signed and allows what it does.

    Raises:
        SignatureDoesNotMatch: somebody has changed it, or it was signed with another secret.
        CommonServiceException: as LocalStack raises it, of what the policy says.
    """
    fields = {name.lower(): str(value) for name, value in form.items()}
    if fields.get("policy") and not config.S3_SKIP_SIGNATURE_VALIDATION:
        if all(name in fields for name in _V4):
            _compare(fields, "x-amz-signature", _signature_v4(fields))
        elif all(name in fields for name in _V2):
            _compare(fields, "signature", _signature_v2(fields))
    _theirs(form, additional)


def _compare(fields: Mapping[str, str], name: str, wanted: str) -> None:
    if not hmac.compare_digest(fields[name].encode(), wanted.encode()):
        raise presigned_url.create_signature_does_not_match_sig_v2(
            request_signature=fields[name],
            string_to_sign=fields["policy"],
            access_key_id=_key(fields),
        )


def _key(fields: Mapping[str, str]) -> str:
    return fields.get("awsaccesskeyid") or fields.get("x-amz-credential", "").split("/")[0]


def _secret(fields: Mapping[str, str]) -> str:
    key = _key(fields)
    found = presigned_url.get_credentials_from_parameters({"AWSAccessKeyId": key}, "us-east-1")
    return str(found.secret_access_key)


def _signature_v4(fields: Mapping[str, str]) -> str:
    parts = fields["x-amz-credential"].split("/")
    if len(parts) != 5:
        raise InvalidArgument(
            "the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
            ArgumentName="X-Amz-Credential",
            ArgumentValue=fields["x-amz-credential"],
        )
    key = f"AWS4{_secret(fields)}".encode()
    for part in parts[1:]:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, fields["policy"].encode(), hashlib.sha256).hexdigest()


def _signature_v2(fields: Mapping[str, str]) -> str:
    secret = _secret(fields).encode()
    return base64.b64encode(hmac.digest(secret, fields["policy"].encode(), "sha1")).decode()
