"""Whether a request that another part was sent is signed by whom it says, and may do what it asks.

The gateway asks it: the credentials that exist, and their policies, are the engine's.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from localstack.aws.api import ServiceException
from localstack.http import Request, Response
from localstack.services.iam.models import iam_stores
from localstack.services.sts.models import sts_stores

from local_aws.account import ACCOUNT_ID
from local_aws.credentials import SignedRequest
from local_aws.iam.conditions import WrongPolicy
from local_aws.iam.evaluation import Call, Decision, Policy, decide
from local_aws.iam.patterns import Context
from local_aws.json_text import loads
from local_cloud.engine.permissions import guard
from local_cloud.engine.permissions.roles import granted_to

ACCOUNT_DIGITS = 12
#: How far a signature's time may be from now.
CLOCK = timedelta(minutes=5)
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<credential>[^,\s]+),\s*"
    r"SignedHeaders=(?P<signed>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]+)"
)
MISSING_TOKEN = "Missing Authentication Token"  # noqa: S105
INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


#: What an account's root user may.
EVERYTHING = Policy("root", [{"Effect": "Allow", "Action": "*", "Resource": "*"}])


class Refused(Exception):
    """A request that is not let through; the message is what AWS says."""


class Unsigned(Refused):
    """A request without a signature, or with one in no form that there is."""


class WrongSignature(Refused):
    """A request that was not signed with the secret of its key, or not as it is now."""


class NotAllowed(Refused):
    """A request of somebody whose policies do not allow it."""


@dataclass(frozen=True)
class Principal:
    """Somebody who has credentials.

    Args:
        policies: ``None`` for who may do everything.
    """

    arn: str
    secret: str
    policies: tuple[Policy, ...] | None = None
    boundary: tuple[Policy, ...] | None = None
    token: str | None = None


@dataclass(frozen=True)
class Signature:
    """What a request says of its signature."""

    key: str
    region: str
    service: str
    signed: tuple[str, ...]
    value: str
    timestamp: datetime
    seconds: int | None = None
    token: str | None = None


def signed_request(
    request: Request,
    action: str,
    resource: str,
    service: str = "execute-api",
    payload: str | None = None,
) -> SignedRequest:
    """Return a request as it was received, and what it asks for.

    Args:
        payload: the hash of its body, where that is not to be read.
    """
    url = urlsplit(request.environ.get("RAW_URI") or request.full_path.rstrip("?"))
    query = url.query or request.query_string.decode("latin-1")
    return SignedRequest(
        request.method,
        f"{url.path}?{query}" if query else url.path,
        {name.lower(): value for name, value in request.headers.items()},
        sha256(_received(request)).hexdigest() if payload is None else payload,
        action,
        resource,
        service,
    )


def _received(request: Request) -> bytes:
    """Return a request's body as it came: what was read as a form is no longer what was signed."""
    stream = request.environ["wsgi.input"]
    at = stream.tell()
    stream.seek(0)
    body: bytes = stream.read()
    stream.seek(at)
    return body


def answer(request: Request) -> Response:
    """Answer ``POST /_permissions/signed``: why a request is refused, or ``null``."""
    try:
        asked = SignedRequest(**loads(request.get_data()))
    except (ValueError, TypeError) as error:
        return Response(f"That is no request: {error}", 400)
    try:
        check(asked, datetime.now(UTC))
    except Refused as refused:
        return Response.for_json({"refused": str(refused)})
    return Response.for_json({"refused": None})


