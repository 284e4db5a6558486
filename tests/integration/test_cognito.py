"""Cognito user pools: who signs in, and who does not; by the SDKs' own clients."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
import pytest
from botocore.exceptions import ClientError
from pycognito.aws_srp import AWSSRP

from local_cloud.engine.cognito import totp
from local_cloud.engine.cognito.secret_hash import secret_hash
from local_cloud.installation import PROJECT
from tests.stack import Stack

pytestmark = pytest.mark.embedded("what answers is the engine's in both modes")

PASSWORD, OTHER = "Correct-Horse-7", "Battery-Staple-8"
ALL_FLOWS = [
    *("ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"),
    *("ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"),
]


@dataclass
class Pool:
    """A user pool of a test's own."""

    stack: Stack
    id: str
    api: Any
    secrets: dict[str, str] = field(default_factory=dict)

    def client(self, **settings: Any) -> str:
        """Make an app client, which allows all flows unless it says otherwise."""
        wanted = {"ExplicitAuthFlows": ALL_FLOWS, "ClientName": uuid.uuid4().hex, **settings}
        made = self.api.create_user_pool_client(UserPoolId=self.id, **wanted)["UserPoolClient"]
        self.secrets[made["ClientId"]] = made.get("ClientSecret", "")
        return str(made["ClientId"])

    def user(self, name: str = "ada", **attributes: str) -> str:
        """Make a user who is confirmed and has a password."""
        self.api.admin_create_user(
            UserPoolId=self.id,
            Username=name,
            MessageAction="SUPPRESS",
            UserAttributes=listed(attributes),
        )
        self.api.admin_set_user_password(
            UserPoolId=self.id, Username=name, Password=PASSWORD, Permanent=True
        )
        return name

    def sign_in(self, client: str, name: str = "ada", password: str = PASSWORD) -> dict[str, Any]:
        answer: dict[str, Any] = self.api.initiate_auth(
            ClientId=client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": password},
        )
        return answer

    def tokens(self, client: str, name: str = "ada") -> dict[str, str]:
        found: dict[str, str] = self.sign_in(client, name)["AuthenticationResult"]
        return found

    def srp(self, client: str, password: str = PASSWORD, name: str = "ada") -> dict[str, Any]:
        """Sign in with what pycognito answers; what comes next is the test's."""
        secret = self.secrets[client] or None
        helper = AWSSRP(name, password, self.id, client, client=self.api, client_secret=secret)
        given = helper.get_auth_params()
        begun = self.api.initiate_auth(
            ClientId=client, AuthFlow="USER_SRP_AUTH", AuthParameters=given
        )
        found: dict[str, Any] = self.api.respond_to_auth_challenge(
            ClientId=client,
            ChallengeName="PASSWORD_VERIFIER",
            ChallengeResponses=helper.process_challenge(begun["ChallengeParameters"], given),
        )
        return found

    def code(self, name: str = "ada") -> str:
        """Return the code that a user was sent last."""
        return str(self.messages(name)[-1]["Code"])

    def messages(self, name: str = "ada") -> list[dict[str, Any]]:
        answer = httpx.get(
            f"{self.stack.ports.engine_url}/_aws/cognito-idp/messages",
            params={"userPoolId": self.id, "username": name},
            trust_env=False,
        )
        found: list[dict[str, Any]] = answer.json()["messages"]
        return found


class Pools:
    def __init__(self, stack: Stack) -> None:
        self.stack, self.api, self.made = stack, stack.aws("cognito-idp"), list[str]()

    def new(self, **settings: Any) -> Pool:
        made = self.api.create_user_pool(PoolName=uuid.uuid4().hex, **settings)["UserPool"]
        self.made.append(made["Id"])
        return Pool(self.stack, made["Id"], self.api)


@pytest.fixture
def pools(stack: Stack) -> Iterator[Pools]:
    pools = Pools(stack)
    yield pools
    for identifier in pools.made:
        pools.api.delete_user_pool(UserPoolId=identifier)


