"""Which authentication flows an app client allows (``ExplicitAuthFlows``).

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
"""

from __future__ import annotations

from collections.abc import Collection

from local_cloud.engine.cognito.errors import invalid_parameter

#: Of a client that names none.
DEFAULT = frozenset(["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"])

PASSWORD, ADMIN_PASSWORD = "USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH"
SRP, CUSTOM, REFRESH = "USER_SRP_AUTH", "CUSTOM_AUTH", "REFRESH_TOKEN_AUTH"
#: Names from before the ``ALLOW_`` ones, in calls.
_RENAMED = {"ADMIN_NO_SRP_AUTH": ADMIN_PASSWORD, "REFRESH_TOKEN": REFRESH}
_FOR_ADMINS = frozenset([ADMIN_PASSWORD])
_FOR_USERS = frozenset([PASSWORD])
_KNOWN = (*_RENAMED, PASSWORD, ADMIN_PASSWORD, SRP, CUSTOM, REFRESH)
_MESSAGES = {
    PASSWORD: "USER_PASSWORD_AUTH flow not enabled for this client",
    ADMIN_PASSWORD: "Auth flow not enabled for this client",
    SRP: "USER_SRP_AUTH is not enabled for the client.",
    CUSTOM: "CUSTOM_AUTH is not enabled for the client.",
    REFRESH: "REFRESH_TOKEN_AUTH flow not enabled for this client",
}


def allowed_flows(explicit: Collection[str]) -> frozenset[str]:
    """Return the flows that a client allows, from what it was made with.

    The names without ``ALLOW_`` are older: with them SRP, custom and refresh are allowed beside
    what they add, and ``CUSTOM_AUTH_FLOW_ONLY`` leaves custom and refresh.
    """
    names = frozenset(explicit)
    if not names:
        names = DEFAULT
    if any(name.startswith("ALLOW_") for name in names):
        return frozenset(name.removeprefix("ALLOW_") for name in names if name.startswith("ALLOW_"))
    if "CUSTOM_AUTH_FLOW_ONLY" in names:
        return frozenset([CUSTOM, REFRESH])
    legacy = {PASSWORD: PASSWORD, "ADMIN_NO_SRP_AUTH": ADMIN_PASSWORD}
    return frozenset([SRP, CUSTOM, REFRESH, *(legacy[name] for name in names if name in legacy)])


def check_flow(flow: str, explicit: Collection[str], *, admin: bool) -> str:
    """Return the flow that a call asks for, by its present name.

    Args:
        explicit: the client's ``ExplicitAuthFlows``.
        admin: whether ``AdminInitiateAuth`` was called.

    Raises:
        CommonServiceException: ``InvalidParameterException``: there is no such flow, not with this
            operation, or not for this client.
    """
    if flow == "USER_AUTH":
        raise invalid_parameter(
            "USER_AUTH (choice of sign-in, passkeys, one-time passwords) is not answered by the "
            f"local cloud; use one of {', '.join(_KNOWN)}"
        )
    if flow not in _KNOWN:
        raise invalid_parameter(
            f"1 validation error detected: Value '{flow}' at 'authFlow' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{', '.join(_KNOWN)}]"
        )
    name = _RENAMED.get(flow, flow)
    if name in (_FOR_USERS if admin else _FOR_ADMINS):
        raise invalid_parameter("Initiate Auth method not supported.")
    if name not in allowed_flows(explicit):
        raise invalid_parameter(_MESSAGES[name])
    return name
