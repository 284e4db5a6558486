"""Step Functions: LocalStack's own, completed where it answers otherwise than AWS."""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="stepfunctions", name="kit")
def stepfunctions() -> Service:
    """Return the Step Functions service."""
    # Loaded when somebody asks for the service: its parsers take their time.
    from local_cloud.engine.workflows import (
        clock,
        error_names,
        execution_logs,
        http_task,
        json_paths,
        map_items,
        progress,
        provider,
        sdk_names,
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
    http_task.run_http_tasks()
    sdk_names.name_services()
    map_items.take_items()
    run_distributed_maps()
    json_paths.read_paths_once()
    evaluate_here()
    return Service.for_provider(provider.Provider())
