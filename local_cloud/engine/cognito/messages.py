"""Messages to users: written as the pool's templates say, and kept for the developer to read.

Nothing is sent: ``GET /_aws/cognito-idp/messages`` shows what would have been, codes included.
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-settings-message-customizations.html
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from localstack.http import Request, Response, route
from moto.cognitoidp.models import CognitoIdpUser, CognitoIdpUserPool

from local_cloud.engine.cognito import directory
from local_cloud.engine.cognito.directory import LOCK, MESSAGES, records
from local_cloud.engine.cognito.triggers import Triggers, user_attributes

LOG = logging.getLogger(__name__)
PATH = "/_aws/cognito-idp/messages"
CODE, USERNAME = "{####}", "{username}"
KEPT = 100

_MEDIA = {"email": "EMAIL", "phone_number": "SMS"}
_DEFAULT = "Your verification code is {####}. "
_INVITATION = "Your username is {username} and temporary password is {####}. "


def delivery(user: CognitoIdpUser, attribute: str) -> dict[str, str]:
    """Return the ``CodeDeliveryDetails`` of a message to an attribute of a user."""
    return {
        "Destination": masked(user.attribute_lookup.get(attribute, ""), attribute),
        "DeliveryMedium": _MEDIA[attribute],
        "AttributeName": attribute,
    }


def masked(value: str, attribute: str) -> str:
    """Return an address as AWS shows it: ``a***@e***``, ``+*******9934``."""
    if attribute == "phone_number":
        return f"+{'*' * max(0, len(value) - 5)}{value[-4:]}"
    name, _, host = value.partition("@")
    return f"{name[:1]}***@{host[:1]}***"


def write(
    triggers: Triggers,
    user: CognitoIdpUser,
    attribute: str | None,
    source: str,
    code: str,
    metadata: Mapping[str, str],
    address: str | None = None,
) -> None:
    """Write a user a message with a code, as the pool's custom message function has it.

    Args:
        attribute: the address; without one nobody could be sent it, and it is kept all the same.
        source: what it is for: ``SignUp``.
        address: where it goes, where that is not the attribute's present value.

    Raises:
        CommonServiceException: the function failed.
    """
    pool = triggers.pool
    invites = source == "AdminCreateUser"
    request = {
        "userAttributes": user_attributes(user),
        "codeParameter": CODE,
        "linkParameter": "{##Click Here##}",
        "usernameParameter": USERNAME if invites else None,
        "clientMetadata": dict(metadata),
    }
    empty = {"smsMessage": None, "emailMessage": None, "emailSubject": None}
    own = triggers.run("CustomMessage", source, user.username, request, empty) or {}
    subject, text = _template(pool, source, attribute)
    if attribute == "phone_number":
        text = own.get("smsMessage") or text
    else:
        text, subject = own.get("emailMessage") or text, own.get("emailSubject") or subject
    text = str(text).replace(CODE, code).replace(USERNAME, user.username)
    message = {
        "Timestamp": directory.now(),
        "UserPoolId": pool.id,
        "Username": user.username,
        "Source": f"CustomMessage_{source}",
        "DeliveryMedium": _MEDIA.get(attribute or "", "NONE"),
        "Destination": address or user.attribute_lookup.get(attribute or "", ""),
        "Subject": None if attribute == "phone_number" else str(subject),
        # A template may hide the code in a link that leads nowhere here.
        "Message": re.sub(r"\{##(.{0,200}?)##\}", rf"\g<1> ({code})", text),
        "Code": code,
    }
    with LOCK:
        kept = records(pool, MESSAGES)
        number = kept.get("next", 0)
        kept[str(number)], kept["next"] = message, number + 1
        kept.pop(str(number - KEPT), None)
    LOG.info("A message to %s of pool %s: GET %s shows it", user.username, pool.id, PATH)


def _template(pool: CognitoIdpUserPool, source: str, attribute: str | None) -> tuple[str, str]:
    settings = pool.extended_config
    by_text = attribute == "phone_number"
    if source == "AdminCreateUser":
        invitation = (settings.get("AdminCreateUserConfig") or {}).get("InviteMessageTemplate", {})
        text = invitation.get("SMSMessage" if by_text else "EmailMessage") or _INVITATION
        return invitation.get("EmailSubject") or "Your temporary password", text
    if source == "Authentication":
        return "Your authentication code", settings.get("SmsAuthenticationMessage") or (
            "Your authentication code is {####}. "
        )
    chosen = settings.get("VerificationMessageTemplate") or {}
    link = chosen.get("DefaultEmailOption") == "CONFIRM_WITH_LINK" and not by_text
    text = (
        chosen.get("EmailMessageByLink")
        if link
        else chosen.get("SmsMessage" if by_text else "EmailMessage")
    )
    subject = chosen.get("EmailSubjectByLink" if link else "EmailSubject")
    return subject or "Your verification code", text or _DEFAULT


class Outbox:
    """Serves what users were written, on the engine's port."""

    @route(PATH, methods=["GET"])
    def messages(self, request: Request) -> Response:
        """Return messages, the latest last; ``userPoolId`` and ``username`` choose."""
        pool_id, username = request.args.get("userPoolId"), request.args.get("username")
        found: list[dict[str, Any]] = []
        with LOCK:
            for pool in directory.all_pools():
                if pool_id in (None, pool.id):
                    kept = pool.__dict__.get(MESSAGES) or {}
                    found += [one for key, one in kept.items() if key != "next"]
        chosen = [one for one in found if username in (None, one["Username"])]
        return Response.for_json(
            {"messages": sorted(chosen, key=lambda one: float(one["Timestamp"]))}
        )