def check(
    asked: SignedRequest,
    now: datetime,
    resource_policy: Policy | None = None,
    context: Context | None = None,
) -> Principal:
    """Return who has signed a request, if they may do what it asks for.

    Args:
        resource_policy: of what it asks for, where that has one.
        context: what conditions may ask for.

    Raises:
        Refused: its signature is none of somebody who exists, or they may not do that.
    """
    signature = signature_of(asked)
    principal = principal_of(signature.key)
    if principal is None or principal.token not in (None, signature.token):
        raise Refused(INVALID_TOKEN)
    if signature.service != asked.service:
        raise WrongSignature(f"Credential should be scoped to correct service: '{asked.service}'.")
    check_time(signature, now)
    if not hmac.compare_digest(expected(asked, signature, principal.secret), signature.value):
        raise WrongSignature(MISMATCH)
    if principal.policies is None and resource_policy is None:
        return principal
    known = {"aws:securetransport": ["true"], "aws:principalarn": [principal.arn]}
    call = Call(asked.action, asked.resource, principal.arn, {**known, **(context or {})})
    try:
        policies = principal.policies if principal.policies is not None else (EVERYTHING,)
        verdict = decide(call, policies, boundary=principal.boundary, resource=resource_policy)
    except WrongPolicy as error:
        raise NotAllowed(str(error)) from error
    if verdict.decision != Decision.ALLOWED:
        on = asked.resource.replace(ACCOUNT_ID, f"********{ACCOUNT_ID[-4:]}")
        raise NotAllowed(
            f"User: {principal.arn} is not authorized to perform: {asked.action} "
            f"on resource: {on} {verdict.why(asked.action)}"
        )
    return principal


def signature_of(asked: SignedRequest) -> Signature:
    """Return what a request says of its signature, in its headers or its query.

    Raises:
        Refused: it says it in no form that there is.
    """
    try:
        match = _HEADER.match(asked.headers.get("authorization", ""))
        if match is not None:
            said, signed, value = match["credential"], match["signed"], match["signature"]
            stamp, seconds = asked.headers["x-amz-date"], None
            token = asked.headers.get("x-amz-security-token")
        else:
            query = dict(parse_qsl(urlsplit(asked.target).query))
            said, signed = query["X-Amz-Credential"], query["X-Amz-SignedHeaders"]
            value, stamp = query["X-Amz-Signature"], query["X-Amz-Date"]
            seconds, token = int(query["X-Amz-Expires"]), query.get("X-Amz-Security-Token")
        key, _, region, service, _ = said.split("/")
        timestamp = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except (KeyError, ValueError) as error:
        raise Unsigned(MISSING_TOKEN) from error
    names = tuple(signed.split(";"))
    return Signature(key, region, service, names, value, timestamp, seconds, token)


def check_time(signature: Signature, now: datetime) -> None:
    """Let a signature through whose time has come, and has not passed.

    Raises:
        WrongSignature: it is another.
    """
    stamp, form = signature.timestamp, "%Y%m%dT%H%M%SZ"
    lasts = CLOCK if signature.seconds is None else timedelta(seconds=signature.seconds)
    if now > stamp + lasts:
        raise WrongSignature(
            f"Signature expired: {stamp:{form}} is now earlier than {now - lasts:{form}} "
            f"({now:{form}} - {int(lasts.total_seconds() // 60)} min.)"
        )
    if stamp > now + CLOCK:
        raise WrongSignature(
            f"Signature not yet current: {stamp:{form}} is still later than {now + CLOCK:{form}} "
            f"({now:{form}} + 5 min.)"
        )


class _Signer(SigV4Auth):
    """Botocore's signer, of the headers that a request says were signed."""

    def __init__(self, signature: Signature, secret: str, payload: str) -> None:
        super().__init__(Credentials(signature.key, secret), signature.service, signature.region)
        self.signed = signature.signed
        self.hash = payload
        self.is_of_s3 = signature.service == "s3"

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name in self.signed:
            headers[name] = request.headers.get(name, "")
        return headers

    def payload(self, request: AWSRequest) -> str:
        return self.hash

    def _normalize_url_path(self, path: str) -> str:
        # S3 takes keys as they are, with dots and double slashes, and quotes them once.
        return path if self.is_of_s3 else str(super()._normalize_url_path(path))  # type: ignore[misc]


