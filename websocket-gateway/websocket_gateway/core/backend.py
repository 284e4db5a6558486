"""What the gateway asks of the world outside: functions, HTTP endpoints, the time, a pause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from local_aws.credentials import SignedRequest


class IntegrationFailed(Exception):
    """The integration failed, is not there, or does not answer."""


class IntegrationTimedOut(Exception):
    """The integration took longer than it may."""


@dataclass(frozen=True)
class HttpAnswer:
    """What an HTTP endpoint answered. Header names are lower case."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ServiceCall:
    """A request to a service's API; ``service`` is the name that its signature carries."""

    service: str
    region: str
    method: str
    target: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Backend(Protocol):
    """Runs what stands behind routes."""

    #: Whether signatures are verified, and policies count.
    enforces: bool

    async def invoke(self, function: str, payload: bytes, timeout: float) -> bytes:
        """Return a Lambda function's answer.

        Args:
            timeout: seconds.

        Raises:
            IntegrationFailed: the function failed, or could not be reached.
            IntegrationTimedOut: no answer in time.
        """

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: str, timeout: float
    ) -> HttpAnswer:
        """Return an HTTP endpoint's answer; raises as :meth:`invoke` does."""

    async def call(self, call: ServiceCall, timeout: float) -> HttpAnswer:
        """Return an AWS service's answer; raises as :meth:`invoke` does."""

    async def refusal(self, request: SignedRequest) -> str | None:
        """Return why who has signed a request may not do that; ``None`` where they may.

        Raises:
            IntegrationFailed: nobody can tell.
        """

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    def now(self) -> int:
        """Return the time, in milliseconds since 1970."""

    def steady(self) -> float:
        """Return the seconds of a clock that never goes back."""

    def log_access(self, group: str | None, line: str) -> None:
        """Deliver an access log line to a log group, or to the terminal alone."""
