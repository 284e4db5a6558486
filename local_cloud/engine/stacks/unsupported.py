"""Types that are not really created: a template that has one is refused, and told where."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any

from localstack.services.cloudformation.engine.v2.change_set_model import NodeResource
from localstack.services.cloudformation.engine.v2.change_set_resource_support_checker import (
    ChangeSetResourceSupportChecker,
)
from localstack.services.cloudformation.engine.v2.unsupported_resource import (
    should_ignore_unsupported_resource_type,
)
from localstack.services.cloudformation.resource_provider import plugin_manager
from localstack.services.cloudformation.v2 import entities, provider

from local_cloud.engine.stacks.circles import refuse_circles

_BODY: ContextVar[str] = ContextVar("template", default="")


def line_of(logical_id: str, template: str) -> int | None:
    """Return the line of a template that begins a resource, ``None`` where none does."""
    match = re.search(
        rf"^[ \t{{,]*+[\"']?{re.escape(logical_id)}[\"']?\s*+:", template, re.MULTILINE
    )
    if match is None or "\n" not in template:
        return None
    return template.count("\n", 0, match.end()) + 1


class ChangeSet(entities.ChangeSet):  # type: ignore[misc]
    """LocalStack's change set, whose template the checker can be asked for."""

    def compute_update_model(self, inputs: Any) -> None:
        refuse_circles(inputs.after_template)
        token = _BODY.set(self.template_body or "")
        try:
            super().compute_update_model(inputs)
        finally:
            _BODY.reset(token)


class Checker(ChangeSetResourceSupportChecker):  # type: ignore[misc]
    """Names each resource of such a type with its line."""

    TITLE_MESSAGE = "What this cloud does not create:"

    def visit_node_resource(self, node_resource: NodeResource) -> None:
        name, kind = node_resource.name, node_resource.type_.value
        if kind.startswith("Custom::") or plugin_manager.exists(kind):
            return
        if should_ignore_unsupported_resource_type(
            resource_type=kind, change_set_type=self.change_set_type
        ):
            return
        line = line_of(name, _BODY.get())
        where = f", line {line}" if line else ""
        self._resource_failure_messages[name] = f"{name} ({kind}{where})"


def name_what_is_unsupported() -> None:
    """Have LocalStack use these two in place of its own."""
    entities.ChangeSetResourceSupportChecker = Checker
    provider.ChangeSet = ChangeSet
