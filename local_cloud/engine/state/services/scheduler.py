"""Schedules are due by themselves."""

from __future__ import annotations

from localstack.services.plugins import Service
from moto.scheduler.models import scheduler_backends


def quiet(_: Service) -> None:
    """Disable all schedules."""
    for regions in scheduler_backends.values():
        for backend in regions.values():
            for group in backend.schedule_groups.values():
                for schedule in group.schedules.values():
                    schedule.state = "DISABLED"