@pytest.fixture
def pool(pools: Pools) -> Pool:
    return pools.new(AutoVerifiedAttributes=["email"])


def listed(attributes: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": n.replace("__", ":"), "Value": v} for n, v in attributes.items()]


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


class refused:  # noqa: N801 - reads as a function
    """The block ends in an error of this code, with these words."""

    def __init__(self, code: str, words: str = "") -> None:
        self.code, self.words = code, words

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        assert isinstance(error, ClientError), f"not refused: {self.code} {self.words}"
        told = error.response["Error"]
        assert (told["Code"], self.words in told["Message"]) == (self.code, True), told
        return True


# -- secret hashes and flows ---------------------------------------------------------------------


def test_a_client_with_a_secret_signs_in_with_its_hash_alone(pool: Pool) -> None:
    client, name = pool.client(GenerateSecret=True), pool.user(email="a@b.c")
    right = secret_hash(name, client, pool.secrets[client])
    unable = f"Unable to verify secret hash for client {client}"
    for given, words in ((None, "SECRET_HASH was not received"), ("d3Jvbmc=", unable)):
        hashed = {"SECRET_HASH": given} if given else {}
        signed = {"SecretHash": given} if given else {}
        parameters = {"USERNAME": name, "PASSWORD": PASSWORD, "SRP_A": "ff", **hashed}
        for flow in ("USER_PASSWORD_AUTH", "USER_SRP_AUTH", "CUSTOM_AUTH"):
            with refused("NotAuthorizedException", words):
                pool.api.initiate_auth(ClientId=client, AuthFlow=flow, AuthParameters=parameters)
        with refused("NotAuthorizedException", words):
            pool.api.admin_initiate_auth(
                UserPoolId=pool.id,
                ClientId=client,
                AuthFlow="ADMIN_USER_PASSWORD_AUTH",
                AuthParameters=parameters,
            )
        with refused("NotAuthorizedException", words):
            pool.api.respond_to_auth_challenge(
                ClientId=client,
                ChallengeName="NEW_PASSWORD_REQUIRED",
                Session="s" * 20,
                ChallengeResponses={"USERNAME": name, "NEW_PASSWORD": OTHER, **hashed},
            )
        known = {"ClientId": client, "Username": name, **signed}
        code = {"ConfirmationCode": "1"}
        for operation, more in (
            (pool.api.sign_up, {"Username": "new", "Password": PASSWORD}),
            (pool.api.confirm_sign_up, code),
            (pool.api.resend_confirmation_code, {}),
            (pool.api.forgot_password, {}),
            (pool.api.confirm_forgot_password, {**code, "Password": OTHER}),
        ):
            with refused("NotAuthorizedException", words if given is None else "Unable"):
                operation(**{**known, **more})
    answer = pool.api.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD, "SECRET_HASH": right},
    )
    token = answer["AuthenticationResult"]["RefreshToken"]
    with refused("NotAuthorizedException", "SECRET_HASH was not received"):
        pool.api.initiate_auth(
            ClientId=client,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": token},
        )
    for secret in ({}, {"ClientSecret": "wrong" * 8}):
        with refused("NotAuthorizedException", "client secret"):
            pool.api.get_tokens_from_refresh_token(ClientId=client, RefreshToken=token, **secret)
        with refused("NotAuthorizedException", "client secret"):
            pool.api.revoke_token(ClientId=client, Token=token, **secret)
    assert "AuthenticationResult" in pool.srp(client)


