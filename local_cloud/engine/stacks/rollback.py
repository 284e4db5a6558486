"""A deployment that takes back what it did when a resource fails.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from localstack.aws.api.cloudformation import ChangeAction, ResourceStatus, StackStatus
from localstack.services.cloudformation.engine.v2.change_set_model import (
    NodeOutputs,
    NodeResource,
    NodeResources,
    Nothing,
    is_nothing,
)
from localstack.services.cloudformation.engine.v2.change_set_model_executor import (
    ChangeSetModelExecutor,
    ChangeSetModelExecutorResult,
    EventOperationFromAction,
    TriggerRollback,
)
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import (
    PreprocEntityDelta,
    PreprocProperties,
)
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceProviderExecutor,
    ResourceProviderPayload,
)
from localstack.services.cloudformation.v2.entities import ChangeSet

LOG = logging.getLogger(__name__)


_MODEL = "AWS::ApiGatewayV2::Model"


class DeletionFailed(Exception):
    """A resource of the stack could not be deleted."""


class _Providers(ResourceProviderExecutor):  # type: ignore[misc]
    """Calls resource providers; a failure is told in the words of what failed."""

    def execute_action(
        self, resource_provider: ResourceProvider, raw_payload: ResourceProviderPayload
    ) -> ProgressEvent:
        event = super().execute_action(resource_provider, raw_payload)
        if event.status == OperationStatus.FAILED and "exception" in (event.custom_context or {}):
            event.message = str(event.custom_context["exception"])
        return event


class Executor(ChangeSetModelExecutor):  # type: ignore[misc]
    """LocalStack's executor, which can go back.

    Args:
        change_set: what to deploy, or a stack to delete.
        keep: leave a failed deployment as it is (``DisableRollback``).
    """

    def __init__(self, change_set: ChangeSet, *, keep: bool = False) -> None:
        super().__init__(change_set)
        self.resource_provider_executor = _Providers(
            stack_name=change_set.stack.stack_name, stack_id=change_set.stack.stack_id
        )
        self.stack = change_set.stack
        self.keep = keep
        self.deletes = self.stack.status == StackStatus.DELETE_IN_PROGRESS
        self._states = dict(self.stack.resource_states)
        #: What undoes each step, first to last.
        self._steps: list[Callable[[], ProgressEvent]] = []
        self._failed: list[str] = []

    def execute(self) -> ChangeSetModelExecutorResult:
        """Deploy, delete, or fail and go back.

        Raises:
            DeletionFailed: the stack cannot be deleted.
        """
        failure = None
        try:
            self.process()
        except TriggerRollback as error:
            failure = error.reason or f"{error.logical_resource_id} failed"
        except Exception as error:  # noqa: BLE001 - whatever a resource provider raises
            failure = str(error)
        if failure is not None and not self.deletes:
            self._go_back(failure)
            return ChangeSetModelExecutorResult(self.resources, self.outputs, failure)
        if self._deferred_actions and not self.deletes:
            self.stack.set_stack_status(StackStatus.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS)
        for deferred in reversed(self._deferred_actions):
            deferred.action()
        if self.deletes and (failure or self._failed):
            raise DeletionFailed(failure or f"not deleted: {', '.join(self._failed)}")
        return ChangeSetModelExecutorResult(self.resources, self.outputs, None)

    def visit_node_outputs(self, node_outputs: NodeOutputs) -> PreprocEntityDelta[Any, Any]:
        if self.deletes:
            return PreprocEntityDelta(before=[], after=[])
        return super().visit_node_outputs(node_outputs)

    def visit_node_resources(self, node_resources: NodeResources) -> None:
        """Visit models first: a route names them, without a reference that would order the two."""
        for node in node_resources.resources:
            if node.type_.value == _MODEL and is_nothing(node.condition_reference):
                self.visit(node)
        super().visit_node_resources(node_resources)

    def visit_node_resource(self, node_resource: NodeResource) -> PreprocEntityDelta[Any, Any]:
        if self.deletes and node_resource.name not in self._before_resolved_resources:
            return PreprocEntityDelta(before=Nothing, after=Nothing)  # it was never made
        return super().visit_node_resource(node_resource)

    def _execute_resource_action(
        self,
        action: ChangeAction,
        logical_resource_id: str,
        resource_type: str,
        before_properties: PreprocProperties | None,
        after_properties: PreprocProperties | None,
        part_of_replacement: bool = False,
    ) -> ProgressEvent:
        event: ProgressEvent = super()._execute_resource_action(
            action,
            logical_resource_id,
            resource_type,
            before_properties,
            after_properties,
            part_of_replacement,
        )
        if event.status != OperationStatus.SUCCESS:
            self._failed.append(logical_resource_id)
            return event
        made = PreprocProperties(dict(event.resource_model or {}))
        act = super()._execute_resource_action
        if action == ChangeAction.Add:

            def remove() -> ProgressEvent:
                tell = partial(
                    self._process_event,
                    action=ChangeAction.Remove,
                    logical_resource_id=logical_resource_id,
                    resource_type=resource_type,
                )
                tell(event_status=OperationStatus.IN_PROGRESS)
                done = act(
                    ChangeAction.Remove, logical_resource_id, resource_type, made, None, True
                )
                tell(event_status=done.status, reason=done.message)
                return done

            self._steps.append(remove)
        elif action == ChangeAction.Modify:
            self._steps.append(
                lambda: act(action, logical_resource_id, resource_type, made, before_properties)
            )
        return event

    def _process_event(
        self,
        *,
        action: ChangeAction,
        logical_resource_id: str,
        event_status: OperationStatus,
        resource_type: str,
        special_action: str | None = None,
        reason: str | None = None,
        custom_status: ResourceStatus | str | None = None,
    ) -> None:
        """Tell what happened to a resource; the stack's own status is told by what follows."""
        kind = special_action or EventOperationFromAction[action.value]
        result = "COMPLETE" if event_status == OperationStatus.SUCCESS else event_status.name
        self.stack.set_resource_status(
            logical_resource_id=logical_resource_id,
            physical_resource_id=self._get_physical_id(logical_resource_id, False),
            resource_type=resource_type,
            status=ResourceStatus(custom_status or f"{kind}_{result}"),
            resource_status_reason=reason,
        )

    def _go_back(self, failure: str) -> None:
        """Undo each step, the last one first; an update's stack is as it was before."""
        stack, change_set = self.stack, self._change_set
        updates = bool(self._before_resolved_resources)
        if self.keep:
            failed = StackStatus.UPDATE_FAILED if updates else StackStatus.CREATE_FAILED
            stack.set_stack_status(failed, failure)
            return
        stack.set_stack_status(
            StackStatus.UPDATE_ROLLBACK_IN_PROGRESS
            if updates
            else StackStatus.ROLLBACK_IN_PROGRESS,
            failure,
        )
        left = [event.message for step in reversed(self._steps) if not _succeeded(event := step())]
        for message in left:
            LOG.warning("%s: not taken back: %s", stack.stack_name, message)
        self.outputs = stack.resolved_outputs
        if updates:
            self.resources = dict(self._before_resolved_resources)
            change_set.template = stack.template
            change_set.processed_template = stack.processed_template
            change_set.template_body = stack.template_body
            change_set.resolved_parameters = stack.resolved_parameters
        else:
            self.resources = {}
        stack.resource_states = self._states
        done = "FAILED" if left else "COMPLETE"
        kind = "UPDATE_ROLLBACK" if updates else "ROLLBACK"
        stack.set_stack_status(StackStatus(f"{kind}_{done}"), "; ".join(left) or None)


def _succeeded(event: ProgressEvent) -> bool:
    return bool(event.status == OperationStatus.SUCCESS)
