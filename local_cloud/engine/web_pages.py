"""Keeps web pages from driving the engine, and what it stores from being a page of its origin.

LocalStack checks origins, where a browser tells one. Here a request is looked at twice: at which
host it asks and for what, before anything answers; and which API it calls, once that is known. What
a browser gets is a document in a sandbox, unless it is of a bucket's website.

``ALLOWED_HOSTS`` adds names, ``EXTRA_CORS_ALLOWED_ORIGINS`` adds origins.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
https://www.w3.org/TR/CSP3/#directive-sandbox
"""

import logging
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from localstack import config
from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.aws.handlers import cors
from localstack.http import Request, Response
from localstack.runtime import hooks
from localstack.services.edge import ROUTER

from local_aws.hosts import AllowedHosts, hosts_in_environment, name_of, origins_in_environment
from local_aws.http_message import forbidden
from local_aws.web_pages import SANDBOX, Purpose, Sender, Sent, refusal, sender_of

LOG = logging.getLogger(__name__)

#: How many reasons of refusals the log tells, each once: whose page it is a page says itself.
_MOST_LOGGED = 50
_logged: set[str] = set()
_their_enforcer = cors.CorsEnforcer.__call__
_WEBSITE, _FUNCTION_URL, _REST_API = ".s3-website.", ".lambda-url.", ".execute-api."
_QUEUE = re.compile(r"/(queue/[^/]+/)?\d{12}/[^/]+/?")
#: Documents that run nothing; a sandbox would keep browsers from showing a PDF.
_INERT = frozenset(
    {
        *("application/json", "application/x-amz-json-1.0", "application/x-amz-json-1.1"),
        *("application/cbor", "application/pdf"),
    }
)


class SentHeaders:
    """The headers of a request as they came: LocalStack adds a signature where there is none."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def get(self, name: str, /) -> str | None:
        """Return a header's value."""
        value: str | None = self._environ.get(_variable(name))
        return value

    def keys(self) -> list[str]:
        """Return the names, as they are spelled."""
        return [name.decode("latin-1") for name, _ in self._environ["rolo.headers"]]


class RefuseBrowsers:
    """Answers at the engine's own names only, and no browser where something would be done."""

    def __init__(self, hosts: AllowedHosts) -> None:
        self.hosts = hosts

    def __call__(self, chain: HandlerChain, context: RequestContext, response: Response) -> None:
        request = context.request
        sent = _sent(request)
        why = self.hosts.host_refusal(sent)
        browser = sender_of(sent.headers)[0] is not Sender.PROGRAM
        purpose = purpose_of(sent, request.path, browser=browser)
        if browser:
            context.sandboxed = purpose is not Purpose.WEBSITE
        if purpose is Purpose.WEBSITE and self.hosts.admits(sent.headers.get("host") or ""):
            why = None  # it is for browsers, and calls nothing
        if why is None and purpose is not Purpose.OBJECTS:
            code = purpose is Purpose.CODE
            why = refusal(sent, purpose, self.hosts.allows_code if code else _is_allowed)
        if why is not None:
            _refuse(chain, response, why)


