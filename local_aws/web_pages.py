"""Who has sent a request, a program or a browser, and what a browser may send for a web page.

Any page can have a browser send requests to 127.0.0.1: GET by links, images and navigation, POST
by forms and ``fetch`` without CORS. It reads no answer of them, but what they do is done. Browsers
say where such a request comes from (``Origin``, ``Sec-Fetch-Site``), yet not always:
``Sec-Fetch-Site`` is left out for HTTP at names other than localhost, ``Origin`` at GET. So nothing
is taken as harmless because a header is missing: what changes something must show that no page
could have sent it.

A page cannot send, before the browser has asked this port: another method than GET, HEAD and POST;
a content type other than those of forms; a header that is not on the CORS safelist, such as
``Authorization`` with a signature and ``X-Amz-Target``.

All here is a function of a request's method, headers and query; it does no I/O.

https://fetch.spec.whatwg.org/#cors-safelisted-request-header
https://fetch.spec.whatwg.org/#origin-header
https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol
from urllib.parse import parse_qs

#: Methods that a page sends without a preflight (https://fetch.spec.whatwg.org/#cors-safelisted-method).
SIMPLE_METHODS = frozenset({"GET", "HEAD", "POST"})
READING = frozenset({"GET", "HEAD"})
#: What AWS's SDKs send, and no form and no report of a browser. (A CSP report is JSON, too, of a
#: type of its own, and goes out without a preflight.)
_PREFLIGHTED_TYPES = frozenset(
    {"application/json", "application/cbor", "application/vnd.amazon.eventstream"}
)
_PREFLIGHTED_HEADERS = ("x-amz-", "x-amzn-", "amz-sdk-", "x-localstack-", "smithy-protocol")
_SIGNATURES = ("AWS4-", "AWS ")
#: What ``User-Agent`` begins with in browsers; those of programs name themselves.
_BROWSERS = ("mozilla/", "opera/", "lynx", "links", "elinks", "w3m", "netsurf", "dillo")
_SDK = re.compile(r"aws-sdk-|aws-cli/|boto3/|botocore/", re.IGNORECASE)
#: Calls by links that SNS sends out, each with a word that nobody can guess.
_LINKS = {"ConfirmSubscription": "Token", "Unsubscribe": "SubscriptionArn"}

#: What a page runs, and so reads, of what it includes (https://fetch.spec.whatwg.org/#concept-request-destination).
_READ_BY_PAGES = frozenset({"json", "script", "style", "xslt"})

#: Makes a document an origin of its own, which nothing here answers, whatever its scripts do.
SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads"


class Headers(Protocol):
    """A request's headers, found by names in lower case."""

    def get(self, name: str, /) -> str | None:
        """Return a header's value, or ``None``."""

    def keys(self) -> Iterable[str]:
        """Return the names, in any case."""


class Sender(Enum):
    """Who has sent a request, as far as it shows."""

    #: A program: a browser would have told of itself.
    PROGRAM = auto()
    #: A page of the same origin.
    OWN_PAGE = auto()
    #: Somebody who entered the address, or opened a bookmark or a link of another program.
    PERSON = auto()
    #: A page of another origin.
    OTHER_PAGE = auto()
    #: A browser that does not say for whom.
    BROWSER = auto()


@dataclass(frozen=True, slots=True)
class Sent:
    """A request.

    Args:
        query: as it was sent, without the question mark.
    """

    method: str
    headers: Headers
    query: str = ""


class Purpose(Enum):
    """What a request is for."""

    #: Pages and calls of the port itself, such as ``/_gateway/connections``.
    OWN = auto()
    #: What only programs ask for, and where reading takes something away.
    PROGRAMS = auto()
    #: An AWS API.
    CALL = auto()
    #: An AWS API whose operation and input are in the query or a form (the query protocols).
    QUERY_CALL = auto()
    #: Objects of S3, which pages may show, and write as their bucket's CORS rules say.
    OBJECTS = auto()
    #: A bucket's website.
    WEBSITE = auto()
    #: Functions behind HTTP or WebSockets: REST APIs, function URLs, the gateway.
    CODE = auto()


