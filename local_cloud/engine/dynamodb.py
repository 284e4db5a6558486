"""DynamoDB on LocalStack from moto: in this process, where the default downloads a Java program."""

import threading

from localstack.aws.api import RequestContext
from localstack.aws.api.core import ServiceRequest, ServiceResponse
from localstack.services.moto import call_moto
from localstack.services.plugins import Service, aws_provider

from local_cloud.engine.service import service_of

# moto checks a condition and writes in two steps; LocalStack serves requests on threads.
# DynamoDB's conditional writes are atomic, so one request at a time.
_one_at_a_time = threading.Lock()


def _answer(context: RequestContext, request: ServiceRequest) -> ServiceResponse:
    with _one_at_a_time:
        return call_moto(context)


@aws_provider(api="dynamodb", name="moto")
def dynamodb() -> Service:
    """Return the DynamoDB service."""
    return service_of("dynamodb", _answer)
