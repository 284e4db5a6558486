"""What Twisted does for each request to no avail: a quarter of its work."""

from __future__ import annotations

from functools import lru_cache

from localstack.runtime import hooks
from twisted.web import http

MOST_KEPT = 256


@hooks.on_infra_start()
def do_without() -> None:
    """Parse each Content-Type once, and write no access log, which goes nowhere.

    Twisted parses it as that of an e-mail; clients send a handful of them, again and again.
    """
    http._parseContentType = lru_cache(MOST_KEPT)(http._parseContentType)
    http.HTTPFactory.log = lambda self, request: None
