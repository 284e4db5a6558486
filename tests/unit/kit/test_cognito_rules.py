"""Who may do what at a user pool: secret hashes, flows, passwords, codes, attributes."""

from __future__ import annotations

from typing import Any

import pytest
from localstack.aws.api import CommonServiceException
from moto.cognitoidp.models import CognitoIdpUserPoolAttribute

from local_cloud.engine.cognito import attributes, codes, flows, passwords
from local_cloud.engine.cognito.claims import group_claims, overridden, validity_seconds
from local_cloud.engine.cognito.secret_hash import (
    check_client_secret,
    check_secret_hash,
    secret_hash,
)


def refusal_of(error: pytest.ExceptionInfo[CommonServiceException]) -> tuple[str, str]:
    return error.value.code, error.value.message


def test_the_hash_of_a_client_secret_is_taken() -> None:
    check_secret_hash("ada", "client", "secret", secret_hash("ada", "client", "secret"))
    check_secret_hash("ada", "client", None, None)


@pytest.mark.parametrize(
    ("secret", "received", "words"),
    [
        (
            "secret",
            None,
            "Client client is configured with secret but SECRET_HASH was not received",
        ),
        ("secret", "", "Client client is configured with secret but SECRET_HASH was not received"),
        ("secret", "d3Jvbmc=", "Unable to verify secret hash for client client"),
        ("secret", "ä", "Unable to verify secret hash for client client"),
        (None, "AAAA", "Client client is not configured for secret but secret hash was received"),
    ],
)
def test_any_other_hash_is_refused(secret: str | None, received: str | None, words: str) -> None:
    with pytest.raises(CommonServiceException) as error:
        check_secret_hash("ada", "client", secret, received)
    assert refusal_of(error) == ("NotAuthorizedException", words)


def test_a_hash_is_of_one_user_and_one_client() -> None:
    for user, client in (("bob", "client"), ("ada", "other")):
        with pytest.raises(CommonServiceException):
            check_secret_hash("ada", "client", "s", secret_hash(user, client, "s"))


@pytest.mark.parametrize(("secret", "received"), [("s", None), ("s", "t"), (None, "s")])
def test_the_secret_itself_has_to_be_right(secret: str | None, received: str | None) -> None:
    with pytest.raises(CommonServiceException):
        check_client_secret("client", secret, received)
    check_client_secret("client", "s", "s")
    check_client_secret("client", None, None)


@pytest.mark.parametrize(
    ("explicit", "allowed"),
    [
        ((), {flows.SRP, flows.CUSTOM, flows.REFRESH}),
        (("ALLOW_USER_PASSWORD_AUTH",), {flows.PASSWORD}),
        (("ADMIN_NO_SRP_AUTH",), {flows.SRP, flows.CUSTOM, flows.REFRESH, flows.ADMIN_PASSWORD}),
        (("CUSTOM_AUTH_FLOW_ONLY",), {flows.CUSTOM, flows.REFRESH}),
    ],
)
def test_a_client_allows_what_it_names_or_what_aws_takes_for_it(
    explicit: tuple[str, ...], allowed: set[str]
) -> None:
    assert flows.allowed_flows(explicit) == allowed


@pytest.mark.parametrize(
    ("flow", "admin", "words"),
    [
        ("USER_PASSWORD_AUTH", False, "USER_PASSWORD_AUTH flow not enabled for this client"),
        ("ADMIN_USER_PASSWORD_AUTH", True, "Auth flow not enabled for this client"),
        ("ADMIN_NO_SRP_AUTH", True, "Auth flow not enabled for this client"),
        ("ADMIN_NO_SRP_AUTH", False, "Initiate Auth method not supported."),
        ("USER_PASSWORD_AUTH", True, "Initiate Auth method not supported."),
        ("USER_AUTH", False, "USER_AUTH"),
        ("MAGIC", False, "MAGIC"),
    ],
)
def test_a_flow_that_is_not_allowed_is_refused(flow: str, admin: bool, words: str) -> None:
    with pytest.raises(CommonServiceException, match=words) as error:
        flows.check_flow(flow, (), admin=admin)
    assert error.value.code == "InvalidParameterException"


STRICT = {
    "MinimumLength": 8,
    **dict.fromkeys(
        ("RequireLowercase", "RequireUppercase", "RequireNumbers", "RequireSymbols"), True
    ),
}


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("Aa1!", "not long enough"),
        ("AAAAAAA1!", "lowercase"),
        ("aaaaaaa1!", "uppercase"),
        ("Aaaaaaaa!", "numeric"),
        ("Aaaaaaaa1", "symbol"),
        ("A" * 257, "too long"),
        (" Aaaaaa1!", "space"),
    ],
)
def test_a_password_that_breaks_the_policy_is_told_why(password: str, words: str) -> None:
    assert words in (passwords.password_fault(STRICT, password) or "")


