"""A LocalStack service out of a single request handler, and an error in place of an answer."""

from collections.abc import Callable, Mapping

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.core import ServiceRequest, ServiceResponse
from localstack.aws.handlers.service import ServiceExceptionSerializer
from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from localstack.http import Response
from localstack.services.plugins import Service

Handler = Callable[[RequestContext, ServiceRequest], ServiceResponse | Response | None]


def service_of(name: str, handler: Handler) -> Service:
    """Return the LocalStack service ``name`` whose every operation is answered by ``handler``."""
    model = load_service(name)
    return Service(name, skeleton=Skeleton(model, dict.fromkeys(model.operation_names, handler)))


def picked[T](answers: Mapping[str, T], context: RequestContext) -> T:
    """Return what answers a call's operation.

    Raises:
        NotImplementedError: nothing does; the caller is told so.
    """
    name = context.operation.name if context.operation is not None else ""
    answer = answers.get(name)
    if answer is None:
        service = context.service.service_name if context.service is not None else ""
        raise NotImplementedError(f"{name} of {service} is not answered here")
    return answer


def answer_error(
    context: RequestContext, response: Response, error: CommonServiceException
) -> None:
    """Put an error, in the form of its service, in the place of what a call was answered with."""
    response.update_from(ServiceExceptionSerializer().create_exception_response(error, context))
