"""Stacks go on behind the request that began them: each step is written as it comes about.

What a stack was in the middle of when the engine ended nobody goes on with: it has failed, and can
be updated, rolled back or deleted like any that has.
"""

from __future__ import annotations

from typing import Any

from localstack.aws.api.cloudformation import StackStatus
from localstack.services.cloudformation.engine.v2.change_set_model import Nothing, NothingType
from localstack.services.cloudformation.models import cloudformation_stores
from localstack.services.cloudformation.v2.entities import Stack
from localstack.services.plugins import Service

from local_cloud.engine.state.codec import made_anew
from local_cloud.engine.state.keeper import note_change

REASON = "The cloud stopped in the middle of it"
_FAILED = {
    "CREATE": StackStatus.CREATE_FAILED,
    "UPDATE": StackStatus.UPDATE_FAILED,
    "DELETE": StackStatus.DELETE_FAILED,
    "ROLLBACK": StackStatus.ROLLBACK_FAILED,
    "UPDATE_ROLLBACK": StackStatus.UPDATE_ROLLBACK_FAILED,
}
_IN_PROGRESS = "_IN_PROGRESS"


def prepare(_: Service) -> None:
    """Have stacks tell of their steps, and what stands for nothing be the one that there is."""
    made_anew("nothing", NothingType, lambda _: None, lambda _: Nothing)
    set_stack, set_resource = Stack.set_stack_status, Stack.set_resource_status

    def set_stack_status(self: Stack, *args: Any, **kwargs: Any) -> None:
        set_stack(self, *args, **kwargs)
        note_change("cloudformation")

    def set_resource_status(self: Stack, *args: Any, **kwargs: Any) -> None:
        set_resource(self, *args, **kwargs)
        note_change("cloudformation")

    Stack.set_stack_status = set_stack_status
    Stack.set_resource_status = set_resource_status


def resume(_: Service) -> None:
    """End what was in progress."""
    for regions in cloudformation_stores.values():
        for store in regions.values():
            for stack in store.stacks_v2.values():
                if not stack.status.endswith(_IN_PROGRESS):
                    continue
                failed = _FAILED.get(stack.status.removesuffix(_IN_PROGRESS))
                if failed is not None:  # REVIEW_IN_PROGRESS waits for somebody
                    stack.set_stack_status(failed, REASON)
