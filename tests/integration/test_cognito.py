"""Cognito user pools: who signs in, and who does not; by the SDKs' own clients."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
from tests.integration.test_lambda_api import zipped
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

    def tokens(self, client: str, name: str = "ada") -> dict[str, Any]:
        found: dict[str, Any] = self.sign_in(client, name)["AuthenticationResult"]
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
    pool.user("ada")
    for name in ("nobody", "ada"):  # she has no address to which a code could go
        assert pool.api.forgot_password(ClientId=keeps, Username=name)["CodeDeliveryDetails"]
    assert pool.messages() == []


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
    # A second from the fifth failure on, two from the sixth, …: both ways meet a lock in the end.
    keeps = pool.client(PreventUserExistenceErrors="ENABLED")
    for known in ({"client": client, "name": "ada"}, {"client": keeps, "name": "nobody"}):
        for sign_in in (pool.sign_in, pool.srp):
            words = ""
            while words != "Password attempts exceeded":
                with pytest.raises(ClientError) as error:
                    sign_in(**known, password=OTHER)
                words = error.value.response["Error"]["Message"]
    pool.api.admin_set_user_password(
        UserPoolId=pool.id, Username="ada", Password=PASSWORD, Permanent=True
    )
    assert pool.tokens(client)


@pytest.mark.parametrize("way", ["password", "srp"])
def test_attempts_that_come_at_once_are_counted_one_by_one(pool: Pool, way: str) -> None:
    client, _ = pool.client(), pool.user()
    sign_in = pool.sign_in if way == "password" else pool.srp

    def attempt(number: int) -> str:
        with pytest.raises(ClientError) as error:
            sign_in(client, password=f"{OTHER}{number}")
        return str(error.value.response["Error"]["Message"])

    with ThreadPoolExecutor(24) as threads:
        told = Counter(threads.map(attempt, range(24)))
    # Five are free; another one is after a second, and after two more.
    assert told["Incorrect username or password."] <= 7, told


def test_nobody_takes_a_name_that_means_somebody_else(pool: Pool) -> None:
    client, _ = pool.client(), pool.user()
    sub = claims(pool.tokens(client)["AccessToken"])["sub"]
    found = pool.api.admin_get_user(UserPoolId=pool.id, Username=sub)
    assert found["Username"] == "ada"
    with refused("UsernameExistsException"):
        pool.api.sign_up(ClientId=client, Username=sub, Password=OTHER)
    with refused("UsernameExistsException"):
        pool.api.admin_create_user(UserPoolId=pool.id, Username=sub)


@pytest.mark.parametrize("name", ["ada ", "ada\n", "a\0b", "\ud800", "\u200b", "a" * 129])
def test_a_user_name_is_what_can_be_seen(pool: Pool, name: str) -> None:
    with refused("InvalidParameterException", "'username' failed to satisfy constraint"):
        pool.api.sign_up(ClientId=pool.client(), Username=name, Password=PASSWORD)
    with refused("InvalidParameterException", "'username' failed to satisfy constraint"):
        pool.api.admin_create_user(UserPoolId=pool.id, Username=name)


def begun_by_srp(pool: Pool, client: str, password: str = PASSWORD) -> dict[str, Any]:
    """Begin a sign-in, and return what ends it."""
    helper = AWSSRP("ada", password, pool.id, client, client=pool.api)
    given = helper.get_auth_params()
    begun = pool.api.initiate_auth(ClientId=client, AuthFlow="USER_SRP_AUTH", AuthParameters=given)
    return {
        "ClientId": client,
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeResponses": helper.process_challenge(begun["ChallengeParameters"], given),
    }


def test_what_was_begun_with_an_old_password_ends_with_it(pool: Pool) -> None:
    client, _ = pool.client(), pool.user()
    began = begun_by_srp(pool, client)
    pool.api.admin_set_user_password(
        UserPoolId=pool.id, Username="ada", Password=OTHER, Permanent=True
    )
    with refused("NotAuthorizedException", "Invalid session"):
        pool.api.respond_to_auth_challenge(**began)
    began = begun_by_srp(pool, client, OTHER)
    pool.api.admin_delete_user(UserPoolId=pool.id, Username="ada")
    pool.user()
    with refused("NotAuthorizedException", "Invalid session"):
        pool.api.respond_to_auth_challenge(**began)


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


def test_no_password_is_kept_and_no_code_is_logged(pool: Pool) -> None:
    if pool.stack.home is None:
        pytest.skip("needs a stack that the tests started themselves")
    pool.user(email="a@b.c", email_verified="true")
    password = f"Only-Here-{uuid.uuid4().hex}"
    pool.api.admin_set_user_password(
        UserPoolId=pool.id, Username="ada", Password=password, Permanent=True
    )
    client = pool.client()
    token = pool.sign_in(client, password=password)["AuthenticationResult"]["RefreshToken"]
    pool.api.forgot_password(ClientId=client, Username="ada")
    held = {path: path.read_bytes() for path in pool.stack.home.path.rglob("*") if path.is_file()}
    for secret in (password, token):
        assert [path for path, data in held.items() if secret.encode() in data] == []
    text = pool.messages()[-1]["Message"].encode()
    logged = [path for path, data in held.items() if path.suffix == ".log" and text in data]
    assert logged == []


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


def test_codes_are_not_guessed_by_signing_in_again_and_again(pool: Pool) -> None:
    client, _ = pool.client(), pool.user()
    pool.api.set_user_pool_mfa_config(
        UserPoolId=pool.id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="ON"
    )
    asked = pool.sign_in(client)
    began = pool.api.associate_software_token(Session=asked["Session"])
    app = Authenticator(began["SecretCode"])
    verified = pool.api.verify_software_token(Session=began["Session"], UserCode=app.code())
    pool.api.respond_to_auth_challenge(
        ClientId=client,
        ChallengeName="MFA_SETUP",
        Session=verified["Session"],
        ChallengeResponses={"USERNAME": "ada"},
    )
    words = ""
    while words != "Password attempts exceeded":
        with pytest.raises(ClientError) as error:
            pool.api.respond_to_auth_challenge(
                ClientId=client,
                ChallengeName="SOFTWARE_TOKEN_MFA",
                Session=pool.sign_in(client)["Session"],
                ChallengeResponses={"USERNAME": "ada", "SOFTWARE_TOKEN_MFA_CODE": "none"},
            )
        words = error.value.response["Error"]["Message"]


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


# -- attributes and tokens -----------------------------------------------------------------------

SCHEMA = [
    {"Name": "plan", "AttributeDataType": "String", "Mutable": False},
    {"Name": "team", "AttributeDataType": "String", "Mutable": True},
]


def test_attributes_are_those_of_the_schema_and_change_only_if_they_may(pools: Pools) -> None:
    pool = pools.new(Schema=SCHEMA)
    client = pool.client()
    described = pool.api.describe_user_pool(UserPoolId=pool.id)["UserPool"]["SchemaAttributes"]
    assert {"sub", "email", "custom:plan"} <= {one["Name"] for one in described}
    with refused("InvalidParameterException", "Type for attribute {custom:no} could not be"):
        pool.api.sign_up(
            ClientId=client,
            Username="ada",
            Password=PASSWORD,
            UserAttributes=listed({"custom__no": "1"}),
        )
    with refused("InvalidParameterException", "Type for attribute {nope} could not be"):
        pool.user("eve", nope="1")
    pool.user(custom__plan="gold", custom__team="a", email="a@b.c")
    token = pool.tokens(client)["AccessToken"]
    for given, words in (
        ({"custom__plan": "lead"}, "user.custom:plan: Attribute cannot be updated."),
        ({"sub": "other"}, "user.sub: Attribute cannot be updated."),
        ({"custom__no": "1"}, "user.custom:no: Attribute does not exist in the schema."),
    ):
        with refused("InvalidParameterException", words):
            pool.api.update_user_attributes(AccessToken=token, UserAttributes=listed(given))
        with refused("InvalidParameterException", words):
            pool.api.admin_update_user_attributes(
                UserPoolId=pool.id, Username="ada", UserAttributes=listed(given)
            )
    with refused("NotAuthorizedException", "email_verified"):
        pool.api.update_user_attributes(
            AccessToken=token, UserAttributes=listed({"email_verified": "true"})
        )
    with refused("InvalidParameterException", "custom:plan"):
        pool.api.delete_user_attributes(AccessToken=token, UserAttributeNames=["custom:plan"])
    pool.api.delete_user_attributes(AccessToken=token, UserAttributeNames=["custom:team"])
    held = pool.api.get_user(AccessToken=token)["UserAttributes"]
    assert {one["Name"] for one in held} == {"sub", "email", "custom:plan"}


def test_an_id_token_tells_what_its_client_may_read(pools: Pools) -> None:
    pool = pools.new(Schema=SCHEMA)
    pool.user(email="a@b.c", email_verified="true", custom__plan="gold", given_name="Ada")
    pool.api.create_group(
        UserPoolId=pool.id, GroupName="users", Precedence=2, RoleArn="arn:aws:iam::1:role/u"
    )
    pool.api.create_group(UserPoolId=pool.id, GroupName="admins", Precedence=1)
    for group in ("users", "admins"):
        pool.api.admin_add_user_to_group(UserPoolId=pool.id, Username="ada", GroupName=group)
    whole = claims(pool.tokens(pool.client())["IdToken"])
    assert (whole["email_verified"], whole["custom:plan"]) == (True, "gold")
    assert whole["given_name"] == "Ada"
    assert whole["cognito:groups"] == ["admins", "users"]
    assert whole["cognito:preferred_role"] == "arn:aws:iam::1:role/u"
    assert (whole["cognito:username"], whole["token_use"]) == ("ada", "id")
    few = pool.client(ReadAttributes=["email"], WriteAttributes=["name"])
    given = pool.tokens(few)
    assert claims(given["IdToken"])["email"] == "a@b.c"
    assert not {"email_verified", "custom:plan", "given_name"} & claims(given["IdToken"]).keys()
    access = claims(given["AccessToken"])
    assert "email" not in access
    assert access["cognito:groups"] == ["admins", "users"]
    read = pool.api.get_user(AccessToken=given["AccessToken"])["UserAttributes"]
    assert {one["Name"] for one in read} == {"sub", "email"}
    with refused("NotAuthorizedException", "attempted to write unauthorized attribute"):
        pool.api.update_user_attributes(
            AccessToken=given["AccessToken"], UserAttributes=listed({"email": "x@y.z"})
        )


def test_required_attributes_and_a_good_password_are_asked_at_sign_up(pools: Pools) -> None:
    pool = pools.new(Schema=[{"Name": "email", "Required": True, "AttributeDataType": "String"}])
    client = pool.client()
    with refused("InvalidParameterException", "email: The attribute is required"):
        pool.api.sign_up(ClientId=client, Username="ada", Password=PASSWORD)
    with refused("InvalidPasswordException", "Password must have numeric characters"):
        pool.api.sign_up(ClientId=client, Username="ada", Password="No-Numbers-Here")
    closed = pools.new(AdminCreateUserConfig={"AllowAdminCreateUserOnly": True})
    with refused("NotAuthorizedException", "SignUp is not permitted for this user pool"):
        closed.api.sign_up(ClientId=closed.client(), Username="ada", Password=PASSWORD)


def test_who_signs_in_by_address_is_known_by_it(pools: Pools) -> None:
    pool = pools.new(UsernameAttributes=["email"], AutoVerifiedAttributes=["email"])
    client = pool.client()
    with refused("InvalidParameterException", "Username should be an email."):
        pool.api.sign_up(ClientId=client, Username="ada", Password=PASSWORD)
    made = pool.api.sign_up(ClientId=client, Username="ada@example.com", Password=PASSWORD)
    with refused("UsernameExistsException"):
        pool.api.sign_up(ClientId=client, Username="ada@example.com", Password=PASSWORD)
    pool.api.confirm_sign_up(
        ClientId=client, Username="ada@example.com", ConfirmationCode=pool.code(made["UserSub"])
    )
    found = pool.srp(client, name="ada@example.com")["AuthenticationResult"]
    assert claims(found["IdToken"])["cognito:username"] == made["UserSub"]
    assert claims(found["IdToken"])["email"] == "ada@example.com"


# -- codes ---------------------------------------------------------------------------------------


def test_a_sign_up_is_confirmed_by_the_code_that_was_sent_last(pool: Pool) -> None:
    client = pool.client()
    made = pool.api.sign_up(
        ClientId=client,
        Username="ada",
        Password=PASSWORD,
        UserAttributes=listed({"email": "ada@example.com"}),
    )
    assert made["CodeDeliveryDetails"]["Destination"] == "a***@e***"
    first = pool.code()
    sent = pool.api.resend_confirmation_code(ClientId=client, Username="ada")
    assert sent["CodeDeliveryDetails"]["DeliveryMedium"] == "EMAIL"
    known = {"ClientId": client, "Username": "ada"}
    wrong = "none" if first == pool.code() else first
    with refused("CodeMismatchException", "Invalid verification code provided"):
        pool.api.confirm_sign_up(**known, ConfirmationCode=wrong)
    assert pool.messages()[-1]["Code"] in pool.messages()[-1]["Message"]
    code = pool.code()
    pool.api.confirm_sign_up(**known, ConfirmationCode=code)
    with refused("NotAuthorizedException", "Current status is CONFIRMED"):
        pool.api.confirm_sign_up(**known, ConfirmationCode=code)
    assert claims(pool.tokens(client)["IdToken"])["email_verified"] is True
    with refused("InvalidParameterException", "already confirmed"):
        pool.api.resend_confirmation_code(**known)


def test_a_code_is_not_guessed(pool: Pool) -> None:
    client = pool.client()
    known = {"ClientId": client, "Username": "ada"}
    pool.api.sign_up(**known, Password=PASSWORD, UserAttributes=listed({"email": "a@b.c"}))
    for _ in range(5):
        with refused("CodeMismatchException"):
            pool.api.confirm_sign_up(**known, ConfirmationCode="none")
    with refused("LimitExceededException", "Attempt limit exceeded"):
        pool.api.confirm_sign_up(**known, ConfirmationCode=pool.code())


def test_a_forgotten_password_is_replaced_by_a_code(pool: Pool) -> None:
    client, _ = pool.client(), pool.user(email="a@b.c")
    known = {"ClientId": client, "Username": "ada"}
    with refused("InvalidParameterException", "no registered/verified email"):
        pool.api.forgot_password(**known)
    pool.api.admin_update_user_attributes(
        UserPoolId=pool.id, Username="ada", UserAttributes=listed({"email_verified": "true"})
    )
    with refused("ExpiredCodeException"):
        pool.api.confirm_forgot_password(**known, ConfirmationCode="000000", Password=OTHER)
    pool.api.forgot_password(**known)
    code = pool.code()
    with refused("CodeMismatchException"):
        pool.api.confirm_forgot_password(**known, ConfirmationCode="none", Password=OTHER)
    with refused("InvalidPasswordException"):
        pool.api.confirm_forgot_password(**known, ConfirmationCode=code, Password="short1")
    pool.api.confirm_forgot_password(**known, ConfirmationCode=code, Password=OTHER)
    with refused("ExpiredCodeException"):
        pool.api.confirm_forgot_password(**known, ConfirmationCode=code, Password=PASSWORD)
    with refused("NotAuthorizedException"):
        pool.sign_in(client)
    assert "AuthenticationResult" in pool.sign_in(client, password=OTHER)


def test_an_address_that_changes_is_verified_anew(pools: Pools) -> None:
    strict = {"AttributesRequireVerificationBeforeUpdate": ["email"]}
    for settings, kept in (({}, "new@b.c"), ({"UserAttributeUpdateSettings": strict}, "a@b.c")):
        pool = pools.new(AutoVerifiedAttributes=["email"], **settings)
        client, _ = pool.client(), pool.user(email="a@b.c", email_verified="true")
        token = pool.tokens(client)["AccessToken"]
        sent = pool.api.update_user_attributes(
            AccessToken=token, UserAttributes=listed({"email": "new@b.c"})
        )
        assert sent["CodeDeliveryDetailsList"][0]["Destination"] == "n***@b***"
        found = claims(pool.tokens(client)["IdToken"])
        assert (found["email"], found["email_verified"]) == (kept, kept == "a@b.c")
        verify = {"AccessToken": token, "AttributeName": "email"}
        with refused("CodeMismatchException"):
            pool.api.verify_user_attribute(**verify, Code="none")
        pool.api.verify_user_attribute(**verify, Code=pool.code())
        found = claims(pool.tokens(client)["IdToken"])
        assert (found["email"], found["email_verified"]) == ("new@b.c", True)


# -- refresh and revocation ----------------------------------------------------------------------


def test_tokens_are_refreshed_until_they_are_revoked(pool: Pool) -> None:
    client = pool.client(AccessTokenValidity=10, TokenValidityUnits={"AccessToken": "minutes"})
    other, _ = pool.client(), pool.user()
    first = pool.tokens(client)
    assert first["ExpiresIn"] == 600
    fresh = pool.api.get_tokens_from_refresh_token(
        ClientId=client, RefreshToken=first["RefreshToken"]
    )["AuthenticationResult"]
    assert "RefreshToken" not in fresh
    again = pool.api.initiate_auth(
        ClientId=client,
        AuthFlow="REFRESH_TOKEN_AUTH",
        AuthParameters={"REFRESH_TOKEN": first["RefreshToken"]},
    )["AuthenticationResult"]
    names = {claims(one["AccessToken"])["origin_jti"] for one in (first, fresh, again)}
    assert len(names) == 1
    with refused("NotAuthorizedException", "Invalid Refresh Token"):
        pool.api.get_tokens_from_refresh_token(ClientId=other, RefreshToken=first["RefreshToken"])
    with refused("UnauthorizedException"):
        pool.api.revoke_token(ClientId=other, Token=first["RefreshToken"])
    assert pool.api.get_user(AccessToken=again["AccessToken"])["Username"] == "ada"
    pool.api.revoke_token(ClientId=client, Token=first["RefreshToken"])
    with refused("NotAuthorizedException", "Access Token has been revoked"):
        pool.api.get_user(AccessToken=again["AccessToken"])
    with refused("NotAuthorizedException", "Invalid Refresh Token"):
        pool.api.get_tokens_from_refresh_token(ClientId=client, RefreshToken=first["RefreshToken"])


def test_who_signs_out_everywhere_has_no_tokens_left(pool: Pool) -> None:
    client, _ = pool.client(), pool.user()
    one, two = pool.tokens(client), pool.tokens(client)
    pool.api.global_sign_out(AccessToken=one["AccessToken"])
    for given in (one, two):
        with refused("NotAuthorizedException", "revoked"):
            pool.api.get_user(AccessToken=given["AccessToken"])
        with refused("NotAuthorizedException"):
            pool.api.get_tokens_from_refresh_token(
                ClientId=client, RefreshToken=given["RefreshToken"]
            )
    three = pool.tokens(client)
    assert pool.api.get_user(AccessToken=three["AccessToken"])["Username"] == "ada"
    with refused("NotAuthorizedException", "Invalid Access Token"):
        pool.api.get_user(AccessToken=three["IdToken"])


@pytest.mark.parametrize("grace", [0, 60])
def test_a_refresh_token_that_rotates_is_good_once_and_within_its_grace(
    pool: Pool, grace: int
) -> None:
    client = pool.client(
        RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": grace}
    )
    pool.user()
    first = pool.tokens(client)["RefreshToken"]

    def refresh(token: str) -> str:
        answer = pool.api.get_tokens_from_refresh_token(ClientId=client, RefreshToken=token)
        return str(answer["AuthenticationResult"]["RefreshToken"])

    second = refresh(first)
    assert second != first
    if grace:
        assert refresh(first) not in (first, second)
    else:
        with refused("RefreshTokenReuseException"):
            refresh(first)
    assert refresh(second) != second
    with refused("InvalidParameterException", "REFRESH_TOKEN_AUTH flow not enabled"):
        pool.api.initiate_auth(
            ClientId=client,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": second},
        )


# -- triggers ------------------------------------------------------------------------------------

#: A pool's functions, in one: what each was told comes back in what it may answer.
TRIGGERS = """
import json, time

