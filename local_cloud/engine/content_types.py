"""Twisted parses the Content-Type of each request as that of an e-mail: a fifth of its work."""

from __future__ import annotations

from functools import lru_cache

from localstack.runtime import hooks
from twisted.web import http

MOST_KEPT = 256


@hooks.on_infra_start()
def parse_each_once() -> None:
    """Parse each once: clients send a handful of them, again and again."""
    http._parseContentType = lru_cache(MOST_KEPT)(http._parseContentType)
