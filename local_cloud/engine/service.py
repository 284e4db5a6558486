"""One way to make a LocalStack service out of a single request handler."""

from collections.abc import Callable

from localstack.aws.api import RequestContext
from localstack.aws.api.core import ServiceRequest, ServiceResponse
from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from localstack.http import Response
from localstack.services.plugins import Service

Handler = Callable[[RequestContext, ServiceRequest], ServiceResponse | Response | None]


def service_of(name: str, handler: Handler) -> Service:
    """Return the LocalStack service ``name`` whose every operation is answered by ``handler``."""
    model = load_service(name)
    return Service(name, skeleton=Skeleton(model, dict.fromkeys(model.operation_names, handler)))