def handler(event, context):
    name, _, source = event["triggerSource"].partition("_")
    asked, answer = event["request"], event["response"]
    wish = (asked.get("clientMetadata") or asked.get("validationData") or {}).get("wish", "")
    if f"{name} raises" in wish:
        raise ValueError("not today")
    if wish == f"{name} answers badly":
        return "no event"
    if wish == f"{name} tells":
        raise ValueError(json.dumps(event, sort_keys=True))
    if name == "PreSignUp" and wish.startswith("confirm"):
        answer.update(autoConfirmUser=True, autoVerifyEmail=True)
    if name == "CustomMessage":
        answer.update(emailSubject="Own", emailMessage=f"{source}: {asked['codeParameter']}")
    if name == "TokenGeneration":
        change = {"claimsToAddOrOverride": {"source": source}, "claimsToSuppress": ["email"]}
        groups = {"groupsToOverride": ["chosen"]}
        if event["version"] == "1":
            answer["claimsOverrideDetails"] = {**change, "groupOverrideDetails": groups}
        else:
            answer["claimsAndScopeOverrideDetails"] = {
                "idTokenGeneration": change,
                "accessTokenGeneration": {
                    "claimsToAddOrOverride": {"tenant": {"id": event["version"]}},
                    "scopesToAdd": ["orders/read"],
                },
                "groupOverrideDetails": groups,
            }
    if name == "DefineAuthChallenge":
        met = asked["session"]
        if met and met[-1]["challengeName"] == "SRP_A":
            answer["challengeName"] = "PASSWORD_VERIFIER"
        elif met and met[-1]["challengeName"] == "CUSTOM_CHALLENGE" and met[-1]["challengeResult"]:
            answer["issueTokens"] = True
        elif sum(one["challengeName"] == "CUSTOM_CHALLENGE" for one in met) > 1:
            answer["failAuthentication"] = True
        else:
            answer["challengeName"] = "CUSTOM_CHALLENGE"
    if name == "CreateAuthChallenge":
        answer["publicChallengeParameters"] = {"question": f"round {len(asked['session'])}"}
        answer["privateChallengeParameters"] = {"answer": "42"}
        answer["challengeMetadata"] = "RIDDLE"
    if name == "VerifyAuthChallengeResponse":
        answer["answerCorrect"] = (
            asked["challengeAnswer"] == asked["privateChallengeParameters"]["answer"]
        )
    if name == "UserMigration":
        if event["userName"] != "old":
            raise ValueError("unknown")
        if source == "Authentication" and asked["password"] != "Correct-Horse-7":
            raise ValueError("wrong password")
        answer["userAttributes"] = {"email": "old@b.c", "email_verified": "true"}
        answer["finalUserStatus"] = "CONFIRMED"
    return event
