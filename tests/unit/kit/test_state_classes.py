"""The list of the classes that state may name is whole, and names nothing that runs by itself."""

import json
from typing import Any

import pytest

from local_cloud.engine.state import list_records
from local_cloud.engine.state.classes import LIST, class_named
from local_cloud.engine.state.codec import read, write

SOME = [
    "localstack.services.sqs.models:StandardQueue",
    "localstack.services.lambda_.event_source_mapping.esm_worker:EsmStateReason",
    "localstack.services.lambda_.invocation.lambda_models:FunctionVersion",
    "localstack.services.stepfunctions.backend.alias:Alias",
    "localstack.services.s3.models:S3Object",
    "moto.apigateway.models:RestAPI",
    "moto.cognitoidp.models:CognitoIdpUserPool",
    "moto.dynamodb.models.table:Table",
    "moto.events.models:Rule",
    "moto.iam.models:Role",
    "moto.scheduler.models:Schedule",
    "moto.ssm.models:ParameterDict",
]


def test_the_list_is_what_the_packages_have() -> None:
    made = list_records.record_classes()
    assert json.loads(LIST.read_text()) == made, (
        "it is out of date: .venv/bin/python -m local_cloud.engine.state.list_records"
    )


@pytest.mark.parametrize("name", SOME)
def test_an_object_of_a_class_on_it_comes_back(name: str) -> None:
    kind: Any = class_named(name)
    if hasattr(kind, "__members__"):
        one = next(iter(kind.__members__.values()))
        assert read(write(one, lambda _: None), None) is one  # type: ignore[arg-type]
        return
    one = kind.__new__(kind)
    one.__dict__.update(a=1, _b=[one])
    found = read(write(one, lambda _: None), None)  # type: ignore[arg-type]
    assert type(found) is kind
    assert (found.a, found._b[0]) == (1, found)
