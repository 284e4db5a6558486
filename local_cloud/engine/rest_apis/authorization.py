"""Whether a request may reach a method: asked where LocalStack's chain asks nobody.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import requests
from botocore.exceptions import BotoCoreError, ClientError
from localstack import config
from localstack.aws.api.apigateway import ApiKeySourceType
from localstack.aws.connect import ServicePrincipal, connect_to
from localstack.http import Response
from localstack.services.apigateway.next_gen.execute_api.api import (
    RestApiGatewayHandler,
    RestApiGatewayHandlerChain,
)
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    AccessDeniedError,
    AuthorizerConfigurationError,
    InvalidSignatureError,
    MissingAuthTokenError,
    UnauthorizedError,
)
from localstack.services.apigateway.next_gen.execute_api.header_utils import (
    build_multi_value_headers,
)
from localstack.services.apigateway.next_gen.execute_api.helpers import (
    get_lambda_function_arn_from_invocation_uri,
    render_uri_with_stage_variables,
)

from local_aws.authorizer_answer import ACTION
from local_aws.iam.conditions import WrongPolicy
from local_aws.iam.evaluation import Decision, Policy
from local_aws.json_text import loads
from local_cloud.engine.permissions import signatures
from local_cloud.engine.rest_apis.identity import Method, WrongAuthorizer, sources_of
from local_cloud.engine.rest_apis.lambda_authorizers import (
    UNAUTHORIZED,
    Denied,
    FunctionFailed,
    LambdaAuthorizers,
    Unauthorized,
)
from local_cloud.engine.rest_apis.resource_policy import (
    decision_for_all,
    refusal,
    resource_policy,
)
from local_cloud.engine.rest_apis.user_pools import Pool, PublishedKeys, claims_told, verify

LOG = logging.getLogger(__name__)
KEYS_TIMEOUT_SECONDS = 10


class Authorization(RestApiGatewayHandler):  # type: ignore[misc]
    """Lets a request through, or raises what a gateway response is made of."""

    def __init__(self) -> None:
        self.lambdas = LambdaAuthorizers(invoke)
        self.keys = PublishedKeys(published_keys)

    def __call__(
        self,
        chain: RestApiGatewayHandlerChain,
        context: RestApiInvocationContext,
        response: Response,
    ) -> None:
        try:
            self._authorize(context, method_of(context))
        except Unauthorized as error:
            raise UnauthorizedError(str(error) or UNAUTHORIZED) from error
        except Denied as error:
            raise AccessDeniedError(str(error)) from error
        except (WrongAuthorizer, WrongPolicy) as error:
            LOG.warning("%s: who may call %s: %s", context.api_id, _place_of(context), error)
            raise AuthorizerConfigurationError from error

    def _authorize(self, context: RestApiInvocationContext, method: Method) -> None:
        kind = str(context.resource_method.get("authorizationType") or "NONE").upper()
        of_api = _policy_of(context)
        decision = Decision.ALLOWED
        if of_api is not None:
            decision = decision_for_all(of_api, method.arn, method.conditions())
        if decision == Decision.EXPLICIT_DENY and kind != "AWS_IAM":
            raise AccessDeniedError(refusal(method.arn, decision))
        if kind == "AWS_IAM":
            check_signature(context, method, of_api)
        elif kind != "NONE":
            self._ask_authorizer(context, method, of_api, decision)
        elif decision != Decision.ALLOWED:
            raise AccessDeniedError(refusal(method.arn, decision))

    def _ask_authorizer(
        self,
        context: RestApiInvocationContext,
        method: Method,
        of_api: Policy | None,
        decision: Decision,
    ) -> None:
        authorizer = _authorizer_of(context)
        if authorizer["type"] == "COGNITO_USER_POOLS":
            sources = sources_of(authorizer) or ("method.request.header.Authorization",)
            token = method.value_of(sources[0])
            if not token:
                raise Unauthorized
            claims = verify(
                token,
                authorizer.get("providerARNs") or (),
                context.resource_method.get("authorizationScopes") or (),
                self.keys,
                time.time(),
            )
            if decision != Decision.ALLOWED:  # a user is let in by both, or not at all
                raise AccessDeniedError(refusal(method.arn, decision))
            context.context_variables["authorizer"] = {"claims": claims_told(claims)}
            return
        place = (str(context.api_id), str(context.stage), str(context.deployment_id))
        rendered = {
            **authorizer,
            "account": context.account_id,
            "api": context.api_id,
            "authorizerUri": render_uri_with_stage_variables(
                authorizer.get("authorizerUri"), context.stage_variables
            ),
        }
        began = time.monotonic()
        answer = self.lambdas.authorize(place, rendered, method, of_api)
        took = int((time.monotonic() - began) * 1000)
        source = context.deployment.rest_api.rest_api.get("apiKeySource")
        if answer.usage_key is not None and source == ApiKeySourceType.AUTHORIZER:
            context.context_variables["identity"]["apiKey"] = answer.usage_key
        told = answer.authorizer()
        told.pop("usageIdentifierKey", None)
        context.context_variables["authorizer"] = {**told, "integrationLatency": took}


def check_signature(
    context: RestApiInvocationContext, method: Method, of_api: Policy | None
) -> None:
    """Let a request through that is signed by somebody who may invoke the method.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/permissions.html
    """
    try:
        asked = signatures.signed_request(context.request, ACTION, method.arn)
        now = datetime.now(UTC)
        principal = signatures.check(asked, now, of_api, method.conditions())
    except signatures.Unsigned as error:
        raise MissingAuthTokenError(str(error)) from error
    except signatures.NotAllowed as error:
        raise AccessDeniedError(str(error)) from error
    except signatures.WrongSignature as error:
        raise InvalidSignatureError(str(error)) from error
    except signatures.Refused as error:
        raise UnknownKeyError(str(error)) from error
    identity = context.context_variables["identity"]
    identity["accountId"] = principal.arn.split(":")[4]
    identity["accessKey"] = signatures.signature_of(asked).key
    identity["userArn"] = identity["user"] = identity["caller"] = principal.arn


class UnknownKeyError(InvalidSignatureError):  # type: ignore[misc]
    """A signature of a key that nobody has, or that holds no more."""

    code = "UnrecognizedClientException"


def _policy_of(context: RestApiInvocationContext) -> Policy | None:
    """Return the API's resource policy, as it was when it was deployed."""
    document = context.deployment.rest_api.rest_api.get("policy")
    api = f"arn:aws:execute-api:{context.region}:{context.account_id}:{context.api_id}"
    return resource_policy(document, api) if document else None


