"""Lambda REQUEST authorizers: identity sources, policy, context, cached results.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from local_aws.authorizer_answer import AuthorizerAnswer, WrongAnswer
from local_aws.iam.evaluation import Decision
from websocket_gateway.core.api import Authorizer, function_of
from websocket_gateway.core.backend import Backend, IntegrationFailed, IntegrationTimedOut
from websocket_gateway.core.mapping import source_value
from websocket_gateway.core.selection import Scope

#: Results that are kept; the oldest goes first.
MAX_CACHED = 1000


class Refused(Exception):
    """The client is not let in; carries the status and the words of API Gateway."""

    def __init__(self, status: int, message: str, why: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.why = why


_UNAUTHORIZED = re.compile(r'"errorMessage":\s*"Unauthorized"')
#: Until when an answer may be used, and the answer.
_Kept = tuple[float, AuthorizerAnswer]


class Authorizers:
    """Asks authorizers, and remembers what they said for as long as they allow.

    API Gateway documents ``AuthorizerResultTtlInSeconds`` for HTTP APIs only: without it every
    connection is asked about, as there.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.cache: dict[tuple[Authorizer, str, tuple[str | None, ...]], _Kept] = {}

    async def authorize(
        self,
        authorizer: Authorizer,
        event: Mapping[str, Any],
        scope: Scope,
        timeout: float,
    ) -> dict[str, object]:
        """Return what becomes ``requestContext.authorizer``.

        Raises:
            Refused: 401 without an identity, 403 when denied, 500 when the authorizer fails.
        """
        identity = [source_value(source, scope) for source in authorizer.identity_sources]
        if not all(identity):
            raise Refused(401, "Unauthorized", "an identity source is missing")
        # The authorizer itself is part of it: one that was changed is asked anew.
        mark = (authorizer, str(event["methodArn"]), tuple(identity))
        now = self.backend.steady()
        cached = self.cache.get(mark)
        if cached is not None and now < cached[0]:
            answer = cached[1]
        else:
            answer = await self._ask(authorizer, event, scope, timeout)
            if authorizer.ttl > 0:
                while len(self.cache) >= MAX_CACHED:
                    del self.cache[next(iter(self.cache))]
                self.cache[mark] = (now + authorizer.ttl, answer)
        try:
            decision = answer.decision(str(event["methodArn"]))
        except WrongAnswer as error:
            raise Refused(500, "Internal server error", f"the authorizer: {error}") from error
        if decision != Decision.ALLOWED:
            raise Refused(
                403, "User is not authorized to access this resource", "the policy does not allow"
            )
        return answer.authorizer()

    async def _ask(
        self, authorizer: Authorizer, event: Mapping[str, Any], scope: Scope, timeout: float
    ) -> AuthorizerAnswer:
        function = function_of(authorizer.uri, scope.stage_variables)
        if function is None:
            raise Refused(500, "Internal server error", f"{authorizer.uri} names no function")
        try:
            payload = await self.backend.invoke(function, orjson.dumps(event), timeout)
        except IntegrationTimedOut as error:
            raise Refused(500, "Internal server error", str(error)) from error
        except IntegrationFailed as error:
            # A function that raises this very message says that it does not know the client.
            if _UNAUTHORIZED.search(str(error)):
                raise Refused(401, "Unauthorized", "the authorizer said so") from error
            raise Refused(500, "Internal server error", str(error)) from error
        try:
            return AuthorizerAnswer.read(payload)
        except WrongAnswer as error:
            why = f"{function} answered no usable policy: {error}"
            raise Refused(500, "Internal server error", why) from error
