"""The services that this kit gives LocalStack, each loaded when somebody first asks for it.

LocalStack imports the modules of all providers at its start, only to see what there is.
"""

from __future__ import annotations

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="cognito-idp")
def cognito_idp() -> Service:
    """Return Cognito's user pools: moto's, with a signing key and JWKS."""
    from local_cloud.engine import cognito

    return cognito.user_pools()


@aws_provider(api="dynamodb", name="moto")
def dynamodb() -> Service:
    """Return DynamoDB: moto's, mended."""
    from local_cloud.engine.dynamodb import provider

    return provider.dynamodb()


@aws_provider(api="dynamodbstreams", name="moto")
def dynamodbstreams() -> Service:
    """Return DynamoDB Streams, which reads what the other one has written."""
    from local_cloud.engine.dynamodb import provider

    return provider.dynamodbstreams()


@aws_provider(api="cloudformation", name="kit")
def cloudformation() -> Service:
    """Return CloudFormation: LocalStack's, with stacks that roll back."""
    from local_cloud.engine.stacks import provider

    return provider.cloudformation()


@aws_provider(api="iam", name="kit")
def iam() -> Service:
    """Return IAM: LocalStack's, whose simulation decides as AWS does."""
    from local_cloud.engine.permissions import simulator

    return Service.for_provider(simulator.Provider())


@aws_provider(api="lambda", name="kit")
def lambda_() -> Service:
    """Return Lambda: LocalStack's, whose functions run at the Lambda endpoint."""
    from local_cloud.engine.functions import provider

    return provider.lambda_()


@aws_provider(api="s3", name="kit")
def s3() -> Service:
    """Return S3: LocalStack's, whose objects lie in a folder of this engine's own.

    LocalStack has one below ``/tmp`` whose name everybody knows: who makes it first, another user
    or another cloud, has what is put into it.
    """
    from localstack.services.s3.provider import S3Provider
    from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore

    return Service.for_provider(S3Provider(EphemeralS3ObjectStore()))


@aws_provider(api="xray")
def xray() -> Service:
    """Return X-Ray, which reads the traces that the parts write."""
    from local_cloud.engine import xray as xray_api

    return xray_api.xray()


@aws_provider(api="bedrock")
def bedrock() -> Service:
    """Return what tells of models."""
    from local_cloud.engine.model import control

    return control.bedrock()


@aws_provider(api="bedrock-runtime")
def bedrock_runtime() -> Service:
    """Return what asks models."""
    from local_cloud.engine.model import runtime

    return runtime.bedrock_runtime()


@aws_provider(api="apigateway", name="kit")
def apigateway() -> Service:
    """Return REST APIs: LocalStack's, which ask authorizers, keys and signatures."""
    from local_cloud.engine.rest_apis import provider

    return provider.rest_apis()


@aws_provider(api="apigatewayv2")
def apigatewayv2() -> Service:
    """Return what makes, describes and deletes WebSocket APIs."""
    from local_cloud.engine import api_gateway

    return api_gateway.gateway_service("apigatewayv2")


@aws_provider(api="apigatewaymanagementapi")
def apigatewaymanagementapi() -> Service:
    """Return what posts to connections."""
    from local_cloud.engine import api_gateway

    return api_gateway.gateway_service("apigatewaymanagementapi")


@aws_provider(api="stepfunctions", name="kit")
def stepfunctions() -> Service:
    """Return Step Functions: LocalStack's own, completed where it answers otherwise than AWS."""
    from local_cloud.engine.workflows import (
        clock,
        definitions,
        error_names,
        execution_logs,
        http_task,
        intrinsics,
        json_paths,
        map_items,
        progress,
        provider,
        roles,
        sdk_names,
        signed_invocations,
        state_spans,
        workbench,
    )
    from local_cloud.engine.workflows.distributed_map.evaluation import run_distributed_maps
    from local_cloud.engine.workflows.jsonata.expressions import evaluate_here

    provider.keep_sdk_metadata()
    provider.refuse_wrong_definitions()
    provider.admit_child_arns()
    error_names.name_errors()
    execution_logs.cut_long_data()
    clock.keep_time()
    workbench.open_workbench()
    progress.keep_progress()
    state_spans.trace_states()
    http_task.run_http_tasks()
    sdk_names.name_services()
    roles.keep_roles()
    signed_invocations.sign_invocations()
    map_items.take_items()
    intrinsics.bound_ranges()
    definitions.parse_definitions_once()
    run_distributed_maps()
    json_paths.read_paths_once()
    evaluate_here()
    return Service.for_provider(provider.Provider())