def _authorizer_of(context: RestApiInvocationContext) -> Mapping[str, Any]:
    name = context.resource_method.get("authorizerId")
    found: Mapping[str, Any] | None = context.deployment.rest_api.authorizers.get(name)
    if found is None:
        raise WrongAuthorizer(f"there is no authorizer {name}")
    if found.get("type") not in ("TOKEN", "REQUEST", "COGNITO_USER_POOLS"):
        raise WrongAuthorizer(f"a REST API has no authorizers of type {found.get('type')}")
    return found


def _place_of(context: RestApiInvocationContext) -> str:
    return f"{context.stage}/{context.request.method}{context.resource['path']}"


def method_of(context: RestApiInvocationContext) -> Method:
    """Return a request as authorizers see it."""
    asked = context.invocation_request
    verb = str(context.request.method)
    # The router takes no notice of slashes at the end: neither may a policy.
    path = asked["path"].rstrip("/") or "/"
    return Method(
        arn=(
            f"arn:aws:execute-api:{context.region}:{context.account_id}:"
            f"{context.api_id}/{context.stage}/{verb}{path}"
        ),
        verb=verb,
        resource=str(context.resource["path"]),
        path=str(asked["path"]),
        headers=build_multi_value_headers(asked["headers"]),
        query=asked["multi_value_query_string_parameters"],
        path_parameters=asked["path_parameters"],
        stage_variables=context.stage_variables or {},
        context=context.context_variables,
    )


def invoke(authorizer: Mapping[str, Any], event: bytes) -> bytes:
    """Run an authorizer's function.

    Raises:
        FunctionFailed: it has raised an error, or could not be run.
        WrongAuthorizer: the authorizer names no function.
    """
    uri = str(authorizer.get("authorizerUri") or "")
    if "functions/" not in uri:
        raise WrongAuthorizer(f"authorizerUri: {uri!r} names no function")
    function = get_lambda_function_arn_from_invocation_uri(uri)
    region = (function.split(":") + [""] * 4)[3] or None
    role = authorizer.get("authorizerCredentials")
    clients = (
        connect_to.with_assumed_role(
            role_arn=role,
            region_name=region,
            service_principal=ServicePrincipal.apigateway,
            session_name="BackplaneAssumeRoleSession",
        )
        if role
        else connect_to(region_name=region)
    )
    source = (
        f"arn:aws:execute-api:{region}:{authorizer['account']}:"
        f"{authorizer['api']}/authorizers/{authorizer['id']}"
    )
    try:
        answer = clients.lambda_.request_metadata(
            service_principal=ServicePrincipal.apigateway, source_arn=source
        ).invoke(FunctionName=function, Payload=event)
        payload: bytes = answer["Payload"].read()
    except (ClientError, BotoCoreError) as error:
        raise FunctionFailed(f"{function}: {error}") from error
    if "FunctionError" not in answer:
        return payload
    try:
        told = loads(payload)
        raise FunctionFailed(str(told["errorMessage"]))
    except (ValueError, TypeError, KeyError) as error:
        raise FunctionFailed(payload.decode(errors="replace")) from error


def published_keys(pool: Pool) -> Mapping[str, Any] | None:
    """Return the key set that a pool of the engine publishes.

    Raises:
        WrongAuthorizer: there is no answer.
    """
    port = config.GATEWAY_LISTEN[0].port
    url = f"http://127.0.0.1:{port}/{pool.id}/.well-known/jwks.json"
    try:
        answer = requests.get(url, timeout=KEYS_TIMEOUT_SECONDS)
        told: Mapping[str, Any] | None = answer.json() if answer.status_code == 200 else None
    except (requests.RequestException, ValueError) as error:
        raise WrongAuthorizer(f"{url} does not answer: {error}") from error
    return told
