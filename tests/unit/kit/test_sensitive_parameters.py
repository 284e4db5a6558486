"""What AWS's service models mark as sensitive of a call's parameters is not shown."""

import json
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from local_aws.redaction import shown
from local_cloud.engine.sensitive import marks_of

SECRET = "Corr-3ct-h0rse"


def shown_call(service: str, operation: str, parameters: dict[str, Any]) -> Any:
    model = ServiceModel(Loader().load_service_model(service, "service-2"))
    marks = marks_of(service, model.operation_model(operation))
    return json.loads(shown(parameters, marks))


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("ssm", "PutParameter", {"Name": "/db", "Value": SECRET, "Type": "SecureString"}),
        (
            "lambda",
            "CreateFunction",
            {"FunctionName": "f", "Environment": {"Variables": {"PLAIN": SECRET}}},
        ),
        ("cognito-idp", "ConfirmForgotPassword", {"Username": SECRET, "Password": SECRET}),
        ("secretsmanager", "PutSecretValue", {"SecretId": "s", "SecretString": SECRET}),
        ("kms", "Encrypt", {"KeyId": "k", "Plaintext": SECRET.encode()}),
    ],
)
def test_marked_parameters_are_hidden(
    service: str, operation: str, parameters: dict[str, Any]
) -> None:
    found = shown_call(service, operation, parameters)
    assert SECRET not in json.dumps(found)
    assert found.keys() == parameters.keys()


def test_what_is_not_marked_is_shown() -> None:
    parameters = {"TableName": "t", "Key": {"id": {"M": {"a": {"S": "b"}}}}}
    assert shown_call("dynamodb", "GetItem", parameters) == parameters
    found = shown_call("ssm", "PutParameter", {"Name": "/app/db", "Value": SECRET})
    assert found == {"Name": "/app/db", "Value": "…"}


def test_marks_of_shapes_that_occur_in_themselves_are_found() -> None:
    for service in ("dynamodb", "lexv2-models", "wafv2", "bedrock-agent", "stepfunctions"):
        model = ServiceModel(Loader().load_service_model(service, "service-2"))
        for name in model.operation_names:
            marks_of(service, model.operation_model(name))
