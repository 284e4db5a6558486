"""CloudFormation: LocalStack's, with stacks that go back when they fail.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.cloudformation import (
    AlreadyExistsException,
    ChangeSetNameOrId,
    ChangeSetNotFoundException,
    ChangeSetStatus,
    ChangeSetType,
    CreateChangeSetInput,
    CreateChangeSetOutput,
    CreateStackInput,
    CreateStackOutput,
    ExecuteChangeSetOutput,
    ExecutionStatus,
    InvalidChangeSetStatusException,
    StackNameOrId,
    StackStatus,
    UpdateStackInput,
    UpdateStackOutput,
)
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.models import get_cloudformation_store
from localstack.services.cloudformation.v2 import provider as theirs
from localstack.services.cloudformation.v2.entities import ChangeSet, Stack
from localstack.services.cloudformation.v2.provider import (
    CloudformationProviderV2,
    find_change_set_v2,
    find_stack_v2,
)
from localstack.services.plugins import Service
from localstack.utils.threads import start_worker_thread

from local_cloud.engine.stacks.addresses import localize_addresses
from local_cloud.engine.stacks.inline_code import zip_in_python
from local_cloud.engine.stacks.literals import keep_literals
from local_cloud.engine.stacks.rest_apis import keep_method_settings
from local_cloud.engine.stacks.roles import change_roles_in_place
from local_cloud.engine.stacks.rollback import Executor
from local_cloud.engine.stacks.unsupported import name_what_is_unsupported

#: What a change set takes of the request that creates or updates a stack.
_OF_A_CHANGE_SET = frozenset(CreateChangeSetInput.__annotations__)
_NO_CHANGES = "No updates are to be performed."

LOG = logging.getLogger(__name__)


class StacksProvider(CloudformationProviderV2):  # type: ignore[misc]
    """Every change of a stack is a change set, whoever asks for it."""

    @handler("CreateStack", expand=False)
    def create_stack(self, context: RequestContext, request: CreateStackInput) -> CreateStackOutput:
        name = request["StackName"]
        store = get_cloudformation_store(context.account_id, context.region)
        found = find_stack_v2(store, name)
        if found is not None and found.is_active():
            raise AlreadyExistsException(f"Stack [{name}] already exists")
        change_set = self._change_set(context, request, ChangeSetType.CREATE)
        stack = change_set.stack
        if change_set.status == ChangeSetStatus.FAILED:
            stack.set_stack_status(StackStatus.ROLLBACK_COMPLETE, change_set.status_reason)
        else:
            keep = bool(request.get("DisableRollback")) or request.get("OnFailure") == "DO_NOTHING"
            self._start(change_set, keep)
        return CreateStackOutput(StackId=stack.stack_id)

    @handler("UpdateStack", expand=False)
    def update_stack(self, context: RequestContext, request: UpdateStackInput) -> UpdateStackOutput:
        change_set = self._change_set(context, request, ChangeSetType.UPDATE)
        if change_set.status == ChangeSetStatus.FAILED:
            reason = str(change_set.status_reason)
            raise ValidationError(_NO_CHANGES if "didn't contain changes" in reason else reason)
        self._start(change_set, bool(request.get("DisableRollback")))
        return UpdateStackOutput(StackId=change_set.stack.stack_id)

    @handler("CreateChangeSet", expand=False)
    def create_change_set(
        self, context: RequestContext, request: CreateChangeSetInput
    ) -> CreateChangeSetOutput:
        store = get_cloudformation_store(context.account_id, context.region)
        stack = find_stack_v2(store, str(request.get("StackName")))
        before = (stack.status, stack.status_reason, len(stack.events)) if stack else None
        try:
            made: CreateChangeSetOutput = super().create_change_set(context, request)
        except ValidationError:
            if stack is None and (begun := find_stack_v2(store, str(request.get("StackName")))):
                del store.stacks_v2[begun.stack_id]  # nothing has come of it
            raise
        if stack is not None and before is not None and stack.is_active():
            # A change set that was not executed has changed nothing.
            stack.status, stack.status_reason, events = before
            del stack.events[: len(stack.events) - events]
        if stack is None:
            find_stack_v2(store, made["StackId"]).status = StackStatus.REVIEW_IN_PROGRESS
        return made

    @handler("ExecuteChangeSet", expand=False)
    def execute_change_set(
        self, context: RequestContext, request: dict[str, Any]
    ) -> ExecuteChangeSetOutput:
        name: ChangeSetNameOrId = request["ChangeSetName"]
        stack_name: StackNameOrId | None = request.get("StackName")
        store = get_cloudformation_store(context.account_id, context.region)
        change_set = find_change_set_v2(store, name, stack_name)
        if change_set is None:
            raise ChangeSetNotFoundException(f"ChangeSet [{name}] does not exist")
        if change_set.execution_status != ExecutionStatus.AVAILABLE:
            raise InvalidChangeSetStatusException(
                f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status "
                f"of [{change_set.status}]"
            )
        self._start(change_set, bool(request.get("DisableRollback")))
        return ExecuteChangeSetOutput()

    def _change_set(
        self,
        context: RequestContext,
        request: CreateStackInput | UpdateStackInput,
        kind: ChangeSetType,
    ) -> ChangeSet:
        """Make the change set that a request stands for."""
        asked = {key: value for key, value in dict(request).items() if key in _OF_A_CHANGE_SET}
        if asked.pop("UsePreviousTemplate", False):
            store = get_cloudformation_store(context.account_id, context.region)
            stack = find_stack_v2(store, request["StackName"])
            asked["TemplateBody"] = stack.template_body if stack else None
        asked |= {"ChangeSetName": f"stack-{uuid4()}", "ChangeSetType": kind}
        made = self.create_change_set(context, CreateChangeSetInput(**asked))
        store = get_cloudformation_store(context.account_id, context.region)
        return find_change_set_v2(store, made["Id"])

    @staticmethod
    def _start(change_set: ChangeSet, keep: bool) -> None:
        stack = change_set.stack
        change_set.set_execution_status(ExecutionStatus.EXECUTE_IN_PROGRESS)
        stack.tags = change_set.tags
        stack.status_reason = None
        creates = change_set.change_set_type == ChangeSetType.CREATE
        stack.set_stack_status(
            StackStatus.CREATE_IN_PROGRESS if creates else StackStatus.UPDATE_IN_PROGRESS
        )
        start_worker_thread(partial(_run, change_set, Executor(change_set, keep=keep)))


def _run(change_set: ChangeSet, executor: Executor, *_: object) -> None:
    """Execute a change set; the stack then is what it says, or what it was."""
    stack: Stack = change_set.stack
    creates = change_set.change_set_type == ChangeSetType.CREATE
    try:
        result = executor.execute()
    except Exception as error:  # whoever waits for the stack is told
        LOG.exception("%s: the change set was not executed", stack.stack_name)
        change_set.set_execution_status(ExecutionStatus.EXECUTE_FAILED)
        failed = StackStatus.CREATE_FAILED if creates else StackStatus.UPDATE_FAILED
        stack.set_stack_status(failed, repr(error))
        return
    stack.resolved_parameters = change_set.resolved_parameters
    stack.resolved_resources = result.resources
    stack.template = change_set.template
    stack.processed_template = change_set.processed_template
    stack.template_body = change_set.template_body
    stack.description = (change_set.template or {}).get("Description")
    if result.failure_message is not None:
        change_set.set_execution_status(ExecutionStatus.EXECUTE_FAILED)
        return
    stack.resolved_outputs = result.outputs
    stack.resolved_exports = {
        output["ExportName"]: output["OutputValue"]
        for output in result.outputs
        if output.get("ExportName")
    }
    stack.change_set_id = change_set.change_set_id
    stack.last_updated_time = datetime.now(tz=UTC)
    change_set.set_execution_status(ExecutionStatus.EXECUTE_COMPLETE)
    stack.set_stack_status(StackStatus.CREATE_COMPLETE if creates else StackStatus.UPDATE_COMPLETE)


def cloudformation() -> Service:
    """Return the CloudFormation service."""
    keep_literals()
    localize_addresses()
    change_roles_in_place()
    zip_in_python()
    name_what_is_unsupported()
    keep_method_settings()
    theirs.ChangeSetModelExecutor = Executor  # for what deletes a stack
    return Service.for_provider(StacksProvider())
