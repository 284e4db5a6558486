"""A workflow's role is assumed once in a while, and not for each of its tasks.

https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
"""

from __future__ import annotations

import threading
import time
from typing import Any

from localstack.services.stepfunctions.asl.utils import boto_client

#: How long a role's clients are kept; their credentials are valid for an hour.
KEPT_SECONDS = 15 * 60


def keep_roles() -> None:
    """Have tasks share the clients of their role."""
    boto_client.connect_to = _Roles(boto_client.connect_to)


class _Roles:
    """Stands for LocalStack's factory of clients.

    Args:
        theirs: the factory.
    """

    def __init__(self, theirs: Any) -> None:
        self._theirs = theirs
        self._kept: dict[tuple[str, ...], tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def with_assumed_role(self, *, role_arn: str, region_name: str, **options: Any) -> Any:
        """Return what makes clients with a role's credentials."""
        key = (role_arn, region_name)
        now = time.monotonic()
        with self._lock:
            until, clients = self._kept.get(key, (0.0, None))
        if now < until:
            return clients
        clients = self._theirs.with_assumed_role(
            role_arn=role_arn, region_name=region_name, **options
        )
        with self._lock:
            self._kept[key] = (now + KEPT_SECONDS, clients)
        return clients
