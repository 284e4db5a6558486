"""Messages wait in queues of SQS's own."""

from __future__ import annotations

from localstack.services.plugins import Service
from localstack.services.sqs.queue import InterruptiblePriorityQueue, InterruptibleQueue

from local_cloud.engine.state.codec import add_queue


def prepare(_: Service) -> None:
    """Have these queues be made anew."""
    add_queue(InterruptibleQueue)
    add_queue(InterruptiblePriorityQueue)
