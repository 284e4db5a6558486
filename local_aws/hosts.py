"""Whom a local port answers: those who ask for one of its names, and no page of another site.

Two things let any web page reach a port of this machine. It can send requests to 127.0.0.1
outright, whose answers it cannot read but whose effects happen; such a request tells where it
comes from (``Origin``, ``Sec-Fetch-Site``). And it can have its own name resolve to 127.0.0.1
(DNS rebinding), after which it reads the answers, too; such a request names a host that is not
ours.

https://fetch.spec.whatwg.org/#origin-header
https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
"""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address

#: Names that no public DNS gives an address: their owner is this machine.
LOCAL_NAMES = ("localhost", ".localhost", "host.docker.internal")
MAX_SEEN = 1000
#: Names of AWS's own endpoints, which nobody else can rebind.
AWS_NAMES = (".amazonaws.com",)


class AllowedHosts:
    """The hosts that a port serves: this machine's, and those that are named.

    Args:
        more: further names; one with a leading dot stands for every name below it.
        also: is asked about a name (in lower case, without a port) that is not among these.
    """

    def __init__(
        self, more: Iterable[str] = (), also: Callable[[str], bool] = lambda name: False
    ) -> None:
        names = [name.strip().lower() for name in (*LOCAL_NAMES, *more)]
        self._names = frozenset(name for name in names if name and not name.startswith("."))
        self._zones = tuple(name for name in names if name.startswith("."))
        self._also = also
        self._seen: set[str] = set()

    def admits(self, host: str) -> bool:
        """Return whether a ``Host`` header names a host that is served."""
        # A port is asked for by few names: each is looked at once, but for those that may go.
        return host in self._seen or self._look(host)

    def refusal(self, headers: Mapping[str, str]) -> str | None:
        """Return why a request is not answered, or ``None`` when it is.

        Args:
            headers: of the request, by names in lower case.
        """
        host = headers.get("host", "")
        if not self.admits(host):
            return (
                f"Host {host[:100]!r} is not served here. If it is yours, name it: "
                "--allowed-hosts, or ALLOWED_HOSTS"
            )
        return foreign_page(headers)

    def _look(self, host: str) -> bool:
        # SDKs put it before an endpoint's name for some operations of Step Functions.
        name = name_of(host).removeprefix("sync-")
        if name in self._names or name.endswith(self._zones) or _is_loopback(name):
            if len(self._seen) < MAX_SEEN:
                self._seen.add(host)
            return True
        return self._also(name)


def foreign_page(headers: Mapping[str, str]) -> str | None:
    """Return why a request is refused as one of another site's page, else ``None``."""
    origin = headers.get("origin")
    if origin is not None:
        host = headers.get("host", "")
        if origin not in (f"http://{host}", f"https://{host}"):
            return f"Requests of web pages of {origin[:100]} are not answered"
    if headers.get("sec-fetch-site", "none") in ("cross-site", "same-site"):
        return "Requests of other sites' web pages are not answered"
    return None


def name_of(host: str) -> str:
    """Return the name in a ``Host`` header, in lower case and without its port."""
    if host.startswith("["):  # an IPv6 address
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().removesuffix(".")


def hosts_in_environment() -> list[str]:
    """Return the names in ``ALLOWED_HOSTS``."""
    return _names(os.environ.get("ALLOWED_HOSTS", ""))


def add_allowed_hosts(options: ArgumentParser) -> None:
    """Add ``--allowed-hosts`` to a command's options."""
    options.add_argument(
        "--allowed-hosts",
        type=_names,
        default=hosts_in_environment(),
        metavar="NAME,…",
        help="names that this port answers to, beside localhost, 127.0.0.1 and *.localhost; "
        "with a leading dot, every name below (default: ALLOWED_HOSTS)",
    )


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name.strip()]


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
