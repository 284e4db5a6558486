"""The lines of a log stream are kept one by one; filters hand them on by themselves."""

from __future__ import annotations

from typing import Any

from localstack.services.plugins import Service
from moto.logs.models import LogStream, logs_backends

from local_cloud.engine.state.noted import NotedList


def prepare(_: Service) -> None:
    """Have new streams note what is added."""
    new = LogStream.__init__

    def init(self: LogStream, *args: Any, **kwargs: Any) -> None:
        new(self, *args, **kwargs)
        self.events = NotedList()

    LogStream.__init__ = init


def quiet(_: Service) -> None:
    """Have no line handed on to a function or a stream."""
    for regions in logs_backends.values():
        for backend in regions.values():
            for group in backend.groups.values():
                group.subscription_filters.clear()
