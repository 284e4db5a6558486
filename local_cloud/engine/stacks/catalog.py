"""What CloudFormation types there are: those that are really created.

LocalStack asks its maker's server for a list; offline it takes every type for unsupported.
"""

from __future__ import annotations

from localstack.services.cloudformation.resource_provider import plugin_manager
from localstack.utils.catalog.catalog import CatalogPlugin
from localstack.utils.catalog.common import (
    CloudFormationResourcesSupportAtRuntime,
    CloudFormationResourcesSupportInLatest,
)


class Catalog(CatalogPlugin):  # type: ignore[misc]
    """Answers from the resource providers that are installed."""

    # The name that LocalStack prefers to its own.
    name = "aws-catalog-remote-state-with-license"

    def get_aws_service_status(self, service_name: str, operation_name: str | None = None) -> None:
        """Say nothing of services: a call that is not served is refused by its own words."""

    def get_cloudformation_resource_status(
        self, resource_name: str, service_name: str, is_pro_resource: bool = False
    ) -> CloudFormationResourcesSupportAtRuntime | CloudFormationResourcesSupportInLatest:
        if plugin_manager.exists(resource_name):
            return CloudFormationResourcesSupportAtRuntime.AVAILABLE
        return CloudFormationResourcesSupportInLatest.NOT_SUPPORTED