def expected(asked: SignedRequest, signature: Signature, secret: str) -> str:
    """Return the signature that a request has if it is signed with this secret."""
    path, _, query = asked.target.partition("?")
    unsigned = "&".join(
        pair for pair in query.split("&") if pair and not pair.startswith("X-Amz-Signature=")
    )
    host = asked.headers.get("host", "")
    # What a header says of the body counts for nothing: its hash is told.
    headers = {k: v for k, v in asked.headers.items() if k != "x-amz-content-sha256"}
    if "x-amz-content-sha256" in signature.signed:
        headers["x-amz-content-sha256"] = asked.payload
    request = AWSRequest(asked.method, f"http://{host}{path}?{unsigned}", headers)
    request.context["timestamp"] = f"{signature.timestamp:%Y%m%dT%H%M%SZ}"
    signer = _Signer(signature, secret, asked.payload)
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(to_sign, request))


def secret_of(key: str) -> str | None:
    """Return the secret of a key; ``None`` if it is nobody's.

    Raises:
        Refused: it is not valid any more.
    """
    if _is_of_everybody(key) or guard.roles().of_key(key) is not None:
        return "test"
    if (found := _access_key(key)) is not None:
        return str(found[2]["SecretAccessKey"])
    session = _session(key)
    return None if session is None else str(session.secret_access_key)


def principal_of(key: str) -> Principal | None:
    """Return whose key it is; ``None`` if it is nobody's.

    Raises:
        Refused: it is not valid any more.
    """
    if _is_of_everybody(key):
        return Principal(f"arn:aws:iam::{ACCOUNT_ID if key == 'test' else key}:root", "test")
    role = guard.roles().of_key(key)
    if role is not None:
        name = role.arn.rpartition("/")[2]
        arn = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{name}/{role.function}"
        policies = role.policies if role.why_not is None else None
        return Principal(arn, "test", policies, role.boundary)
    if (made := _access_key(key)) is not None:
        arn, account, told = made
        return _of_iam(arn, account, told["SecretAccessKey"])
    session = _session(key)
    if session is None:
        return None
    return _of_iam(
        session.arn, session.account_id, session.secret_access_key, session.session_token
    )


def _is_of_everybody(key: str) -> bool:
    """Return whether a key is LocalStack's own, or its way to name an account."""
    return key == "test" or (len(key) == ACCOUNT_DIGITS and key.isdecimal())


def _access_key(key: str) -> tuple[str, str, Any] | None:
    """Return a user's ARN and account, and their key, if it is active."""
    for account, regions in list(iam_stores.items()):
        for store in list(regions.values()):
            for user in list(store.USERS.values()):
                if (found := user.access_keys.get(key)) is not None:
                    told = found.access_key
                    return (user.user["Arn"], account, told) if _is_active(told) else None
    return None


def is_switched_off(key: str) -> bool:
    """Return whether a key is one that a user has and may not use."""
    return any(
        not _is_active(found.access_key)
        for regions in list(iam_stores.values())
        for store in list(regions.values())
        for user in list(store.USERS.values())
        if (found := user.access_keys.get(key)) is not None
    )


def _is_active(told: Any) -> bool:
    return bool(told["Status"] == "Active")


def _session(key: str) -> Any:
    session = sts_stores[ACCOUNT_ID]["us-east-1"].credentials.get(key)
    if session is not None and session.is_expired():
        raise Refused("The security token included in the request is expired")
    return session


def _of_iam(arn: str, account: str, secret: str, token: str | None = None) -> Principal:
    """Return a user or a role's session, with the policies that they have."""
    if arn.endswith(":root"):
        return Principal(arn, secret, None, None, token)
    held = arn
    if ":assumed-role/" in arn:
        held = f"arn:aws:iam::{account}:role/{arn.split('/')[1]}"
    try:
        granted = granted_to(held)
    except (ServiceException, WrongPolicy) as error:
        raise Refused(str(error)) from error
    return Principal(arn, secret, granted.policies, granted.boundary, token)