def test_temporary_passwords_conform_to_any_policy_of_their_length() -> None:
    for length in (8, 12, 60):
        policy = {**STRICT, "MinimumLength": length}
        made = {passwords.temporary_password(policy) for _ in range(50)}
        assert len(made) == 50
        assert not any(passwords.password_fault(policy, one) for one in made)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(4, 0), (5, 1), (6, 2), (10, 32), (15, 900), (10_000, 900)]
)
def test_who_fails_often_waits_longer_each_time(failures: int, seconds: int) -> None:
    assert passwords.locked_seconds(failures, 100.0, 100.0) == seconds
    assert passwords.locked_seconds(failures, 100.0, 100.0 + seconds) == 0


def test_failures_are_forgotten_after_fifteen_quiet_minutes() -> None:
    assert passwords.failures_now(6, 0.0, 900.0) == 6
    assert passwords.failures_now(6, 0.0, 903.0) == 0


def test_a_code_is_good_once_and_for_its_time() -> None:
    kept: dict[str, dict[str, Any]] = {}
    code = codes.issue(kept, "sign_up", "email", 60, 0.0)
    assert codes.redeem(kept, "sign_up", code, 59.0) == "email"
    with pytest.raises(CommonServiceException, match="request a code again"):
        codes.redeem(kept, "sign_up", code, 59.0)
    code = codes.issue(kept, "sign_up", "email", 60, 100.0)
    with pytest.raises(CommonServiceException) as error:
        codes.redeem(kept, "sign_up", code, 160.0)
    assert error.value.code == "ExpiredCodeException"


def test_codes_cannot_be_guessed_at_will_also_with_new_ones() -> None:
    kept: dict[str, dict[str, Any]] = {}
    codes.issue(kept, "p", "email", 60, 0.0)
    for _ in range(codes.TRIES):
        with pytest.raises(CommonServiceException) as error:
            codes.redeem(kept, "p", "no", 1.0)
        assert error.value.code == "CodeMismatchException"
    code = codes.issue(kept, "p", "email", 60, 2.0)
    with pytest.raises(CommonServiceException) as error:
        codes.redeem(kept, "p", code, 3.0)
    assert error.value.code == "LimitExceededException"
    later = codes.issue(kept, "p", "email", 60, 4000.0)
    assert codes.redeem(kept, "p", later, 4001.0) == "email"


def test_so_many_codes_are_sent_in_an_hour() -> None:
    kept: dict[str, dict[str, Any]] = {}
    for _ in range(codes.SENDS):
        codes.issue(kept, "p", "email", 60, 0.0)
    with pytest.raises(CommonServiceException):
        codes.issue(kept, "p", "email", 60, 3599.0)
    codes.issue(kept, "p", "email", 60, 3600.0)


def schema() -> attributes.Schema:
    one = CognitoIdpUserPoolAttribute
    custom = {
        "custom:plan": one("plan", True, {"AttributeDataType": "String", "Mutable": False}),
        "custom:age": one(
            "age",
            True,
            {"AttributeDataType": "Number", "NumberAttributeConstraints": {"MaxValue": "150"}},
        ),
    }
    email = one("email", False, {"AttributeDataType": "String", "Required": True})
    return {**attributes.STANDARD, **custom, "email": email}


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({}, "InvalidParameterException", "email: The attribute is required"),
        (
            {"email": "a@b.c", "custom:no": "1"},
            "InvalidParameterException",
            "{custom:no} could not",
        ),
        ({"email": "nobody"}, "InvalidParameterException", "Invalid email address format"),
        ({"email": "a@b.c", "phone_number": "1"}, "InvalidParameterException", "phone number"),
        ({"email": "a@b.c", "custom:age": "x"}, "InvalidParameterException", "must be a number"),
        ({"email": "a@b.c", "custom:age": "151"}, "InvalidParameterException", "no more than 150"),
        ({"email": "a@b.c", "sub": "x"}, "InvalidParameterException", "sub"),
        ({"email": "a@b.c", "email_verified": "true"}, "NotAuthorizedException", "email_verified"),
    ],
)
def test_a_new_user_has_what_the_schema_says(given: dict[str, str], code: str, words: str) -> None:
    with pytest.raises(CommonServiceException) as error:
        attributes.check_new(schema(), given, admin=False)
    assert error.value.code == code
    assert words in error.value.message
    attributes.check_new(schema(), {"email": "a@b.c", "custom:plan": "x"}, admin=False)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"custom:plan": "gold"}, "user.custom:plan: Attribute cannot be updated."),
        ({"sub": "me"}, "user.sub: Attribute cannot be updated."),
        ({"custom:no": "1"}, "user.custom:no: Attribute does not exist in the schema."),
    ],
)
def test_what_is_immutable_or_unknown_cannot_be_changed(given: dict[str, str], words: str) -> None:
    for admin in (False, True):
        with pytest.raises(CommonServiceException, match=words):
            attributes.check_changes(schema(), given, admin=admin)