"""
NAMES = (
    *("PreSignUp", "PostConfirmation", "PreAuthentication", "PostAuthentication"),
    *("PreTokenGeneration", "DefineAuthChallenge", "CreateAuthChallenge"),
    *("VerifyAuthChallengeResponse", "UserMigration", "CustomMessage"),
)


@pytest.fixture(scope="module")
def function(stack: Stack) -> Iterator[str]:
    """The ARN of a function that answers every trigger."""
    api, name = stack.aws("lambda"), f"triggers-{uuid.uuid4().hex[:8]}"
    made = api.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="index.handler",
        Code={"ZipFile": zipped(index__py=TRIGGERS)},
    )
    api.get_waiter("function_active_v2").wait(
        FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    yield str(made["FunctionArn"])
    api.delete_function(FunctionName=name)


@pytest.fixture
def triggered(pools: Pools, function: str) -> Pool:
    return pools.new(AutoVerifiedAttributes=["email"], LambdaConfig=dict.fromkeys(NAMES, function))


def wish(words: str) -> dict[str, dict[str, str]]:
    return {"ClientMetadata": {"wish": words}}


def told(error: ClientError) -> dict[str, Any]:
    """Return the event that a function was given and raised."""
    words = error.response["Error"]["Message"]
    found: dict[str, Any] = json.loads(words[words.index("{") : words.rindex("}") + 1])
    return found


def test_functions_confirm_and_greet_who_signs_up(triggered: Pool) -> None:
    pool, client = triggered, triggered.client()
    known = {"ClientId": client, "Password": PASSWORD}
    email = {"UserAttributes": listed({"email": "a@b.c"})}
    made = pool.api.sign_up(Username="ada", **known, **email, **wish("confirm"))
    assert made["UserConfirmed"]
    assert "CodeDeliveryDetails" not in made
    with refused("UserLambdaValidationException", "PostConfirmation failed with error not today."):
        pool.api.sign_up(
            Username="eve", **known, **email, **wish("confirm, PostConfirmation raises")
        )
    with refused("UserLambdaValidationException", "PreSignUp failed with error not today."):
        pool.api.sign_up(Username="bob", **known, **wish("PreSignUp raises"))
    with refused("InvalidLambdaResponseException", "Unrecognizable lambda output"):
        pool.api.sign_up(Username="bob", **known, **wish("PreSignUp answers badly"))
    with refused("UserNotFoundException"):
        pool.api.admin_get_user(UserPoolId=pool.id, Username="bob")
    with pytest.raises(ClientError) as error:
        pool.api.sign_up(Username="bob", **known, **email, **wish("PreSignUp tells"))
    event = told(error.value)
    assert event["callerContext"].pop("awsSdkVersion").startswith("boto3")
    assert event == {
        "version": "1",
        "triggerSource": "PreSignUp_SignUp",
        "region": "us-east-1",
        "userPoolId": pool.id,
        "userName": "bob",
        "callerContext": {"clientId": client},
        "request": {
            "userAttributes": {"email": "a@b.c"},
            "validationData": None,
            "clientMetadata": {"wish": "PreSignUp tells"},
        },
        "response": {
            "autoConfirmUser": False,
            "autoVerifyEmail": False,
            "autoVerifyPhone": False,
        },
    }


def test_functions_write_messages_and_hear_of_confirmations(triggered: Pool) -> None:
    pool, client = triggered, triggered.client()
    pool.api.sign_up(
        ClientId=client,
        Username="ada",
        Password=PASSWORD,
        UserAttributes=listed({"email": "a@b.c"}),
    )
    message = pool.messages()[-1]
    assert (message["Subject"], message["Message"]) == ("Own", f"SignUp: {message['Code']}")
    known = {"ClientId": client, "Username": "ada"}
    with pytest.raises(ClientError) as error:
        pool.api.confirm_sign_up(
            **known, ConfirmationCode=message["Code"], **wish("PostConfirmation tells")
        )
    event = told(error.value)
    assert event["triggerSource"] == "PostConfirmation_ConfirmSignUp"
    assert event["request"]["userAttributes"]["cognito:user_status"] == "CONFIRMED"
    assert event["request"]["userAttributes"]["email_verified"] == "true"
    pool.api.forgot_password(**known)
    assert pool.messages()[-1]["Message"].startswith("ForgotPassword: ")


def test_functions_are_asked_before_and_after_a_sign_in(triggered: Pool) -> None:
    pool, client = triggered, triggered.client()
    pool.user()
    parameters = {"USERNAME": "ada", "PASSWORD": PASSWORD}

    def sign_in(words: str = "", password: str = PASSWORD) -> Any:
        return pool.api.initiate_auth(
            ClientId=client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={**parameters, "PASSWORD": password},
            **wish(words),
        )

    for password in (PASSWORD, OTHER):
        with refused("UserLambdaValidationException", "PreAuthentication failed with error"):
            sign_in("PreAuthentication raises", password)
    with pytest.raises(ClientError) as error:
        sign_in("PreAuthentication tells")
    event = told(error.value)
    assert event["triggerSource"] == "PreAuthentication_Authentication"
    assert event["request"]["validationData"] == {"wish": "PreAuthentication tells"}
    # Of InitiateAuth the other functions hear no metadata; of an answer to a challenge they do.
    assert "AuthenticationResult" in sign_in("PostAuthentication raises")
    helper = AWSSRP("ada", PASSWORD, pool.id, client, client=pool.api)
    with refused("UserLambdaValidationException", "PostAuthentication failed with error not today"):
        helper.authenticate_user(client_metadata={"wish": "PostAuthentication raises"})
    with pytest.raises(ClientError) as error:
        helper.authenticate_user(client_metadata={"wish": "PostAuthentication tells"})
    assert told(error.value)["request"]["newDeviceUsed"] is False


@pytest.mark.parametrize("version", ["V1_0", "V2_0", "V3_0"])
def test_a_function_changes_the_claims_of_tokens(pools: Pools, function: str, version: str) -> None:
    chosen = {"PreTokenGenerationConfig": {"LambdaVersion": version, "LambdaArn": function}}
    pool = pools.new(LambdaConfig=chosen)
    client, _ = pool.client(), pool.user(email="a@b.c")
    given = pool.tokens(client)
    for_id, for_access = claims(given["IdToken"]), claims(given["AccessToken"])
    assert "email" not in for_id
    assert (for_id["source"], for_id["cognito:groups"]) == ("Authentication", ["chosen"])
    assert for_access["cognito:groups"] == ["chosen"]
    if version == "V1_0":
        assert for_access["scope"] == "aws.cognito.signin.user.admin"
    else:
        assert for_access["tenant"] == {"id": version[1]}
        assert for_access["scope"] == "aws.cognito.signin.user.admin orders/read"
    known = {"ClientId": client, "RefreshToken": given["RefreshToken"]}
    fresh = pool.api.get_tokens_from_refresh_token(**known)["AuthenticationResult"]
    assert claims(fresh["IdToken"])["source"] == "RefreshTokens"
    with refused("UserLambdaValidationException", "PreTokenGeneration failed with error not today"):
        pool.api.get_tokens_from_refresh_token(**known, **wish("TokenGeneration raises"))
    with pytest.raises(ClientError) as error:
        pool.api.get_tokens_from_refresh_token(**known, **wish("TokenGeneration tells"))
    event = told(error.value)
    assert event["version"] == version[1]
    assert ("scopes" in event["request"]) == (version != "V1_0")


def test_functions_ask_challenges_of_their_own(triggered: Pool) -> None:
    pool, client = triggered, triggered.client()
    pool.user()

    def begin() -> Any:
        return pool.api.initiate_auth(
            ClientId=client, AuthFlow="CUSTOM_AUTH", AuthParameters={"USERNAME": "ada"}
        )

    def answer(asked: Any, words: str) -> Any:
        return pool.api.respond_to_auth_challenge(
            ClientId=client,
            ChallengeName="CUSTOM_CHALLENGE",
            Session=asked["Session"],
            ChallengeResponses={"USERNAME": "ada", "ANSWER": words},
        )

    asked = begin()
    assert asked["ChallengeName"] == "CUSTOM_CHALLENGE"
    assert asked["ChallengeParameters"] == {"question": "round 0", "USERNAME": "ada"}
    again = answer(asked, "41")
    assert again["ChallengeParameters"]["question"] == "round 1"
    with refused("NotAuthorizedException", "Invalid session"):
        answer(asked, "42")
    assert answer(again, "42")["AuthenticationResult"]["AccessToken"]
    with refused("NotAuthorizedException", "Incorrect username or password."):
        answer(answer(begin(), "41"), "41")


def test_a_challenge_of_a_function_follows_srp(triggered: Pool) -> None:
    pool, client = triggered, triggered.client()
    pool.user()

    def after_srp(password: str) -> Any:
        helper = AWSSRP("ada", password, pool.id, client, client=pool.api)
        given = {**helper.get_auth_params(), "CHALLENGE_NAME": "SRP_A"}
        begun = pool.api.initiate_auth(
            ClientId=client, AuthFlow="CUSTOM_AUTH", AuthParameters=given
        )
        return pool.api.respond_to_auth_challenge(
            ClientId=client,
            ChallengeName=begun["ChallengeName"],
            Session=begun["Session"],
            ChallengeResponses=helper.process_challenge(begun["ChallengeParameters"], given),
        )

    asked = after_srp(PASSWORD)
    assert asked["ChallengeParameters"]["question"] == "round 2"
    with refused("NotAuthorizedException"):
        after_srp(OTHER)


def test_a_function_brings_users_of_another_directory(triggered: Pool) -> None:
    pool, client = triggered, triggered.client()
    with refused("UserNotFoundException", f"Exception migrating user in app client {client}"):
        pool.sign_in(client, "nobody")
    with refused("UserNotFoundException", "Exception migrating user"):
        pool.sign_in(client, "old", OTHER)
    found = pool.sign_in(client, "old")["AuthenticationResult"]
    assert claims(found["IdToken"])["cognito:username"] == "old"
    assert "AuthenticationResult" in pool.srp(client, name="old"), "the user has moved"


def test_a_function_that_is_not_there_lets_nobody_in(pools: Pools, function: str) -> None:
    missing = f"{function}-missing"
    pool = pools.new(LambdaConfig={"PreAuthentication": missing})
    client, _ = pool.client(), pool.user()
    with refused("UnexpectedLambdaException", "PreAuthentication invocation failed due to"):
        pool.sign_in(client)
    with refused("UnexpectedLambdaException"):
        pool.srp(client)


# -- stacks and restarts -------------------------------------------------------------------------

TEMPLATE = """
Parameters: {Function: {Type: String}}
Resources:
  Pool:
    Type: AWS::Cognito::UserPool
    Properties:
      AutoVerifiedAttributes: [email]
      MfaConfiguration: OPTIONAL
      EnabledMfas: [SOFTWARE_TOKEN_MFA]
      LambdaConfig:
        PreSignUp: !Ref Function
        PreTokenGenerationConfig: {LambdaVersion: V2_0, LambdaArn: !Ref Function}
  Client:
    Type: AWS::Cognito::UserPoolClient
    Properties:
      UserPoolId: !Ref Pool
      ExplicitAuthFlows: [ALLOW_USER_SRP_AUTH]
      RefreshTokenRotation: {Feature: ENABLED, RetryGracePeriodSeconds: 0}
      AccessTokenValidity: 5
      TokenValidityUnits: {AccessToken: minutes}
