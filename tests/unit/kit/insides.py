"""The places of LocalStack and moto that the plugins replace or override, and who does."""

from local_cloud.engine.workflows import error_names

WRITTEN_FOR = "2026.3.0"

_CFN = "localstack.services.cloudformation"
_ASL = "localstack.services.stepfunctions.asl"
_EXECUTION = "component.state.state_execution"
_MAP = f"{_EXECUTION}.state_map"
_LAMBDA = "localstack.services.lambda_"

#: Plugin below ``local_cloud.engine``, module, name in it.
INSIDES = (
    ("stacks.addresses", f"{_CFN}.engine.v2.change_set_model_preproc", "ChangeSetModelPreproc"),
    (
        "stacks.addresses",
        f"{_CFN}.engine.v2.change_set_model_preproc",
        "ChangeSetModelPreproc._perform_static_replacements",
    ),
    (
        "s3_signatures",
        "localstack.services.s3.presigned_url",
        "get_secret_access_key_from_access_key_id",
    ),
    ("s3_signatures", "localstack.services.s3.presigned_url", "validate_post_policy"),
    (
        "stacks.roles",
        "localstack.services.iam.resource_providers.aws_iam_role",
        "IAMRoleProvider.update",
    ),
    (
        "stacks.rest_apis",
        "localstack.services.apigateway.resource_providers.aws_apigateway_stage",
        "ApiGatewayStageProvider.create",
    ),
    *(
        (
            "workflows.signed_invocations",
            f"{_ASL}.component.state.state_execution.state_task.service."
            "state_task_service_api_gateway",
            name,
        )
        for name in ("StateTaskServiceApiGateway._headers_of", "requests")
    ),
    ("stacks.inline_code", "localstack.utils.testutil", "is_debian"),
    ("stacks.literals", f"{_CFN}.engine.template_preparer", "parse_template"),
    (
        "stacks.literals",
        f"{_CFN}.engine.v2.change_set_model_preproc",
        "ChangeSetModelPreproc.visit_node_intrinsic_function_fn_sub",
    ),
    (
        "stacks.literals",
        f"{_CFN}.engine.v2.change_set_model_validator",
        "ChangeSetModelValidator.visit_node_intrinsic_function_fn_sub",
    ),
    ("stacks.unsupported", f"{_CFN}.v2.entities", "ChangeSetResourceSupportChecker"),
    ("stacks.unsupported", f"{_CFN}.v2.entities", "ChangeSet.compute_update_model"),
    ("stacks.unsupported", f"{_CFN}.v2.provider", "ChangeSet"),
    ("stacks.provider", f"{_CFN}.v2.provider", "ChangeSetModelExecutor"),
    ("stacks.provider", f"{_CFN}.v2.provider", "find_change_set_v2"),
    *(
        ("stacks.rollback", f"{_CFN}.engine.v2.change_set_model_executor", name)
        for name in (
            "TriggerRollback",
            "EventOperationFromAction",
            "ChangeSetModelExecutor._execute_resource_action",
            "ChangeSetModelExecutor._process_event",
            "ChangeSetModelExecutor._get_physical_id",
            "ChangeSetModelExecutor.visit_node_outputs",
            "ChangeSetModelExecutor.visit_node_resources",
        )
    ),
    ("stacks.rollback", f"{_CFN}.resource_provider", "ResourceProviderExecutor.execute_action"),
    ("functions.provider", f"{_LAMBDA}.invocation.lambda_service", "LambdaVersionManager"),
    ("functions.provider", f"{_LAMBDA}.invocation.lambda_service", "LambdaService"),
    ("functions.streams", f"{_LAMBDA}.urlrouter", "FunctionUrlRouter.handle_lambda_url_invocation"),
    ("functions.versions", f"{_LAMBDA}.invocation.version_manager", "LambdaVersionManager.invoke"),
    (
        "functions.executor",
        f"{_LAMBDA}.invocation.runtime_executor",
        "RuntimeExecutor.prepare_version",
    ),
    *(
        ("workflows.clock", f"{_ASL}.{module}", name)
        for module, name in (
            ("component.common.retry.retrier_decl", "RetrierDecl._eval_body"),
            ("component.common.retry.retrier_decl", "time"),
            ("component.program.program", "Program.eval"),
            ("component.program.program", "Program._eval_body"),
            ("component.state.state", "CommonStateField._eval_body"),
            ("component.state.state", "datetime"),
            (f"{_EXECUTION}.execute_state", "threading.Event"),
            (f"{_EXECUTION}.execute_state", "Thread"),
            ("component.state.state_wait.wait_function.timestamp", "Timestamp._get_wait_seconds"),
            (
                "component.state.state_wait.wait_function.wait_function",
                "WaitFunction._wait_interval",
            ),
            ("eval.callback.callback", "Event"),
            ("eval.environment", "Environment.close_frame"),
            ("eval.environment", "Environment.open_frame"),
            ("eval.environment", "Environment.open_inner_frame"),
            ("eval.environment", "Environment.set_stop"),
            ("eval.environment", "Environment.set_timed_out"),
        )
    ),
    ("workflows.json_paths", f"{_ASL}.utils.json_path", "parse"),
    ("workflows.json_paths", f"{_ASL}.component.common.path.result_path", "parse"),
    *(
        ("workflows.jsonata.expressions", f"{_ASL}.{module}", name)
        for module, name in (
            ("component.common.string.string_expression", "StringJSONata._eval_body"),
            ("component.common.string.string_expression", "StringVariableSample._eval_body"),
            ("component.eval_component", "EvalComponent.eval"),
            ("component.state.state_choice.choices_decl", "ChoicesDecl"),
            ("component.state.state_execution.execute_state", "ExecutionState._from_error"),
            ("eval.event.event_manager", "EventManager.add_event"),
            ("eval.states", "States.set_result"),
            ("eval.variable_store", "VariableStore.get_assigned_variables"),
            ("parse.preprocessor", "from_string_literal"),
        )
    ),
    (
        "workflows.execution_logs",
        f"{_ASL}.eval.event.logging",
        "CloudWatchLoggingSession.publish_history_log",
    ),
    *(
        ("workflows.progress", f"{_ASL}.{module}", name)
        for module, name in (
            ("component.program.program", "Program._eval_body"),
            ("eval.event.event_manager", "EventManager.add_event"),
            (f"{_EXECUTION}.state_parallel.branches_decl", "BranchesDecl._eval_body"),
            (f"{_EXECUTION}.state_parallel.branch_worker", "BranchWorker.__init__"),
            (f"{_EXECUTION}.state_parallel.branch_worker", "BranchWorker._thread_routine"),
            (
                f"{_EXECUTION}.state_map.iteration.inline_iteration_component",
                "InlineIterationComponent._eval_body",
            ),
            (
                f"{_EXECUTION}.state_map.iteration.iteration_worker",
                "IterationWorker._eval_job",
            ),
        )
    ),
    *(
        ("workflows.distributed_map", f"{_ASL}.{module}", name)
        for module, name in (
            (f"{_EXECUTION}.state_map.state_map", "StateMap._eval_execution"),
            (
                f"{_EXECUTION}.state_map.iteration.itemprocessor.map_run_record",
                "MapRunRecord.describe",
            ),
            ("parse.asl_parser", "AmazonStateLanguageParser.parse"),
        )
    ),
    ("workflows.definitions", f"{_ASL}.parse.asl_parser", "AmazonStateLanguageParser.parse"),
    *(
        ("workflows.error_names", module.__name__, "CustomErrorName")
        for module in error_names.MODULES
    ),
    (
        "workflows.http_task",
        f"{_ASL}.{_EXECUTION}.state_task.state_task_factory",
        "state_task_service_for",
    ),
    (
        "workflows.http_task",
        "localstack.services.events.api_destination",
        "add_api_destination_authorization",
    ),
    (
        "workflows.sdk_names",
        f"{_ASL}.{_EXECUTION}.state_task.service.state_task_service",
        "StateTaskService._get_boto_service_name",
    ),
    ("workflows.map_items", f"{_ASL}.component.common.path.items_path", "ItemsPath._eval_body"),
    (
        "workflows.map_items",
        f"{_ASL}.{_EXECUTION}.state_map.items.items",
        "ItemsJSONata._eval_body",
    ),
    *(
        ("workflows.workbench", "localstack.services.stepfunctions.backend.execution_worker", name)
        for name in (
            "ExecutionWorker.start",
            "ExecutionWorker._execution_logic",
            "ExecutionWorker._get_evaluation_environment",
        )
    ),
    (
        "workflows.provider",
        "localstack.services.stepfunctions.provider",
        "StepFunctionsProvider._STATE_MACHINE_EXECUTION_ARN_REGEX",
    ),
    (
        "workflows.redrive",
        "localstack.services.stepfunctions.backend.execution_worker",
        "ExecutionWorker",
    ),
    (
        "workflows.provider",
        "localstack.services.stepfunctions.provider",
        "StepFunctionsProvider._validate_definition",
    ),
    (
        "workflows.provider",
        f"{_ASL}.component.state.state_execution.state_task.lambda_eval_utils",
        "select_from_typed_dict",
    ),
    (
        "workflows.intrinsics",
        f"{_ASL}.component.intrinsic.function.statesfunction.array.array_range",
        "ArrayRange._eval_body",
    ),
    ("workflows.roles", f"{_ASL}.utils.boto_client", "connect_to.with_assumed_role"),
    ("workflows.json_paths", "jsonpath_ng.ext.filter", "OPERATOR_MAP"),
    ("foreign_input", "yaml.composer", "Composer.compose_node"),
    ("foreign_input", "yaml.composer", "Composer.compose_document"),
    ("http_port.other_protocols", "twisted.web.http", "HTTPFactory.log"),
    ("http_port.other_protocols", "h2.connection", "H2Connection._receive_goaway_frame"),
    ("http_port.other_protocols", "rolo.serving.twisted", "update_wsgi_environment"),
    ("http_port.other_protocols", "rolo.serving.twisted", "WsgiGateway"),
    ("model.aws_bedrock", "urllib3", "HTTPResponse.shutdown"),
    ("state.plugin", "localstack.services.plugins", "Service.start"),
    ("state.plugin", "localstack.runtime.shutdown", "SERVICE_SHUTDOWN_PRIORITY"),
    ("state.containers", "localstack.services.stores", "LOCAL_ATTR_PREFIX"),
    ("state.codec", "moto.core.base_backend", "BackendDict._instances"),
    (
        "state.services.cloudwatch",
        "localstack.services.cloudwatch.alarm_scheduler",
        "AlarmScheduler.restart_existing_alarms",
    ),
    ("state.services.cloudformation", f"{_CFN}.v2.entities", "Stack.set_stack_status"),
    ("state.services.cloudformation", f"{_CFN}.v2.entities", "Stack.set_resource_status"),
    ("state.services.dynamodb", "moto.dynamodb.models.table", "Table.__init__"),
    ("state.services.dynamodb", "moto.dynamodb.models.table", "StreamShard.__init__"),
    ("state.services.logs", "moto.logs.models", "LogStream.__init__"),
    ("state.services.s3", "localstack.services.s3.models", "KeyStore.__init__"),
    ("state.services.s3", "localstack.services.s3.models", "VersionedKeyStore.__init__"),
    *(
        ("state.services.s3", "localstack.services.s3.storage.ephemeral", name)
        for name in (
            "EphemeralS3ObjectStore._key_from_s3_object",
            "EphemeralS3ObjectStore._create_upload_directory",
            "EphemeralS3StoredMultipart",
            "LockedSpooledTemporaryFile",
        )
    ),
    *(
        ("state.services.stepfunctions", f"localstack.services.stepfunctions.{name[0]}", name[1])
        for name in (
            ("backend.execution", "Execution.start"),
            ("backend.execution", "Execution._get_start_execution_worker"),
            ("backend.execution", "BaseExecutionWorkerCommunication.terminated"),
            ("asl.eval.event.event_manager", "EventManager.add_event"),
            ("asl.eval.callback.callback", "CallbackPoolManager.add"),
            ("asl.eval.callback.callback", "CallbackPoolManager.notify"),
            ("asl.eval.states", "ContextObject.update_task_token"),
        )
    ),
    ("cognito", "moto.cognitoidp.models", "jwt"),
    ("cognito", "moto.cognitoidp.models", "jwk.RSAKey.import_key"),
    ("lighter", "botocore.loaders", "JSONFileLoader._load_file"),
    ("lighter", "localstack.aws.handlers.validation", "OpenAPIRequestValidator"),
    ("lighter", "localstack.aws.handlers.validation", "OpenAPIResponseValidator"),
    ("lighter", "localstack.services.stepfunctions.asl.jsonata.jsonata", "jpype.imports"),
    ("lighter", "localstack.utils.net", "dns.resolver"),
    ("lighter", "localstack.aws.connect", "dns.query"),
    ("lighter", "localstack.utils.aws.message_forwarding", "extract_query_string_params"),
    ("dynamodb.provider", "moto.dynamodb.models.dynamo_type", "DynamoType.__add__"),
    ("dynamodb.provider", "moto.dynamodb.comparisons", "FuncSize.expr"),
    *(
        ("dynamodb.lean_moto", "moto.dynamodb", name)
        for name in (
            *("models.dynamo_type.Item", "models.dynamo_type.LimitedSizeDict"),
            *("models.dynamo_type.DynamoType.size", "models.utilities.bytesize"),
            *("parsing.ast_nodes.Node", "parsing.expressions.UpdateExpressionParser.make"),
            "parsing.ast_nodes.DepthFirstTraverser.traverse",
            "parsing.ast_nodes.DepthFirstTraverser.pre_processing_of_child",
        )
    ),
    ("dynamodb.item_calls", "moto.dynamodb.responses", "DynamoHandler.dynamodb_backend"),
    ("dynamodb.item_calls", "moto.dynamodb.responses", "DynamoHandler.query.__wrapped__"),
    ("dynamodb.item_calls", "moto.iam.models", "mark_account_as_visited"),
    ("dynamodb.item_calls", "localstack.aws.client", "parse_service_exception"),
    ("dynamodb.transactions", "moto.dynamodb.models", "copy.deepcopy"),
    ("dynamodb.transactions", "moto.dynamodb.models", "DynamoDBBackend.transact_write_items"),
    ("dynamodb.streams", "moto.dynamodb.models", "DynamoDBBackend.update_item"),
    ("dynamodb.streams", "moto.dynamodb.models.table", "StreamRecord.__init__"),
    ("dynamodb.streams", "moto.dynamodb.models.table", "StreamShard.add"),
    ("lazy_batch", "moto.batch.utils", "JobStatus"),
    ("lean_chain", "localstack.aws.api.core", "long_uid"),
    ("lean_chain", "localstack.aws.handlers.legacy", "EdgeRouterHandler.__call__"),
    ("lean_chain", "localstack.aws.handlers.logging", "ResponseLogger.__call__"),
    *(
        ("web_pages", "localstack.aws.handlers.cors", name)
        for name in (
            *("CorsEnforcer._is_in_allowed_origins", "ALLOWED_CORS_ORIGINS"),
            *("CorsEnforcer.__call__", "CORS_ALLOWED_HEADERS", "DYNAMIC_INTERNAL_ORIGINS"),
        )
    ),
    *(
        ("permissions.simulator", "localstack.services.iam.provider", f"IamProvider.{name}")
        for name in (
            *("simulate_principal_policy", "simulate_custom_policy", "_is_managed_policy"),
            *("_get_store", "_get_role_entity", "_get_group_entity", "_get_user_entity"),
        )
    ),
    ("permissions.simulator", "localstack.services.iam.models", "iam_stores"),
    ("permissions.roles", f"{_LAMBDA}.invocation.models", "lambda_stores"),
    ("permissions.roles", f"{_LAMBDA}.invocation.lambda_models", "Function.latest"),
    (
        "permissions.guard",
        "localstack.utils.aws.request_context",
        "extract_access_key_id_from_auth_header",
    ),
    ("tracing", "localstack.aws.connect", "InternalClientFactory._get_client_post_hook"),
    (
        "service",
        "localstack.aws.handlers.service",
        "ServiceExceptionSerializer.create_exception_response",
    ),
    ("tracing", "localstack.utils.xray.trace_header", "TraceHeader.from_header_str"),
    ("workflows.state_spans", f"{_ASL}.eval.event.event_manager", "EventManager.add_event"),
    (
        "workflows.state_spans",
        f"{_ASL}.{_EXECUTION}.state_parallel.branch_worker",
        "BranchWorker.__init__",
    ),
    (
        "workflows.state_spans",
        f"{_ASL}.{_MAP}.iteration.iteration_worker",
        "IterationWorker._eval_job",
    ),
    (
        "workflows.state_spans",
        "localstack.services.stepfunctions.backend.execution_worker",
        "ExecutionWorker._get_evaluation_environment",
    ),
)