def sender_of(headers: Headers) -> tuple[Sender, str | None]:
    """Return who has sent a request, and the origin of the page, if it is a page's and tells.

    A page can suppress ``Referer``, and name no other in it (https://www.w3.org/TR/referrer-policy/).
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin:
        own = _is_own(origin, headers) and site in (None, "", "same-origin")
        return (Sender.OWN_PAGE if own else Sender.OTHER_PAGE), origin
    if site == "same-origin":
        return Sender.OWN_PAGE, None
    if site == "none":
        return Sender.PERSON, None
    referer = headers.get("referer")
    if site:
        return Sender.OTHER_PAGE, _origin_of(referer)
    if origin is not None or referer or _is_browser(headers):
        return Sender.BROWSER, _origin_of(referer)
    return Sender.PROGRAM, None


def needs_preflight(method: str, headers: Headers) -> bool:
    """Return whether no page of another origin can send this without leave."""
    if method not in SIMPLE_METHODS:
        return True
    if (headers.get("authorization") or "").startswith(_SIGNATURES):
        return True
    kind = (headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind in _PREFLIGHTED_TYPES or kind.startswith("application/x-amz-"):
        return True
    return any(name.lower().startswith(_PREFLIGHTED_HEADERS) for name in headers.keys())  # noqa: SIM118


def refusal(
    sent: Sent, purpose: Purpose, allows: Callable[[str], bool] = lambda origin: False
) -> str | None:
    """Return why a request is refused, or ``None`` where it is not.

    Args:
        allows: returns whether pages of an origin may do what the port does.
    """
    sender, origin = sender_of(sent.headers)
    match purpose:
        case Purpose.QUERY_CALL if sender is Sender.PROGRAM:
            return None if _is_program_by_query(sent) else _UNSIGNED
        case Purpose.PROGRAMS:
            return None if sender is Sender.PROGRAM else _BROWSERS_REFUSED
    if sender is Sender.PROGRAM:
        return None
    if sender in (Sender.OTHER_PAGE, Sender.BROWSER) and origin and allows(origin):
        return None
    if _may(sent, purpose, sender):
        return None
    return _words(sender, origin)


def _may(sent: Sent, purpose: Purpose, sender: Sender) -> bool:
    """Return whether a browser may send this for one whose origin is not allowed by name."""
    if sender is Sender.BROWSER and needs_preflight(sent.method, sent.headers):
        return True  # a program that looks like a browser: a page's would name its origin
    reading = sent.method in READING
    match purpose:
        case Purpose.OWN:
            return sender is Sender.OWN_PAGE or (sender is not Sender.OTHER_PAGE and reading)
        case Purpose.CODE:
            return sender is Sender.OWN_PAGE or (sender is Sender.PERSON and reading)
        case Purpose.OBJECTS:
            # Where a page tells its origin, the bucket's rules say.
            shown = not _is_read_by_another_site(sent.headers)
            return reading and shown and sent.headers.get("origin") is None
        case Purpose.WEBSITE:
            return reading
    return False


def _is_read_by_another_site(headers: Headers) -> bool:
    """Return whether a page of another site includes something in a way that lets it read it.

    A script's variables and a style sheet's rules are the page's, whatever the document is meant
    to be: S3 answers with the type that a query names (``response-content-type``).
    """
    site, destination = headers.get("sec-fetch-site"), headers.get("sec-fetch-dest")
    return site == "cross-site" and destination in _READ_BY_PAGES


def _is_program_by_query(sent: Sent) -> bool:
    """Return whether a program that calls an API by a query or a form shows that it is one.

    A signature in a query proves nothing by itself: everybody knows the secret ``test``.
    """
    if needs_preflight(sent.method, sent.headers):
        return True
    if _SDK.search(sent.headers.get("user-agent") or ""):
        return True
    query = parse_qs(sent.query)
    if "X-Amz-Signature" in query and "X-Amz-Credential" in query:
        return True
    return is_subscription_link(sent)


def is_subscription_link(sent: Sent) -> bool:
    """Return whether it is a link that SNS has sent out, whose secret word is its permission.

    https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
    """
    query = parse_qs(sent.query)
    actions = query.get("Action", [])
    return (
        sent.method == "GET"
        and len(actions) == 1
        and bool(query.get(_LINKS.get(actions[0], ""), [""])[0])
    )


_UNSIGNED = (
    "A call in a query or a form is served when it is signed: a web page's image or form can send "
    "it as well. Use awslocal or an SDK, or sign it"
)
_BROWSERS_REFUSED = "Browsers are not answered here"


def _words(sender: Sender, origin: str | None) -> str:
    if sender is Sender.OTHER_PAGE:
        named = f"of {origin[:100]} " if origin else "of other sites "
        return (
            f"Requests of web pages {named}are not answered. If they should be: "
            "EXTRA_CORS_ALLOWED_ORIGINS, or a bucket's CORS rules"
        )
    if sender is Sender.BROWSER:
        return (
            "This request may be a web page's of another site: its browser does not say whose it "
            "is. Use the name localhost, or a name below it"
        )
    return "A browser cannot do that here: what changes something is for programs, which sign it"


def _is_browser(headers: Headers) -> bool:
    if (headers.get("user-agent") or "").lower().startswith(_BROWSERS):
        return True
    # Every browser sends it, whatever a page's script does. So does Node.js, whose fetch sends
    # a mode, but no site.
    return headers.get("accept-language") is not None and not headers.get("sec-fetch-mode")


def _is_own(origin: str, headers: Headers) -> bool:
    host = headers.get("host") or ""
    return origin in (f"http://{host}", f"https://{host}")


def _origin_of(url: str | None) -> str | None:
    if not url:
        return None
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split(r'[/?#]', rest, maxsplit=1)[0]}" if rest else None