def test_a_flow_that_a_client_does_not_allow_is_refused(pool: Pool) -> None:
    pool.user()
    usual, bare = (
        pool.client(ExplicitAuthFlows=[]),
        pool.client(ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]),
    )
    with refused(
        "InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client"
    ):
        pool.sign_in(usual)
    with refused("InvalidParameterException", "Auth flow not enabled for this client"):
        pool.api.admin_initiate_auth(
            UserPoolId=pool.id,
            ClientId=usual,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ada", "PASSWORD": PASSWORD},
        )
    assert "AuthenticationResult" in pool.srp(usual), "SRP is allowed by default"
    token = pool.tokens(bare)["RefreshToken"]
    with refused("InvalidParameterException", "USER_SRP_AUTH is not enabled for the client."):
        pool.srp(bare)
    with refused("InvalidParameterException", "CUSTOM_AUTH is not enabled for the client."):
        pool.api.initiate_auth(
            ClientId=bare, AuthFlow="CUSTOM_AUTH", AuthParameters={"USERNAME": "ada"}
        )
    with refused("InvalidParameterException", "REFRESH_TOKEN_AUTH"):
        pool.api.initiate_auth(
            ClientId=bare,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": token},
        )


# -- SRP -----------------------------------------------------------------------------------------


def test_pycognito_signs_in_by_srp_and_only_with_the_password(pool: Pool) -> None:
    client, _ = pool.client(), pool.user(email="a@b.c")
    found = AWSSRP("ada", PASSWORD, pool.id, client, client=pool.api).authenticate_user()
    assert claims(found["AuthenticationResult"]["AccessToken"])["username"] == "ada"
    with refused("NotAuthorizedException", "Incorrect username or password."):
        AWSSRP("ada", OTHER, pool.id, client, client=pool.api).authenticate_user()


@pytest.mark.parametrize("signature", ["", "AAAA", base64.b64encode(bytes(32)).decode()])
def test_another_signature_signs_nobody_in(pool: Pool, signature: str) -> None:
    client, _ = pool.client(), pool.user()
    helper = AWSSRP("ada", PASSWORD, pool.id, client, client=pool.api)
    begun = pool.api.initiate_auth(
        ClientId=client, AuthFlow="USER_SRP_AUTH", AuthParameters=helper.get_auth_params()
    )
    asked = begun["ChallengeParameters"]
    answer = helper.process_challenge(asked, {"USERNAME": "ada"})
    with pytest.raises(ClientError, match=r"Incorrect username|Missing required"):
        pool.api.respond_to_auth_challenge(
            ClientId=client,
            ChallengeName="PASSWORD_VERIFIER",
            ChallengeResponses={**answer, "PASSWORD_CLAIM_SIGNATURE": signature},
        )
    with refused("NotAuthorizedException"):  # the block was used
        pool.api.respond_to_auth_challenge(
            ClientId=client, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=answer
        )


def test_a_public_value_of_zero_begins_no_exchange(pool: Pool) -> None:
    client, _ = pool.client(), pool.user()
    with refused("InvalidParameterException", "SRP_A"):
        pool.api.initiate_auth(
            ClientId=client,
            AuthFlow="USER_SRP_AUTH",
            AuthParameters={"USERNAME": "ada", "SRP_A": "0"},
        )


def test_a_signature_of_one_user_signs_no_other_in(pool: Pool) -> None:
    client, _, _ = pool.client(), pool.user("ada"), pool.user("bob")
    helper = AWSSRP("ada", PASSWORD, pool.id, client, client=pool.api)
    begun = pool.api.initiate_auth(
        ClientId=client, AuthFlow="USER_SRP_AUTH", AuthParameters=helper.get_auth_params()
    )
    answer = helper.process_challenge(begun["ChallengeParameters"], {"USERNAME": "ada"})
    with refused("NotAuthorizedException"):
        pool.api.respond_to_auth_challenge(
            ClientId=client,
            ChallengeName="PASSWORD_VERIFIER",
            ChallengeResponses={**answer, "USERNAME": "bob"},
        )


