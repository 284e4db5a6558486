"""Keeps web pages from driving the engine: LocalStack checks origins, and no hosts.

LocalStack refuses most requests of foreign origins. Left open are: a rebound name, whose requests
have no ``Origin`` where a page reads from its own; S3, which acts on a request of a foreign page
and only leaves out the headers that let the page see the answer; calls in a query string, which
an image's address can make; and LocalStack's own web site, whose pages the kit does not need.

``ALLOWED_HOSTS`` adds names, ``EXTRA_CORS_ALLOWED_ORIGINS`` adds origins.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from localstack import config
from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.aws.handlers import cors
from localstack.http import Response
from localstack.runtime import hooks
from localstack.utils.urls import localstack_host
from werkzeug.datastructures import Headers

from local_aws.hosts import AWS_NAMES, AllowedHosts, hosts_in_environment
from local_aws.http_message import forbidden

_FOREIGN_ORIGINS = {"http://app.localstack.cloud", "https://app.localstack.cloud", "file://"}
_LOCALSTACK_NAMES = ("localhost.localstack.cloud", ".localhost.localstack.cloud")


class RefuseForeignHosts:
    """Answers only for the engine's own names: any other may have been rebound to it."""

    def __init__(self, hosts: AllowedHosts) -> None:
        self.hosts = hosts

    def __call__(self, chain: HandlerChain, context: RequestContext, response: Response) -> None:
        headers = context.request.headers  # found by names in any case
        if not self.hosts.admits(headers.get("host", "")):
            _refuse(chain, response, self.hosts.refusal(headers) or "")
        elif "Action" in context.request.args and _is_of_another_site(headers):
            _refuse(chain, response, "Calls of other sites' web pages are not answered")


def refuse_foreign_pages(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """Let a page at another origin do only what it is allowed to see the answer of."""
    origin = context.request.headers.get("Origin")
    if (
        origin is not None
        and not config.DISABLE_CORS_CHECKS
        and not cors.CorsEnforcer.is_cors_origin_allowed(context.request.headers)
        and cors.ACL_ORIGIN not in response.headers
    ):
        _refuse(
            chain,
            response,
            f"Requests of web pages of {origin[:100]} are not answered. If they should be: "
            "the bucket's CORS rules, or EXTRA_CORS_ALLOWED_ORIGINS",
        )


def _is_of_another_site(headers: Headers) -> bool:
    return headers.get("sec-fetch-site") in ("cross-site", "same-site")


def _refuse(chain: HandlerChain, response: Response, why: str) -> None:
    refusal = forbidden(why)
    response.set_response(refusal.body)
    response.status_code = refusal.status
    response.headers.update(refusal.headers)
    chain.terminate()


@hooks.on_infra_start()
def guard_the_port() -> None:
    """Put the checks in front of everything that the engine answers."""
    cors.ALLOWED_CORS_ORIGINS[:] = [
        origin for origin in cors.ALLOWED_CORS_ORIGINS if origin not in _FOREIGN_ORIGINS
    ]
    own = localstack_host().host
    names = (*AWS_NAMES, *_LOCALSTACK_NAMES, own, f".{own}", *hosts_in_environment())
    handlers.preprocess_request.handlers.insert(0, RefuseForeignHosts(AllowedHosts(names)))
    handlers.serve_custom_service_request_handlers.append(refuse_foreign_pages)
