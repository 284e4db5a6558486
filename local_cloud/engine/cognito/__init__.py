"""Cognito user pools on LocalStack: sign-up, sign-in and tokens here, the rest by moto.

docs/cognito.md says what is answered, and how it differs from AWS.
https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import os
from pathlib import Path

import moto.cognitoidp.models as moto_cognito
from localstack import config
from localstack.aws.api import RequestContext
from localstack.aws.api.core import ServiceRequest, ServiceResponse
from localstack.http import Response
from localstack.services.edge import ROUTER
from localstack.services.moto import call_moto
from localstack.services.plugins import Service

from local_cloud.engine.cognito import (
    account,
    administration,
    authentication,
    directory,
    messages,
    sign_up,
    tokens,
)
from local_cloud.engine.cognito.well_known import WellKnownDocuments
from local_cloud.engine.service import service_of
from local_cloud.engine.signing_key import InstallationSigner, load_or_create

#: What is answered here, by operation; moto answers the others.
OPERATIONS = {
    "AdminConfirmSignUp": sign_up.admin_confirm_sign_up,
    "AdminCreateUser": administration.admin_create_user,
    "AdminDeleteUser": administration.admin_delete_user,
    "AdminDeleteUserAttributes": administration.admin_delete_user_attributes,
    "AdminDisableUser": administration.admin_disable_user,
    "AdminInitiateAuth": authentication.admin_initiate_auth,
    "AdminResetUserPassword": administration.admin_reset_user_password,
    "AdminRespondToAuthChallenge": authentication.admin_respond_to_auth_challenge,
    "AdminSetUserMFAPreference": account.admin_set_user_mfa_preference,
    "AdminSetUserPassword": administration.admin_set_user_password,
    "AdminUpdateUserAttributes": administration.admin_update_user_attributes,
    "AdminUserGlobalSignOut": administration.admin_user_global_sign_out,
    "AssociateSoftwareToken": account.associate_software_token,
    "ChangePassword": account.change_password,
    "ConfirmForgotPassword": sign_up.confirm_forgot_password,
    "ConfirmSignUp": sign_up.confirm_sign_up,
    "CreateUserPool": administration.create_user_pool,
    "CreateUserPoolClient": administration.create_user_pool_client,
    "DeleteUser": account.delete_user,
    "DeleteUserAttributes": account.delete_user_attributes,
    "ForgotPassword": sign_up.forgot_password,
    "GetTokensFromRefreshToken": account.get_tokens_from_refresh_token,
    "GetUser": account.get_user,
    "GetUserAttributeVerificationCode": account.get_user_attribute_verification_code,
    "GlobalSignOut": account.global_sign_out,
    "InitiateAuth": authentication.initiate_auth,
    "ResendConfirmationCode": sign_up.resend_confirmation_code,
    "RespondToAuthChallenge": authentication.respond_to_auth_challenge,
    "RevokeToken": account.revoke_token,
    "SetUserMFAPreference": account.set_user_mfa_preference,
    "SetUserPoolMfaConfig": administration.set_user_pool_mfa_config,
    "SignUp": sign_up.sign_up,
    "UpdateUserAttributes": account.update_user_attributes,
    "UpdateUserPool": administration.update_user_pool,
    "VerifySoftwareToken": account.verify_software_token,
    "VerifyUserAttribute": account.verify_user_attribute,
}


def _answer(context: RequestContext, request: ServiceRequest) -> ServiceResponse | Response | None:
    name = context.operation.name if context.operation is not None else ""
    operation = OPERATIONS.get(name)
    return call_moto(context) if operation is None else operation(context, request)


def user_pools() -> Service:
    """Return the Cognito user pools service."""
    key_file = os.environ.get("COGNITO_SIGNING_KEY_FILE")
    default = Path(config.dirs.data) / "cognito-signing-key.pem"
    signer = InstallationSigner(load_or_create(Path(key_file) if key_file else default))
    moto_cognito.jwt = moto_cognito.jwk = signer
    # So that a name means one user, whoever answers.
    moto_cognito.CognitoIdpUserPool._get_user = directory.find_user
    tokens.sign_with(signer)
    ROUTER.add(WellKnownDocuments(signer))
    ROUTER.add(messages.Outbox())
    return service_of("cognito-idp", _answer)
