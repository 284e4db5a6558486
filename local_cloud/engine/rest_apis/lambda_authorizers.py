"""TOKEN and REQUEST authorizers: functions that are asked, and what they answered before.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from local_aws.authorizer_answer import AuthorizerAnswer, WrongAnswer
from local_aws.iam.evaluation import Decision, Policy
from local_cloud.engine.rest_apis.identity import (
    Method,
    WrongAuthorizer,
    identity_of,
    request_event,
    sources_of,
    token_event,
)

#: Seconds for which an answer counts, where the authorizer does not say.
DEFAULT_TTL = 300
#: Answers that are kept; the one that was not needed for longest goes first.
MOST_KEPT = 1000
UNAUTHORIZED = "Unauthorized"


class Unauthorized(Exception):
    """A request tells no identity, or its authorizer does not know who asks: 401."""


class Denied(Exception):
    """An authorizer's policy does not let a request through: 403."""

    def __init__(self, decision: Decision) -> None:
        more = " with an explicit deny" if decision == Decision.EXPLICIT_DENY else ""
        super().__init__(f"User is not authorized to access this resource{more}")


class FunctionFailed(Exception):
    """A function has raised an error, or could not be run; the message is the error's."""


#: Runs the function of an authorizer with an event.
Ask = Callable[[Mapping[str, Any], bytes], bytes]
#: An API's stage and deployment.
Place = tuple[str, str, str]
_Key = tuple[Place, str, tuple[str, ...]]


class LambdaAuthorizers:
    """Asks authorizers' functions, and remembers their answers by identity.

    An answer's policy is held against each request anew: it may allow one method and not another.

    Args:
        ask: runs a function.
        now: seconds, of a clock that does not go back.
    """

    def __init__(self, ask: Ask, now: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._now = now
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, tuple[float, AuthorizerAnswer]] = OrderedDict()

    def authorize(
        self,
        place: Place,
        authorizer: Mapping[str, Any],
        method: Method,
        of_api: Policy | None = None,
    ) -> AuthorizerAnswer:
        """Return the answer that lets a request through.

        Args:
            of_api: the API's resource policy, which counts together with the answer's.

        Raises:
            Unauthorized: an identity source is missing, or the function does not know who asks.
            Denied: the policy does not allow the request.
            WrongAuthorizer: the authorizer or its answer is not as it should be.
        """
        if authorizer.get("type") == "TOKEN" and not sources_of(authorizer):
            authorizer = {**authorizer, "identitySource": "method.request.header.Authorization"}
        identity = identity_of(method, authorizer)
        if identity is None:
            raise Unauthorized
        answer = self._answer(place, authorizer, method, identity)
        try:
            decision = answer.decision(method.arn, method.conditions(), of_api)
        except WrongAnswer as error:
            raise WrongAuthorizer(str(error)) from error
        if decision != Decision.ALLOWED:
            raise Denied(decision)
        return answer

    def forget(self, api: str, stage: str) -> None:
        """Forget the answers of a stage."""
        with self._lock:
            for key in [key for key in self._kept if key[0][:2] == (api, stage)]:
                del self._kept[key]

    def _answer(
        self,
        place: Place,
        authorizer: Mapping[str, Any],
        method: Method,
        identity: tuple[str, ...],
    ) -> AuthorizerAnswer:
        said = authorizer.get("authorizerResultTtlInSeconds")
        ttl = DEFAULT_TTL if said is None else int(said)
        # Without an identity nobody is told from another: such answers are not kept.
        if ttl <= 0 or not identity:
            return self._asked(authorizer, method, identity)
        key = (place, str(authorizer["id"]), identity)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and self._now() < kept[0]:
                self._kept.move_to_end(key)
                return kept[1]
        answer = self._asked(authorizer, method, identity)
        with self._lock:
            self._kept[key] = (self._now() + ttl, answer)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return answer

    def _asked(
        self, authorizer: Mapping[str, Any], method: Method, identity: tuple[str, ...]
    ) -> AuthorizerAnswer:
        is_token = authorizer.get("type") == "TOKEN"
        event = token_event(method, identity[0]) if is_token else request_event(method)
        try:
            return AuthorizerAnswer.read(self._ask(authorizer, json.dumps(event).encode()))
        except FunctionFailed as error:
            # A function that raises this very message says that it does not know who asks.
            if str(error) == UNAUTHORIZED:
                raise Unauthorized from error
            raise WrongAuthorizer(f"its function failed: {error}") from error
        except WrongAnswer as error:
            raise WrongAuthorizer(f"its answer is no policy: {error}") from error
