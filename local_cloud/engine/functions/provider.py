"""The Lambda API on 4566: LocalStack's provider, with the template's functions among its own."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.core import ServiceRequest
from localstack.aws.api.lambda_ import (
    CreateFunctionRequest,
    FunctionConfiguration,
    InvalidParameterValueException,
    ResourceConflictException,
)
from localstack.aws.skeleton import DispatchTable, create_dispatch_table
from localstack.services.edge import ROUTER
from localstack.services.lambda_.api_utils import function_locators_from_arn
from localstack.services.lambda_.invocation import lambda_service
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.provider import LambdaProvider
from localstack.services.lambda_.runtimes import ALL_RUNTIMES
from localstack.services.plugins import Service

from local_cloud.engine.functions.executor import tell_reserved
from local_cloud.engine.functions.streams import UrlRouter, stream_invocation
from local_cloud.engine.functions.template_functions import TEMPLATE
from local_cloud.engine.functions.unpacking import unpack_within_bounds
from local_cloud.engine.functions.versions import VersionManager
from local_cloud.lambda_endpoint.functions import Function
from local_cloud.lambda_endpoint.runtimes import why_not

ADOPTION_SECONDS = 30.0
#: What the endpoint answers of the template's functions, without LocalStack in between.
_DIRECT = frozenset({"GetFunction", "GetFunctionConfiguration", "Invoke"})
#: What would change them: their folders and their template do.
_CHANGING = frozenset(
    {
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "DeleteFunction",
        "PutFunctionConcurrency",
    }
)


# LocalStack's service makes its managers by this name.
lambda_service.LambdaVersionManager = VersionManager
unpack_within_bounds()


class _Versions(LambdaService):  # type: ignore[misc]
    """LocalStack's service, which remembers when each version's start is done."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: dict[str, Future[None]] = {}

    def create_function_version(self, function_version: FunctionVersion) -> Future[None]:
        start: Future[None] = super().create_function_version(function_version)
        self.starts[function_version.qualified_arn] = start
        return start


class FunctionsProvider(LambdaProvider):  # type: ignore[misc]
    """LocalStack's Lambda, refusing at creation what cannot run here."""

    def __init__(self) -> None:
        super().__init__()
        self.lambda_service = _Versions()
        self.router = UrlRouter(ROUTER, self.lambda_service)
        self.templates = TEMPLATE

    def create_function(
        self, context: RequestContext, request: CreateFunctionRequest
    ) -> FunctionConfiguration:
        if request.get("FunctionName") in self.templates.functions():
            raise ResourceConflictException(f"Function already exist: {request['FunctionName']}")
        if request.get("PackageType") == "Image":
            raise InvalidParameterValueException(
                "Container images run in Docker mode alone, by SAM: ./local-cloud up --docker",
                Type="User",
            )
        runtime = request.get("Runtime")
        known = runtime in ALL_RUNTIMES  # LocalStack has AWS's words for one that is none
        if runtime and known and (why := why_not(runtime)) is not None:
            raise InvalidParameterValueException(f"It does not run here: {why}", Type="User")
        return super().create_function(context, request)

    def put_function_concurrency(
        self,
        context: RequestContext,
        function_name: str,
        reserved_concurrent_executions: int,
        **more: Any,
    ) -> Any:
        answer = super().put_function_concurrency(
            context, function_name, reserved_concurrent_executions, **more
        )
        tell_reserved(_named({"FunctionName": function_name})[0], reserved_concurrent_executions)
        return answer

    def delete_function_concurrency(
        self, context: RequestContext, function_name: str, **more: Any
    ) -> None:
        super().delete_function_concurrency(context, function_name, **more)
        tell_reserved(_named({"FunctionName": function_name})[0], None)

    def adopt(self, context: RequestContext, function: Function) -> None:
        """Take a function of the template into LocalStack's store, by reference to its folder."""
        store = lambda_stores[context.account_id][context.region]
        if function.name in store.functions:
            return
        super().create_function(
            context,
            CreateFunctionRequest(
                FunctionName=function.name,
                Runtime=function.runtime,
                Handler=function.handler,
                Role=f"arn:aws:iam::{context.account_id}:role/{function.name}",
                Code={"S3Bucket": "hot-reload", "S3Key": str(function.code)},
                Description=function.description,
                Timeout=function.timeout,
                MemorySize=function.memory,
                Environment={"Variables": dict(function.environment)},
            ),
        )
        version = store.functions[function.name].versions["$LATEST"]
        self.lambda_service.starts[version.qualified_arn].result(ADOPTION_SECONDS)


class _Dispatch:
    """Decides who answers: the endpoint for the template's functions, else LocalStack."""

    def __init__(self, provider: FunctionsProvider) -> None:
        self.provider = provider
        self.own: DispatchTable = create_dispatch_table(provider)

    def table(self) -> DispatchTable:
        return dict.fromkeys(self.own, self)

    def __call__(self, context: RequestContext, request: ServiceRequest) -> Any:
        operation = context.operation.name
        templates = self.provider.templates
        if operation == "ListFunctions":
            return self._list(context, request)
        asked = dict(request)
        name, qualifier = _named(asked)
        if operation == "InvokeWithResponseStream":
            return stream_invocation(
                context, name, str(asked.get("Qualifier") or qualifier or "$LATEST")
            )
        function = templates.functions().get(name) if name else None
        if function is None:
            return self.own[operation](context, request)
        qualifier = str(asked.get("Qualifier") or qualifier or "$LATEST")
        if operation in _CHANGING and qualifier == "$LATEST":
            raise InvalidParameterValueException(
                f"{name} is a function of the template {templates.path}: change it, or its folder "
                f"{function.code}; it takes effect with the next invocation",
                Type="User",
            )
        if operation in _DIRECT and qualifier == "$LATEST":
            return templates(context, request)
        self.provider.adopt(context, function)
        return self.own[operation](context, request)

    def _list(self, context: RequestContext, request: ServiceRequest) -> Any:
        answer = self.own["ListFunctions"](context, request)
        if dict(request).get("Marker"):
            return answer
        told = self.provider.templates.described()
        names = {one["FunctionName"] for one in told}
        rest = [one for one in answer.get("Functions", []) if one["FunctionName"] not in names]
        answer["Functions"] = [*told, *rest]
        return answer


def _named(request: dict[str, Any]) -> tuple[str, str | None]:
    name, qualifier, _, _ = function_locators_from_arn(str(request.get("FunctionName") or ""))
    return str(name or ""), qualifier


def lambda_() -> Service:
    """Return the Lambda service."""
    provider = FunctionsProvider()
    return Service.for_provider(
        provider, dispatch_table_factory=lambda provider: _Dispatch(provider).table()
    )
