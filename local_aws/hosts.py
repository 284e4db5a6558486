"""Whom a local port answers: those who ask for one of its names, and no page of another site.

A web page reaches a port of this machine by requests to 127.0.0.1 (:mod:`local_aws.web_pages`), and
by a name of its own that it has resolve there (DNS rebinding), after which it reads the answers,
too, and counts as the same origin. Such a request names a host that is not ours.

Some names that programs use are resolved by a network's DNS, or in public, to this machine. Who
controls the network could rebind them: they are served to what no browser has sent.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from local_aws.web_pages import Purpose, Sender, Sent, refusal, sender_of

#: Names that no DNS gives an address: their owner is this machine.
LOCAL_NAMES = ("localhost", ".localhost")
#: Names that programs use for this machine or in place of AWS's endpoints, and browsers do not.
PROGRAMS_NAMES = (
    *("host.docker.internal", ".amazonaws.com"),
    *("localhost.localstack.cloud", ".localhost.localstack.cloud"),
)
MAX_SEEN = 1000
#: In the names of buckets' websites, whose pages come from what is stored.
_WEBSITE = ".s3-website."


class AllowedHosts:
    """The hosts that a port serves: this machine's, and those that are named.

    Args:
        more: further names; one with a leading dot stands for every name below it.
        also: is asked about a name (in lower case, without a port) that is not among these.
        origins: web pages of these may do what the port does.
    """

    def __init__(
        self,
        more: Iterable[str] = (),
        also: Callable[[str], bool] = lambda name: False,
        origins: Iterable[str] = (),
    ) -> None:
        self._own = _Names((*LOCAL_NAMES, *more))
        self._programs = _Names(PROGRAMS_NAMES)
        self._also = also
        self._origins = frozenset(origins)
        self._seen: set[str] = set()

    def admits(self, host: str) -> bool:
        """Return whether a ``Host`` header names a host that is served."""
        return self.is_own(host) or name_of(host) in self._programs

    def is_own(self, host: str) -> bool:
        """Return whether a host is served to browsers, too."""
        # A port is asked for by few names: each is looked at once, but for those that may go.
        return host in self._seen or self._look(host)

    def refusal(self, sent: Sent, purpose: Purpose = Purpose.OWN) -> str | None:
        """Return why a request is not answered, or ``None`` when it is."""
        return self.host_refusal(sent) or refusal(sent, purpose, self.allows)

    def host_refusal(self, sent: Sent) -> str | None:
        """Return why a request is not answered at the host that it names, or ``None``."""
        host = sent.headers.get("host") or ""
        if self.is_own(host):
            return None
        if name_of(host) not in self._programs:
            return (
                f"Host {host[:100]!r} is not served here. If it is yours, name it: "
                "--allowed-hosts, or ALLOWED_HOSTS"
            )
        # A browser tells the truth about who asks, where it tells: not at a name that is rebound.
        sender, _ = sender_of(sent.headers)
        told = sent.headers.get("sec-fetch-site") in ("none", "same-origin")
        if sender is Sender.PROGRAM or told:
            return None
        return f"Browsers are not answered at {host[:100]}. Use the name localhost"

    def websocket_refusal(self, sent: Sent) -> str | None:
        """Return why a WebSocket is not opened, or ``None``.

        Programs send no ``Origin``, browsers always do (https://www.rfc-editor.org/rfc/rfc6455
        section 10.2). Pages that are served from this machine are let in; what they may do is for
        ``$connect`` to judge.
        """
        return self.host_refusal(sent) or refusal(sent, Purpose.CODE, self.allows_code)

    def allows(self, origin: str) -> bool:
        """Return whether pages of an origin are allowed by name to do what the port does."""
        return origin in self._origins

    def allows_code(self, origin: str) -> bool:
        """Return whether pages of an origin may reach functions.

        These are pages that programs of this machine serve: at its own names, but not those below
        localhost by which the engine serves buckets, functions and APIs.
        """
        if self.allows(origin):
            return True
        try:
            host = (urlsplit(origin).hostname or "").removesuffix(".")
        except ValueError:
            return False
        if _WEBSITE in host:  # at a name of ``ALLOWED_HOSTS`` as well
            return False
        if host.endswith(".localhost"):
            return host.count(".") == 1
        return bool(host) and self.is_own(host if ":" not in host else f"[{host}]")

    def _look(self, host: str) -> bool:
        # SDKs put it before an endpoint's name for some operations of Step Functions.
        name = name_of(host).removeprefix("sync-")
        if name in self._own or _is_loopback(name):
            if len(self._seen) < MAX_SEEN:
                self._seen.add(host)
            return True
        return self._also(name)


class _Names:
    def __init__(self, names: Iterable[str]) -> None:
        cleaned = [name.strip().lower() for name in names]
        self._names = frozenset(name for name in cleaned if name and not name.startswith("."))
        self._zones = tuple(name for name in cleaned if name.startswith("."))

    def __contains__(self, name: str) -> bool:
        return name in self._names or name.endswith(self._zones)


def name_of(host: str) -> str:
    """Return the name in a ``Host`` header, in lower case and without its port."""
    if host.startswith("["):  # an IPv6 address
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().removesuffix(".")


def hosts_in_environment() -> list[str]:
    """Return the names in ``ALLOWED_HOSTS``."""
    return _words(os.environ.get("ALLOWED_HOSTS", ""))


def origins_in_environment() -> list[str]:
    """Return the origins in ``EXTRA_CORS_ALLOWED_ORIGINS``."""
    return _words(os.environ.get("EXTRA_CORS_ALLOWED_ORIGINS", ""))


def add_allowed_hosts(options: ArgumentParser) -> None:
    """Add ``--allowed-hosts`` to a command's options."""
    options.add_argument(
        "--allowed-hosts",
        type=_words,
        default=hosts_in_environment(),
        metavar="NAME,…",
        help="names that this port answers to, beside localhost, 127.0.0.1 and *.localhost; "
        "with a leading dot, every name below (default: ALLOWED_HOSTS)",
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
