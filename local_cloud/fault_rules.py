"""Rules of what goes wrong on purpose in a cloud that runs: at the gateway and at the AWS APIs."""

from __future__ import annotations

from typing import Any

from local_aws.faults import parted
from local_cloud.ask import NoAnswer, ask

SECONDS = 10.0


class FaultsAway(RuntimeError):
    """A part does not take rules, or does not answer; the message says which and why."""


class FaultRules:
    """The rules of a cloud; docs/faults.md says what there is.

    Args:
        engine: ``http://host:port`` of the AWS APIs.
        gateway: the WebSocket gateway's.
    """

    def __init__(self, engine: str, gateway: str) -> None:
        #: Where rules are kept: those of calls, and the others.
        self.places = {True: f"{engine}/_faults", False: f"{gateway}/_gateway/faults"}

    def add(self, on: str = "call", *, seed: int = 0, **rule: Any) -> None:
        """Have a fault strike from now on, such as ``add(service="s3", action="fail")``.

        Args:
            on: what it is about: ``call``, or an event at the gateway.
            seed: the same faults for the same seed.
            rule: its other fields.

        Raises:
            ValueError: it is no rule; says why.
            FaultsAway: the part does not take it.
        """
        self.add_all({"seed": seed, "rules": [{"on": on, **rule}]})

    def add_all(self, document: dict[str, Any]) -> None:
        """Have the rules of a document strike, as a file has them; see :meth:`add`."""
        for of_calls, part in parted(document).items():
            self._ask("POST", self.places[of_calls], part)

    def listed(self) -> list[dict[str, Any]]:
        """Return the rules that there are, each with how often it has ``struck``.

        Raises:
            FaultsAway: a part does not answer.
        """
        return [rule for url in self.places.values() for rule in self._ask("GET", url)["rules"]]

    def clear(self) -> None:
        """Have no fault strike any more.

        Raises:
            FaultsAway: a part does not answer.
        """
        for url in self.places.values():
            self._ask("DELETE", url)

    @staticmethod
    def _ask(method: str, url: str, body: Any = None) -> Any:
        try:
            return ask(url, method, body, SECONDS)
        except NoAnswer as error:
            raise FaultsAway(str(error)) from error