def test_strangers_are_told_of_only_where_the_client_tells(pool: Pool) -> None:
    tells, keeps = pool.client(), pool.client(PreventUserExistenceErrors="ENABLED")
    for sign_in in (pool.sign_in, lambda client, name: pool.srp(client, name=name)):
        with refused("UserNotFoundException"):
            sign_in(tells, "nobody")
        with refused("NotAuthorizedException", "Incorrect username or password."):
            sign_in(keeps, "nobody")
    salts = {
        pool.api.initiate_auth(
            ClientId=keeps,
            AuthFlow="USER_SRP_AUTH",
            AuthParameters={"USERNAME": "nobody", "SRP_A": "ff"},
        )["ChallengeParameters"]["SALT"]
        for _ in range(2)
    }
    assert len(salts) == 1, "a salt that changes gives a stranger away"
    with refused("UserNotFoundException"):
        pool.api.forgot_password(ClientId=tells, Username="nobody")
    assert pool.api.forgot_password(ClientId=keeps, Username="nobody")["CodeDeliveryDetails"]


NODE = """
const { CognitoUserPool, CognitoUser, AuthenticationDetails } =
  require("amazon-cognito-identity-js");
const [endpoint, pool, client, username, password] = process.argv.slice(2);
const userPool = new CognitoUserPool({ UserPoolId: pool, ClientId: client, endpoint });
const user = new CognitoUser({ Username: username, Pool: userPool });
user.authenticateUser(new AuthenticationDetails({ Username: username, Password: password }), {
  onSuccess: (session) => console.log(JSON.stringify(session.getIdToken().payload)),
  onFailure: (error) => console.log(JSON.stringify({ error: error.code || error.name })),
});
"""


