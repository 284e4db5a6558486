"""Step Functions: LocalStack's own, completed where it answers otherwise than AWS."""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="stepfunctions", name="kit")
def stepfunctions() -> Service:
    """Return the Step Functions service."""
    # Loaded when somebody asks for the service: its parsers take their time.
    from local_cloud.engine.workflows import json_paths, patience, provider
    from local_cloud.engine.workflows.jsonata.expressions import evaluate_here

    provider.keep_sdk_metadata()
    provider.refuse_wrong_definitions()
    patience.wait_for_debuggers()
    json_paths.read_paths_once()
    evaluate_here()
    return Service.for_provider(provider.Provider())