Outputs:
  Pool: {Value: !Ref Pool}
  Client: {Value: !Ref Client}
"""


def test_a_stack_makes_a_pool_with_its_functions_and_its_clients_settings(
    stack: Stack, function: str
) -> None:
    cloudformation, name = stack.aws("cloudformation"), f"pool-{uuid.uuid4().hex[:8]}"
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=TEMPLATE,
        Parameters=[{"ParameterKey": "Function", "ParameterValue": function}],
    )
    try:
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        made = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in made}
        pool, client = Pool(stack, outputs["Pool"], stack.aws("cognito-idp")), outputs["Client"]
        pool.secrets[client] = ""
        pool.api.sign_up(
            ClientId=client,
            Username="ada",
            Password=PASSWORD,
            UserAttributes=listed({"email": "a@b.c"}),
            ClientMetadata={"wish": "confirm"},
        )
        with refused("InvalidParameterException", "flow not enabled for this client"):
            pool.sign_in(client)
        found = pool.srp(client)["AuthenticationResult"]
        assert found["ExpiresIn"] == 300
        assert claims(found["AccessToken"])["tenant"] == {"id": "2"}
        known = {"ClientId": client, "RefreshToken": found["RefreshToken"]}
        assert pool.api.get_tokens_from_refresh_token(**known)
        with refused("RefreshTokenReuseException"):
            pool.api.get_tokens_from_refresh_token(**known)
        factors = pool.api.get_user_pool_mfa_config(UserPoolId=pool.id)
        assert factors["MfaConfiguration"] == "OPTIONAL"
        assert factors["SoftwareTokenMfaConfiguration"] == {"Enabled": True}
    finally:
        cloudformation.delete_stack(StackName=name)