@pytest.mark.skipif(
    shutil.which("npm") is None or shutil.which("node") is None,
    reason="Node.js and npm are not installed",
)
def test_amazons_javascript_client_signs_in_by_srp(pool: Pool) -> None:
    folder = PROJECT / ".local-cloud" / "packages" / "cognito-client"
    if not (folder / "node_modules").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(
            [*command, "--ignore-scripts", "amazon-cognito-identity-js@6.3.16"],
            cwd=folder,
            check=True,
            timeout=300,
        )
    (folder / "sign-in.js").write_text(NODE)
    client, _ = pool.client(), pool.user(email="a@b.c")

    def sign_in(password: str) -> Any:
        done = subprocess.run(
            ["node", "sign-in.js", pool.stack.ports.engine_url, pool.id, client, "ada", password],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    assert sign_in(PASSWORD)["email"] == "a@b.c"
    assert sign_in(OTHER) == {"error": "NotAuthorizedException"}


# -- passwords -----------------------------------------------------------------------------------


def test_who_fails_five_times_waits(pool: Pool) -> None:
    client, _ = pool.client(), pool.user()
    for _ in range(5):
        with refused("NotAuthorizedException", "Incorrect username or password."):
            pool.sign_in(client, password=OTHER)
    # Locked for a second from the fifth failure on; the sixth one would lock for two.
    while True:
        try:
            pool.sign_in(client, password=OTHER)
        except ClientError as error:
            words = error.response["Error"]["Message"]
            if words == "Password attempts exceeded":
                break
            assert words == "Incorrect username or password."
    with refused("NotAuthorizedException", "Password attempts exceeded"):
        pool.srp(client)
    pool.api.admin_set_user_password(
        UserPoolId=pool.id, Username="ada", Password=PASSWORD, Permanent=True
    )
    assert pool.tokens(client)


def test_nobody_signs_in_who_is_disabled_unconfirmed_or_has_to_reset(pool: Pool) -> None:
    client, _ = pool.client(), pool.user(email="a@b.c", email_verified="true")
    access = pool.tokens(client)["AccessToken"]
    pool.api.admin_disable_user(UserPoolId=pool.id, Username="ada")
    for sign_in in (pool.sign_in, pool.srp):
        with refused("NotAuthorizedException", "User is disabled."):
            sign_in(client)
    with refused("NotAuthorizedException"):
        pool.api.get_user(AccessToken=access)
    pool.api.admin_enable_user(UserPoolId=pool.id, Username="ada")
    pool.api.admin_reset_user_password(UserPoolId=pool.id, Username="ada")
    for sign_in in (pool.sign_in, pool.srp):
        with refused("PasswordResetRequiredException"):
            sign_in(client)
    pool.api.sign_up(ClientId=client, Username="bob", Password=PASSWORD)
    with refused("UserNotConfirmedException"):
        pool.sign_in(client, "bob")
    with refused("UserNotConfirmedException"):
        pool.srp(client, name="bob")


def test_a_temporary_password_is_replaced_at_the_first_sign_in(pools: Pools) -> None:
    pool = pools.new(Schema=[{"Name": "name", "Required": True, "AttributeDataType": "String"}])
    client = pool.client()
    pool.api.admin_create_user(UserPoolId=pool.id, Username="ada", MessageAction="SUPPRESS")
    pool.api.admin_set_user_password(UserPoolId=pool.id, Username="ada", Password=PASSWORD)
    asked = pool.srp(client)
    assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert json.loads(asked["ChallengeParameters"]["requiredAttributes"]) == ["userAttributes.name"]

    def answer(password: str, **more: str) -> Any:
        return pool.api.respond_to_auth_challenge(
            ClientId=client,
            ChallengeName="NEW_PASSWORD_REQUIRED",
            Session=asked["Session"],
            ChallengeResponses={"USERNAME": "ada", "NEW_PASSWORD": password, **more},
        )

    with refused("InvalidPasswordException", "not long enough"):
        answer("short")
    with refused("InvalidParameterException", "name is missing"):
        answer(OTHER)
    found = answer(OTHER, **{"userAttributes.name": "Ada"})["AuthenticationResult"]
    assert claims(found["IdToken"])["name"] == "Ada"
    with refused("NotAuthorizedException", "Invalid session"):
        answer(OTHER)
    assert "AuthenticationResult" in pool.srp(client, OTHER)


def test_an_invitation_holds_a_password_that_signs_in(pool: Pool) -> None:
    client = pool.client()
    pool.api.admin_create_user(
        UserPoolId=pool.id, Username="ada", UserAttributes=listed({"email": "a@b.c"})
    )
    message = pool.messages()[-1]
    assert message["Code"] in message["Message"]
    assert "ada" in message["Message"]
    assert pool.srp(client, message["Code"])["ChallengeName"] == "NEW_PASSWORD_REQUIRED"


def test_no_password_is_kept_or_told(pool: Pool) -> None:
    pool.user()
    secret = f"Only-Here-{uuid.uuid4().hex}"
    pool.api.admin_set_user_password(
        UserPoolId=pool.id, Username="ada", Password=secret, Permanent=True
    )
    assert pool.srp(pool.client(), secret)
    if pool.stack.home is None:
        pytest.skip("needs a stack that the tests started themselves")
    files = [path for path in pool.stack.home.path.rglob("*") if path.is_file()]
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


# -- second factors ------------------------------------------------------------------------------


class Authenticator:
    """An app that shows codes, one after the other: each step's code is good once."""

    def __init__(self, secret: str) -> None:
        self.secret, self.last = secret, int(time.time()) // 30 - 2

    def code(self) -> str:
        """Return the code of the next step that was not shown."""
        self.last += 1
        return totp.code_of_step(self.secret, self.last)


def test_every_user_has_a_secret_of_their_own_and_codes_are_good_once(pool: Pool) -> None:
    pool.api.set_user_pool_mfa_config(
        UserPoolId=pool.id,
        SoftwareTokenMfaConfiguration={"Enabled": True},
        MfaConfiguration="OPTIONAL",
    )
    client, _, _ = pool.client(), pool.user("ada"), pool.user("bob")
    access = {name: pool.tokens(client, name)["AccessToken"] for name in ("ada", "bob")}
    secrets = {
        name: pool.api.associate_software_token(AccessToken=token)["SecretCode"]
        for name, token in access.items()
    }
    assert secrets["ada"] != secrets["bob"]
    app = Authenticator(secrets["ada"])
    first = app.code()
    for wrong in (
        "000000" if first != "000000" else "000001",
        totp.code_of_step(secrets["bob"], app.last),
    ):
        with refused("EnableSoftwareTokenMFAException", "Code mismatch"):
            pool.api.verify_software_token(AccessToken=access["ada"], UserCode=wrong)
    with refused("InvalidParameterException", "not verified"):
        pool.api.set_user_mfa_preference(
            AccessToken=access["ada"], SoftwareTokenMfaSettings={"Enabled": True}
        )
    pool.api.verify_software_token(AccessToken=access["ada"], UserCode=first)
    pool.api.set_user_mfa_preference(
        AccessToken=access["ada"],
        SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True},
    )
    asked = pool.srp(client)
    assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    def answer(code: str, session: str = "") -> Any:
        return pool.api.respond_to_auth_challenge(
            ClientId=client,
            ChallengeName="SOFTWARE_TOKEN_MFA",
            Session=session or asked["Session"],
            ChallengeResponses={"USERNAME": "ada", "SOFTWARE_TOKEN_MFA_CODE": code},
        )

    with refused("ExpiredCodeException", "already been used once"):
        answer(first)
    with refused("CodeMismatchException", "Invalid code received for user"):
        answer("000000")
    used = app.code()
    assert answer(used)["AuthenticationResult"]["AccessToken"]
    again = pool.sign_in(client)
    assert again["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    with refused("ExpiredCodeException", "already been used once"):
        answer(used, again["Session"])
    assert "AuthenticationResult" in pool.sign_in(client, "bob"), "it is optional"
    pool.api.admin_set_user_mfa_preference(
        UserPoolId=pool.id, Username="ada", SoftwareTokenMfaSettings={"Enabled": False}
    )
    assert "AuthenticationResult" in pool.sign_in(client)


def test_a_pool_that_requires_a_factor_has_it_set_up_at_the_first_sign_in(pool: Pool) -> None:
    client, _ = pool.client(), pool.user()
    pool.api.set_user_pool_mfa_config(
        UserPoolId=pool.id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="ON"
    )
    described = pool.api.describe_user_pool(UserPoolId=pool.id)["UserPool"]
    assert described["MfaConfiguration"] == "ON"
    asked = pool.sign_in(client)
    assert asked["ChallengeName"] == "MFA_SETUP"
    assert json.loads(asked["ChallengeParameters"]["MFAS_CAN_SETUP"]) == ["SOFTWARE_TOKEN_MFA"]

    def set_up(session: str) -> Any:
        return pool.api.respond_to_auth_challenge(
            ClientId=client,
            ChallengeName="MFA_SETUP",
            Session=session,
            ChallengeResponses={"USERNAME": "ada"},
        )

    with refused("NotAuthorizedException", "Invalid session"):
        set_up(asked["Session"])
    asked = pool.sign_in(client)
    began = pool.api.associate_software_token(Session=asked["Session"])
    app = Authenticator(began["SecretCode"])
    verified = pool.api.verify_software_token(Session=began["Session"], UserCode=app.code())
    assert set_up(verified["Session"])["AuthenticationResult"]["AccessToken"]
    assert pool.sign_in(client)["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


def test_a_text_message_is_a_factor_too(pool: Pool) -> None:
    pool.api.set_user_pool_mfa_config(
        UserPoolId=pool.id,
        SmsMfaConfiguration={
            "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::000000000000:role/sms"}
        },
        MfaConfiguration="OPTIONAL",
    )
    client, _ = pool.client(), pool.user(phone_number="+4712345678")
    pool.api.admin_set_user_mfa_preference(
        UserPoolId=pool.id, Username="ada", SMSMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
    asked = pool.sign_in(client)
    assert asked["ChallengeName"] == "SMS_MFA"

    def answer(code: str) -> Any:
        return pool.api.respond_to_auth_challenge(
            ClientId=client,
            ChallengeName="SMS_MFA",
            Session=asked["Session"],
            ChallengeResponses={"USERNAME": "ada", "SMS_MFA_CODE": code},
        )

    with refused("CodeMismatchException"):
        answer("none")
    assert answer(pool.code())["AuthenticationResult"]["AccessToken"]
