"""How a server is reached by HTTP: at once, or by the environment's proxy."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from local_aws.lean_httpx import httpx

#: No proxy leads to these.
HERE = ("localhost", "127.0.0.1", "::1", "host.docker.internal")


@dataclass(frozen=True)
class Way:
    """How a server is reached: a connection for each answer, which ends with it.

    Args:
        host, port: of the server, or of the proxy that leads to it.
        target: what is asked for there.
        context: whose certificates are trusted; ``None`` for a connection in the clear.
        proxy_headers: what the proxy wants to know.
        tunnel: the server's own host and port, where a proxy leads to it by a tunnel.
    """

    host: str
    port: int
    target: str
    context: ssl.SSLContext | None = None
    proxy_headers: Mapping[str, str] = field(default_factory=dict)
    tunnel: tuple[str, int] | None = None

    @classmethod
    def to(cls, url: str) -> Way:
        """Return the way to a URL, by the environment's proxies; to this machine none leads.

        Raises:
            ValueError: it is no URL, or a proxy's is none.
        """
        parts = urlsplit(url)
        host, port = _address(url)
        secure = parts.scheme == "https"
        context = httpx.create_ssl_context() if secure else None
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        proxies = getproxies()
        proxy = proxies.get(parts.scheme) or proxies.get("all")
        if proxy is None or host in HERE or proxy_bypass(host):
            return cls(host, port, target, context)
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        if not proxy.startswith("http://"):
            raise ValueError(
                f"{proxy.partition('://')[0]}:// is no kind of proxy that is asked here"
            )
        by, headers = _address(proxy), _proxy_headers(proxy)
        if secure:
            return cls(*by, target, context, headers, (host, port))
        return cls(*by, url, None, headers)

    def connected(self, seconds: float) -> HTTPConnection:
        """Return a connection.

        Raises:
            OSError: there is none within so many seconds.
        """
        connection = (
            HTTPConnection(self.host, self.port, seconds)
            if self.context is None
            else HTTPSConnection(self.host, self.port, timeout=seconds, context=self.context)
        )
        if self.tunnel is not None:
            connection.set_tunnel(*self.tunnel, dict(self.proxy_headers))
        connection.connect()
        return connection

    @property
    def headers(self) -> Mapping[str, str]:
        """What a request needs beside its own headers."""
        return {} if self.tunnel is not None else self.proxy_headers


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError(f"{url!r} names no host")
    return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _proxy_headers(proxy: str) -> Mapping[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    who = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(who).decode()}"}