def test_a_client_writes_what_it_may() -> None:
    attributes.check_writable((), ["email", "name"])
    attributes.check_writable(("email",), ["email"])
    with pytest.raises(CommonServiceException, match="attempted to write unauthorized attribute"):
        attributes.check_writable(("email",), ["email", "name"])


def test_claims_have_the_types_of_openid_connect() -> None:
    held = {
        "email": "a@b.c",
        "email_verified": "true",
        "phone_number_verified": "false",
        "address": "Here 1",
        "updated_at": "17",
        "custom:plan": "gold",
    }
    assert attributes.claims_of(held, held.keys() - {"custom:plan"}) == {
        "email": "a@b.c",
        "email_verified": True,
        "phone_number_verified": False,
        "address": {"formatted": "Here 1"},
        "updated_at": 17,
    }


@pytest.mark.parametrize(
    ("settings", "kind", "seconds"),
    [
        ({}, "access", 3600),
        ({}, "refresh", 30 * 86_400),
        ({"AccessTokenValidity": 2}, "access", 7200),
        ({"IdTokenValidity": 5, "TokenValidityUnits": {"IdToken": "minutes"}}, "id", 300),
        ({"RefreshTokenValidity": 0}, "refresh", 30 * 86_400),
        (
            {"RefreshTokenValidity": 90, "TokenValidityUnits": {"RefreshToken": "minutes"}},
            "refresh",
            5400,
        ),
    ],
)
def test_tokens_last_as_long_as_their_client_says(
    settings: dict[str, Any], kind: str, seconds: int
) -> None:
    assert validity_seconds(settings, kind) == seconds


def test_groups_come_by_precedence_with_one_preferred_role() -> None:
    groups: list[dict[str, Any]] = [
        {"name": "late", "role": "r2", "precedence": 5},
        {"name": "none", "role": None, "precedence": None},
        {"name": "first", "role": "r1", "precedence": 0},
    ]
    assert group_claims(groups) == {
        "cognito:groups": ["first", "late", "none"],
        "cognito:roles": ["r1", "r2"],
        "cognito:preferred_role": "r1",
    }
    tied = group_claims([{**group, "precedence": 1} for group in groups])
    assert "cognito:preferred_role" not in tied


ID = {"sub": "s", "email": "a@b.c", "cognito:groups": ["users"], "aud": "c"}
ACCESS = {"sub": "s", "scope": "one two", "cognito:groups": ["users"], "client_id": "c"}


def test_the_first_version_of_the_event_changes_id_tokens_and_groups() -> None:
    answer = {
        "claimsOverrideDetails": {
            "claimsToAddOrOverride": {"plan": "gold", "sub": "other", "aud": "x"},
            "claimsToSuppress": ["email", "sub"],
            "groupOverrideDetails": {"groupsToOverride": ["admins"], "preferredRole": "r"},
        }
    }
    for_id, for_access = overridden("1", answer, ID, ACCESS)
    assert for_id == {
        "sub": "s",
        "aud": "c",
        "plan": "gold",
        "cognito:groups": ["admins"],
        "cognito:preferred_role": "r",
    }
    assert for_access == {**ACCESS, "cognito:groups": ["admins"]}


@pytest.mark.parametrize("version", ["2", "3"])
def test_later_versions_change_access_tokens_and_their_scopes(version: str) -> None:
    answer = {
        "claimsAndScopeOverrideDetails": {
            "idTokenGeneration": {"claimsToAddOrOverride": {"roles": ["a", {"b": 1}]}},
            "accessTokenGeneration": {
                "claimsToAddOrOverride": {"tenant": 7, "client_id": "other", "exp": 1},
                "claimsToSuppress": ["client_id"],
                "scopesToAdd": ["three", "one"],
                "scopesToSuppress": ["two"],
            },
            "groupOverrideDetails": {"groupsToOverride": []},
        }
    }
    for_id, for_access = overridden(version, answer, ID, ACCESS)
    assert for_id == {"sub": "s", "email": "a@b.c", "aud": "c", "roles": ["a", {"b": 1}]}
    assert for_access == {"sub": "s", "scope": "one three", "client_id": "c", "tenant": 7}


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        ("1", {"claimsOverrideDetails": []}),
        ("1", {"claimsOverrideDetails": {"claimsToAddOrOverride": {"n": 1}}}),
        ("1", {"claimsOverrideDetails": {"claimsToSuppress": "email"}}),
        (
            "2",
            {"claimsAndScopeOverrideDetails": {"accessTokenGeneration": {"scopesToAdd": ["a b"]}}},
        ),
    ],
)
def test_an_answer_of_another_form_is_none(version: str, answer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|string|spaces"):
        overridden(version, answer, ID, ACCESS)


def test_a_function_that_changes_nothing_changes_nothing() -> None:
    assert overridden("1", {"claimsOverrideDetails": None}, ID, ACCESS) == (ID, ACCESS)
