"""What the gateway knows of one connection, without its socket."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from local_aws.random_bytes import random_bytes

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
# 11 random bytes, as base64: "WyHPAfymhcwCENw=" has the same form.
_ID = re.compile(r"[A-Za-z0-9_-]{15}=")


def new_connection_id() -> str:
    """Return an id in API Gateway's form with 88 bits that cannot be guessed."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def is_connection_id(text: str) -> bool:
    """Return whether a text has the form of a connection id."""
    return _ID.fullmatch(text) is not None


def new_request_id() -> str:
    """Return an id as in ``requestContext.requestId`` (``Xo0gKHXSoAMFfpA=``)."""
    return binascii.b2a_base64(random_bytes(11), newline=False).translate(_URL_SAFE).decode()


@dataclass(slots=True)
class Connection:
    """Who is connected to what, and since when. Times in milliseconds since 1970."""

    domain_name: str
    source_ip: str
    user_agent: str
    connected_at: int
    api_id: str = ""
    stage: str = ""
    connection_id: str = field(default_factory=new_connection_id)
    last_active_at: int = 0
    #: What the authorizer said of the client; part of every later event.
    authorizer: dict[str, object] | None = None

    def __post_init__(self) -> None:
        self.last_active_at = self.last_active_at or self.connected_at

    @property
    def user(self) -> str | None:
        """Who the authorizer says that it is."""
        principal = (self.authorizer or {}).get("principalId")
        return str(principal) if principal else None

    def describe(self) -> dict[str, object]:
        """Return what ``GET @connections/{id}`` answers.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
        """
        return {
            "connectedAt": _iso(self.connected_at),
            "identity": {"sourceIp": self.source_ip, "userAgent": self.user_agent},
            "lastActiveAt": _iso(self.last_active_at),
        }


def _iso(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
