"""Alarms are looked at again; metrics are not kept."""

from __future__ import annotations

from localstack.services.cloudwatch.alarm_scheduler import AlarmScheduler
from localstack.services.cloudwatch.models import LocalStackMetricAlarm, cloudwatch_stores
from localstack.services.plugins import Service


def prepare(_: Service) -> None:
    """Have alarms found where they are: LocalStack asks each of AWS's regions over HTTP."""
    AlarmScheduler.restart_existing_alarms = _restart


def quiet(_: Service) -> None:
    """Have alarms do nothing when their state changes."""
    for regions in cloudwatch_stores.values():
        for store in regions.values():
            for alarm in store.alarms.values():
                alarm.alarm["ActionsEnabled"] = False


def _restart(self: AlarmScheduler) -> None:
    for regions in cloudwatch_stores.values():
        for store in regions.values():
            for alarm in list(store.alarms.values()):
                if isinstance(alarm, LocalStackMetricAlarm):
                    self.schedule_metric_alarm(alarm_arn=alarm.alarm["AlarmArn"])
