"""A user's attributes against the pool's schema and what an app client may read and write.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from moto.cognitoidp.models import CognitoIdpUserPool, CognitoIdpUserPoolAttribute

from local_cloud.engine.cognito.errors import invalid_parameter, not_authorized

Schema = Mapping[str, CognitoIdpUserPoolAttribute]
Attributes = dict[str, str]

STANDARD: Schema = {
    name: CognitoIdpUserPoolAttribute(name, False, described)
    for name, described in CognitoIdpUserPoolAttribute.STANDARD_SCHEMA.items()
}
#: Attributes that say whether another one is the user's, and which.
VERIFIED = {"email": "email_verified", "phone_number": "phone_number_verified"}
_ONLY_ADMINS = frozenset(VERIFIED.values())
_LONGEST_NAME = 128
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
_PHONE = re.compile(r"\+[0-9]{1,15}")
_BIRTHDATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def schema_of(pool: CognitoIdpUserPool) -> Schema:
    """Return a pool's attributes: the standard ones, and what it was made with."""
    return {**STANDARD, **pool.schema_attributes}


def check_username(name: str) -> None:
    """Refuse a user name with spaces or control characters, or one that is too long.

    Raises:
        CommonServiceException: ``InvalidParameterException``.
    """
    told = (
        "1 validation error detected: Value at 'username' failed to satisfy constraint: Member must"
    )
    if len(name) > _LONGEST_NAME:
        raise invalid_parameter(f"{told} have length less than or equal to {_LONGEST_NAME}")
    if not all(unicodedata.category(character)[0] in "LMSNP" for character in name):
        pattern = r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+"
        raise invalid_parameter(f"{told} satisfy regular expression pattern: {pattern}")


def named(given: Iterable[Mapping[str, str]] | None) -> Attributes:
    """Return attributes of a call, ``[{"Name", "Value"}]``, by name."""
    return {one["Name"]: one.get("Value") or "" for one in given or ()}


def listed(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    """Return attributes by name as calls have them."""
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


def readable(client_reads: Collection[str], schema: Schema) -> Collection[str]:
    """Return the names that a client may read: ``ReadAttributes``, without them all."""
    return {*client_reads, "sub"} if client_reads else schema.keys()


def check_new(schema: Schema, given: Attributes, *, admin: bool, required: bool = True) -> None:
    """Refuse attributes of a new user that the schema does not take.

    Args:
        admin: whether an administrator makes the user.
        required: whether what the schema requires has to be there.

    Raises:
        CommonServiceException: ``InvalidParameterException`` names each of them;
            ``NotAuthorizedException``: only administrators say what is verified.
    """
    if not admin:
        _refuse_verified(given)
    faults = []
    for name, value in given.items():
        if name not in schema:
            faults.append(f"Type for attribute {{{name}}} could not be determined")
        elif name == "sub":
            faults.append(f"{name}: Attribute cannot be set.")
        elif fault := _fault(schema[name], value):
            faults.append(fault)
    if required:
        faults += [
            f"{name}: The attribute is required"
            for name, attribute in schema.items()
            if attribute.required and name != "sub" and not given.get(name)
        ]
    if faults:
        raise invalid_parameter(
            "Attributes did not conform to the schema: " + "".join(f"{one}\n" for one in faults)
        )


def check_changes(schema: Schema, given: Attributes, *, admin: bool) -> None:
    """Refuse changes of attributes that are unknown, immutable or malformed.

    Raises:
        CommonServiceException: ``InvalidParameterException``, ``NotAuthorizedException``.
    """
    if not admin:
        _refuse_verified(given)
    for name, value in given.items():
        if name not in schema:
            raise invalid_parameter(f"user.{name}: Attribute does not exist in the schema.\n")
        if not schema[name].mutable:
            raise invalid_parameter(f"user.{name}: Attribute cannot be updated.\n")
        if fault := _fault(schema[name], value):
            raise invalid_parameter(f"Invalid user attributes: {fault}\n")


def check_deletions(schema: Schema, names: Collection[str]) -> None:
    """Refuse the removal of attributes that are unknown, immutable or required.

    Raises:
        CommonServiceException: ``InvalidParameterException``.
    """
    for name in names:
        if name not in schema:
            raise invalid_parameter(
                f"Invalid user attributes: user.{name}: Attribute does not exist in the schema.\n"
            )
        if schema[name].required or not schema[name].mutable:
            raise invalid_parameter(f"user.{name}: Attribute cannot be deleted.\n")


def check_writable(client_writes: Collection[str], names: Collection[str]) -> None:
    """Refuse what an app client may not write (``WriteAttributes``; without them all).

    Raises:
        CommonServiceException: ``NotAuthorizedException``.
    """
    if client_writes and not set(names) <= set(client_writes):
        raise not_authorized("A client attempted to write unauthorized attribute")


def _refuse_verified(given: Attributes) -> None:
    for name in given:
        if name in _ONLY_ADMINS:
            raise not_authorized(f"Cannot modify the non-mutable attribute {name}")


def _fault(attribute: CognitoIdpUserPoolAttribute, value: str) -> str | None:
    name = attribute.name
    if not value:
        return None  # an empty value takes the attribute away
    if name == "email" and not _EMAIL.fullmatch(value):
        return "Invalid email address format."
    if name == "phone_number" and not _PHONE.fullmatch(value):
        return "Invalid phone number format."
    if name == "birthdate" and not _BIRTHDATE.fullmatch(value):
        return "Invalid birthdate format."
    if attribute.data_type == "Boolean" and value.lower() not in ("true", "false"):
        return f"{name}: Value must be true or false."
    if attribute.data_type == "Number":
        return _number_fault(name, attribute.number_constraints or {}, value)
    limits = attribute.string_constraints or {}
    if len(value) < int(limits.get("MinLength") or 0):
        return f"{name}: String must be at least {limits['MinLength']} characters long."
    if len(value) > int(limits.get("MaxLength") or 2048):
        longest = limits.get("MaxLength") or 2048
        return f"{name}: String must be no longer than {longest} characters."
    return None


def _number_fault(name: str, limits: Mapping[str, str], value: str) -> str | None:
    if not re.fullmatch(r"-?[0-9]{1,40}", value):
        return f"{name}: Value must be a number."
    if limits.get("MinValue") and int(value) < int(limits["MinValue"]):
        return f"{name}: Value must be at least {limits['MinValue']}."
    if limits.get("MaxValue") and int(value) > int(limits["MaxValue"]):
        return f"{name}: Value must be no more than {limits['MaxValue']}."
    return None


def claims_of(attributes: Mapping[str, str], names: Collection[str]) -> dict[str, Any]:
    """Return attributes as an ID token carries them (OpenID Connect Core 1.0 section 5.1)."""
    claims: dict[str, Any] = {}
    for name, value in attributes.items():
        if name not in names or name.startswith("dev:"):
            continue
        if name in _ONLY_ADMINS:
            claims[name] = value.lower() == "true"
        elif name == "address":
            claims[name] = {"formatted": value}
        elif name == "updated_at" and value.isdecimal():
            claims[name] = int(value)
        else:
            claims[name] = value
    return claims