def refuse_calls(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """Let no browser call an API, whatever its protocol, but S3 as a bucket's CORS rules say."""
    if context.service is None:
        return
    if context.service.service_name == "s3":
        if cors.ACL_ORIGIN in response.headers:
            return
        purpose = Purpose.OBJECTS
    elif context.protocol in ("query", "ec2"):
        purpose = Purpose.QUERY_CALL
    else:
        purpose = Purpose.CALL
    if (why := refusal(_sent(context.request), purpose, _is_allowed)) is not None:
        _refuse(chain, response, why)


def put_into_sandbox(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """Give a document that a browser gets an origin of its own, with which it can call nothing."""
    if context.get("sandboxed") and not _is_inert(response.content_type or ""):
        response.headers.add("Content-Security-Policy", SANDBOX)


def enforce(
    self: cors.CorsEnforcer, chain: HandlerChain, context: RequestContext, response: Response
) -> None:
    """Say why a page is refused where LocalStack, which refuses it as well, says nothing."""
    _their_enforcer(self, chain, context, response)
    if chain.terminated:
        why = refusal(_sent(context.request), Purpose.CALL, _is_allowed)
        if why is not None:
            _answer(response, why)


def purpose_of(sent: Sent, path: str, *, browser: bool) -> Purpose:
    """Return what a request is for, as far as its host, path and query tell.

    Args:
        path: decoded.
        browser: whether a browser has sent it, to which no address is more than it looks like.
    """
    host, path = name_of(sent.headers.get("host") or ""), "/" + path.lstrip("/")
    calls = "Action" in parse_qs(sent.query, keep_blank_values=True) if sent.query else False
    calls = calls or _QUEUE.fullmatch(path) is not None
    if _WEBSITE in host:
        if browser and (calls or _is_routed_at_every_host(path)):
            return Purpose.PROGRAMS
        return Purpose.WEBSITE
    if _FUNCTION_URL in host or _REST_API in host:
        return Purpose.QUERY_CALL if browser and _QUEUE.fullmatch(path) else Purpose.CODE
    if path.startswith("/_aws/execute-api/") or "/_user_request_" in path:
        return Purpose.CODE
    if calls:
        return Purpose.QUERY_CALL
    # Buckets' names begin with a letter or a digit.
    return Purpose.OWN if path.startswith("/_") else Purpose.OBJECTS


def _is_inert(content_type: str) -> bool:
    # Of more than one type, browsers take one or another.
    return "," not in content_type and content_type.partition(";")[0].strip() in _INERT


def _is_routed_at_every_host(path: str) -> bool:
    """Return whether a path is one of the engine's own, at a bucket's website, too."""
    first = path.split("/", 2)[1]
    if not first.startswith("_"):
        return first == "restapis"
    return first == "_localstack" or any(
        rule.rule.split("/", 2)[1] == first for rule in ROUTER.url_map.iter_rules()
    )


def _sent(request: Request) -> Sent:
    environ = request.environ
    headers = SentHeaders(environ) if "rolo.headers" in environ else request.headers
    return Sent(request.method, headers, environ.get("QUERY_STRING", ""))


@cache
def _variable(name: str) -> str:
    variable = name.upper().replace("-", "_")
    return variable if variable == "CONTENT_TYPE" else f"HTTP_{variable}"


def _is_allowed(origin: str) -> bool:
    return bool(config.DISABLE_CORS_CHECKS) or cors.CorsEnforcer._is_in_allowed_origins(
        cors.ALLOWED_CORS_ORIGINS, origin
    )


def _refuse(chain: HandlerChain, response: Response, why: str) -> None:
    _answer(response, why)
    chain.terminate()


def _answer(response: Response, why: str) -> None:
    refusal = forbidden(why)
    response.set_response(refusal.body)
    response.status_code = refusal.status
    response.headers.update(refusal.headers)
    # A browser shows its page's author nothing of an answer that the page may not read.
    if len(_logged) < _MOST_LOGGED and why not in _logged:
        _logged.add(why)
        LOG.warning("refused: %s", why)


@hooks.on_infra_start()
def guard_the_port() -> None:
    """Put the checks in front of everything that the engine answers."""
    # What SDKs for JavaScript send to SQS.
    cors.CORS_ALLOWED_HEADERS.append("x-amzn-query-mode")
    cors.CorsEnforcer.__call__ = enforce
    # LocalStack lets in pages of its own web site, of the engine itself and of buckets' websites.
    cors.ALLOWED_CORS_ORIGINS[:] = origins_in_environment()
    cors.DYNAMIC_INTERNAL_ORIGINS = ()
    hosts = AllowedHosts(hosts_in_environment(), origins=origins_in_environment())
    handlers.preprocess_request.handlers.insert(0, RefuseBrowsers(hosts))
    handlers.serve_custom_service_request_handlers.handlers.insert(0, refuse_calls)
    handlers.run_custom_finalizers.append(put_into_sandbox)
