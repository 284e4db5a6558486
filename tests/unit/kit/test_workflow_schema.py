"""Definitions that AWS refuses, in its words.

What AWS says was recorded by others:
https://github.com/badmintoncryer/cdk-preflight (ValidateStateMachineDefinition)
https://github.com/floci-io/floci/issues/2735 (fields by type)
https://github.com/localstack/localstack (recorded answers of its own tests)
https://github.com/aws-cloudformation/cfn-lint/issues/4078 and /4085 (paths)
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_cloud.engine.workflows.validation import doubts_of, schema_of, ways_of
from local_cloud.engine.workflows.validation.paths import is_call, is_path, is_reference

PASS = {"Type": "Pass", "End": True}
LAMBDA = "arn:aws:states:::lambda:invoke"
TASK = {"Type": "Task", "Resource": LAMBDA, "End": True}
INNER = {"StartAt": "I", "States": {"I": PASS}}
MAP = {"Type": "Map", "ItemProcessor": INNER, "End": True}
AT = "SCHEMA_VALIDATION_FAILED: {} at {}"
NOT_RECOGNIZED = (
    "The resource provided {} is not recognized. The value is not a valid resource ARN, or the "
    "resource is not available in this region."
)


def machine(state: Any, **more: Any) -> dict[str, Any]:
    return {"StartAt": "S", "States": {"S": state}, **more}


def wrong(state: Any, express: bool = False, **more: Any) -> list[str]:
    return [str(found) for found in schema_of(json.dumps(machine(state, **more)), express)]


def rule(**fields: Any) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": [fields]}


@pytest.mark.parametrize(
    "state",
    [
        PASS,
        TASK,
        MAP,
        {"Type": "Succeed"},
        {"Type": "Fail", "ErrorPath": "$.e", "CausePath": "States.Format('{}', $.c)"},
        {"Type": "Wait", "Timestamp": "2030-01-01T00:00:00.5Z", "Next": "S"},
        {"Type": "Wait", "SecondsPath": "$$.Execution.Input.n", "Next": "S"},
        rule(Variable="$.a", IsPresent=True, Next="S"),
        rule(And=[{"Variable": "$.a", "StringMatches": "x*"}], Next="S", Assign={"a.$": "$.b"}),
        {**TASK, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "S", "ResultPath": None}]},
        {**TASK, "Resource": "arn:aws:states:::aws-sdk:s3:getObject"},
        {**TASK, "Resource": "arn:aws:states:::states:startExecution.sync:2"},
        {**TASK, "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f:live"},
        {**TASK, "Resource": "arn:aws:states:us-east-1:000000000000:activity:a"},
        {**TASK, "Credentials": {"RoleArn.$": "$.role"}},
        {**PASS, "Assign": {"a.$": "$var.b", "ä": 1}, "InputPath": None, "ResultPath": "$"},
        {"Type": "Parallel", "Branches": [INNER], "Next": "S"},
    ],
)
def test_what_aws_takes_is_taken(state: Any) -> None:
    assert wrong(state) == []


@pytest.mark.parametrize(
    ("state", "said", "place"),
    [
        # Fields
        ({**PASS, "TimeoutSeconds": 1}, "Field 'TimeoutSeconds' is not supported", "/States/S"),
        ({**MAP, "TimeoutSeconds": 1}, "Field 'TimeoutSeconds' is not supported", "/States/S"),
        ({**PASS, "resultPath": "$"}, "Field 'resultPath' is not supported", "/States/S"),
        ({"Type": "Wait", "Seconds": 1, "ResultPath": None, "End": True},
         "Field 'ResultPath' is not supported", "/States/S"),
        ({"Type": "Succeed", "End": True}, "Field 'End' is not supported", "/States/S"),
        ({"Type": "Any"}, "The field 'Type' should have one of these values: [Task, Wait, Pass, "
         "Succeed, Fail, Choice, Parallel, Map]", "/States/S/Type"),
        ({"Type": "Task", "End": True}, "These fields are required: [Resource]", "/States/S"),
        # Next and End
        ({**PASS, "Next": "S"}, "There should only be one of the following fields: [Next, End]",
         "/States/S"),
        ({"Type": "Pass"}, "This object should have only one of the following fields: [Next, End]",
         "/States/S"),
        ({"Type": "Wait", "Seconds": 1, "SecondsPath": "$.n", "End": True},
         "There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, "
         "Timestamp]", "/States/S"),
        ({"Type": "Map", "End": True},
         "This object should have only one of the following fields: [ItemProcessor, Iterator]",
         "/States/S"),
        ({**TASK, "TimeoutSeconds": 1, "TimeoutSecondsPath": "$.t"},
         "There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath]",
         "/States/S"),
        # Values
        ({"Type": "Parallel", "Branches": [], "End": True}, "Value cannot be empty",
         "/States/S/Branches"),
        ({"Type": "Choice", "Choices": []}, "Value cannot be empty", "/States/S/Choices"),
        ({"Type": "Wait", "Timestamp": "2030-01-01 00:00:00Z", "End": True},
         "String does not match RFC3339 timestamp", "/States/S/Timestamp"),
        ({"Type": "Wait", "Timestamp": "2030-13-01T00:00:00Z", "End": True},
         "String does not match RFC3339 timestamp", "/States/S/Timestamp"),
        ({"Type": "Wait", "Seconds": "9", "End": True}, "Expected value of type Integer",
         "/States/S/Seconds"),
        # Paths
        ({**PASS, "InputPath": "$.["}, "Value must be a valid JSONPath.", "/States/S/InputPath"),
        ({**PASS, "OutputPath": "Test"}, "Value must be a valid JSONPath.",
         "/States/S/OutputPath"),
        ({**PASS, "ResultPath": "$.a[*]"}, "Value is not a Reference Path",
         "/States/S/ResultPath"),
        ({**MAP, "ItemsPath": "$..a"}, "Value is not a Reference Path", "/States/S/ItemsPath"),
        ({**PASS, "Parameters": {"a": [{"b.$": "Test"}]}},
         "The value for the field 'b.$' must be a valid JSONPath or a valid intrinsic function "
         "call", "/States/S/Parameters/a[0]"),
        ({**PASS, "Parameters": {"b.$": "States.Nothing($)"}},
         "The value for the field 'b.$' must be a valid JSONPath or a valid intrinsic function "
         "call", "/States/S/Parameters"),
        ({**PASS, "Assign": {"v.$": "Test"}},
         "The value for the field 'v.$' must be a valid JSONPath or a valid intrinsic function "
         "call", "/States/S/Assign"),
        # Choices
        (rule(Variable="a", IsPresent=True, Next="S"),
         "Value is not a Reference Path: Reference path didn't start with '$'",
         "/States/S/Choices[0]/Variable"),
        (rule(Variable="$.a", IsPresent=True), "These fields are required: [Next]",
         "/States/S/Choices[0]"),
        (rule(Next="S"), "The object must have only one of the following fields, [And, Or, Not, "
         "Variable, Condition]", "/States/S/Choices[0]"),
        (rule(Not={"Variable": "$.a", "IsNull": True, "Next": "S"}, Next="S"),
         "Field 'Next' is not supported", "/States/S/Choices[0]/Not"),
        (rule(Condition="{% true %}", Next="S"), "The QueryLanguage is set to 'JSONPath', but field"
         " 'Condition' is only supported for the 'JSONata' QueryLanguage", "/States/S/Choices[0]"),
        # Errors
        ({**TASK, "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["A"]}]},
         "States.ALL must appear alone and at end of list", "/States/S/Retry[0]/ErrorEquals"),
        ({**TASK, "Catch": [{"ErrorEquals": ["States.ALL", "A"], "Next": "S"}]},
         "States.ALL must appear alone and at end of list", "/States/S/Catch[0]/ErrorEquals"),
        ({**TASK, "Catch": [{"ErrorEquals": ["A"]}]}, "These fields are required: [Next]",
         "/States/S/Catch[0]"),
        ({**TASK, "Retry": [{"ErrorEquals": ["A"], "JitterStrategy": "SOME"}]},
         "Value should be one of the following: [NONE, FULL]", "/States/S/Retry[0]/JitterStrategy"),
        # Resources
        ({**TASK, "Resource": "createToken"}, "Value is not a valid resource ARN",
         "/States/S/Resource"),
        ({**TASK, "Resource": "arn:aws:states:::dynamodb:query"},
         NOT_RECOGNIZED.format("arn:aws:states:::dynamodb:query"), "/States/S/Resource"),
        ({**TASK, "Resource": "arn:aws:states:::nothing:invoke"},
         NOT_RECOGNIZED.format("arn:aws:states:::nothing:invoke"), "/States/S/Resource"),
        ({**TASK, "Resource": f"{LAMBDA}.sync"}, NOT_RECOGNIZED.format(f"{LAMBDA}.sync"),
         "/States/S/Resource"),
        ({**TASK, "Credentials": {}}, "The field 'RoleArn' is required but was missing",
         "/States/S/Credentials"),
        # Maps
        ({**MAP, "ItemProcessor": {**INNER, "ProcessorConfig": {"Mode": "DISTRIBUTED"}}},
         "These fields are required: [ExecutionType]", "/States/S/ItemProcessor/ProcessorConfig"),
        ({**MAP, "ItemReader": {}}, "Field 'ItemReader' is not supported", "/States/S"),
        ({**MAP, "ItemProcessor": {**INNER, "Any": 1}}, "Field 'Any' is not supported",
         "/States/S/ItemProcessor"),
        ({**MAP, "ItemProcessor": {"StartAt": "I"}}, "These fields are required: [States]",
         "/States/S/ItemProcessor"),
    ],
)  # fmt: skip
def test_what_aws_refuses_is_refused_in_its_words(state: Any, said: str, place: str) -> None:
    assert wrong(state) == [AT.format(said, place)]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({**TASK, "Resource": f"{LAMBDA}.waitForTaskToken"},
         "Express state machine does not support '.waitForTaskToken' service integration  at "
         "/States/S/Resource"),
        ({**TASK, "Resource": "arn:aws:states:::states:startExecution.sync"},
         "Express state machine does not support '.sync' service integration at "
         "/States/S/Resource"),
        ({**TASK, "Resource": "arn:aws:states:us-east-1:000000000000:activity:a"},
         "Express state machine does not support Activity ARN at /States/S/Resource"),
    ],
)  # fmt: skip
def test_what_express_workflows_do_not_have(state: Any, said: str) -> None:
    assert wrong(state, express=True) == [f"SCHEMA_VALIDATION_FAILED: {said}"]
    assert wrong(state) == []


def test_the_machine_itself() -> None:
    assert [str(d) for d in schema_of('{"StartAt": "S"}')] == [
        "SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /"
    ]
    assert wrong(PASS, Coment="x") == [
        "SCHEMA_VALIDATION_FAILED: Field 'Coment' is not supported at /"
    ]
    assert wrong(PASS, Version="2.0") == [
        "SCHEMA_VALIDATION_FAILED: Value should be one of the following: [1.0] at /Version"
    ]
    assert wrong(PASS, QueryLanguage="XPath") == [
        "SCHEMA_VALIDATION_FAILED: Value should be one of the following: [JSONPath, JSONata] at "
        "/QueryLanguage"
    ]
    (broken,) = schema_of("{")
    assert broken.code == "INVALID_JSON_DESCRIPTION"
    (empty,) = schema_of(" ")
    assert empty.code == "MISSING_DESCRIPTION"


def test_names_are_unique_in_the_whole_machine() -> None:
    inner = {"StartAt": "S", "States": {"S": PASS}}
    assert wrong({**MAP, "ItemProcessor": inner}) == [
        "DUPLICATE_STATE_NAME: Duplicate State name: S at /States/S/ItemProcessor/States/S"
    ]


def test_names_of_variables() -> None:
    assert wrong({**PASS, "Assign": {"states": 1, "a-b.$": "$.a"}}) == [
        "RESERVED_VARIABLE_NAME: Cannot assign to reserved variable '$states'. at /States/S/Assign",
        "INVALID_VARIABLE_NAME: Invalid variable name 'a-b': the variable name contains invalid "
        "characters. at /States/S/Assign",
    ]


def test_an_expression_has_to_end() -> None:
    state = {**PASS, "Output": {"a": "{% 1 "}}
    assert wrong(state, QueryLanguage="JSONata") == [
        "SCHEMA_VALIDATION_FAILED: JSONata string must start with {% and end with %} at "
        "/States/S/Output/a"
    ]


@pytest.mark.parametrize(
    "definition",
    ["1", "[]", '"x"', "null", '{"States": 1, "StartAt": 1}',
     '{"States": {"S": 1}, "StartAt": "S"}',
     '{"StartAt": "S", "States": {"S": {"Type": "Map", "ItemProcessor": 1, "End": 1}}}',
     '{"StartAt": "S", "States": {"S": {"Type": "Choice", "Choices": [1, {"Not": 2}]}}}',
     '{"StartAt": "S", "States": {"S": {"Type": "Parallel", "Branches": [1], "End": true}}}',
     '{"StartAt": "S", "States": {"S": {"Type": ["Pass"]}}}'],
)  # fmt: skip
def test_what_is_of_another_shape_is_told_and_no_more(definition: str) -> None:
    assert schema_of(definition)


@pytest.mark.parametrize(
    "path",
    ["$", "$$", "$.a", "$.a.b[0]", "$['a b']", "$..a", "$.a[*].b", "$.a[?(@.b == 'x)]')]",
     "$.a[-1:]", "$.a[0,1]", "$.length()", "$$.Map.Item.Value", "$variable.a", "$.['a']",
     "$.a-b", "$.ü", "$.a[?(@.b in ['x', 'y'])]"],
)  # fmt: skip
def test_paths(path: str) -> None:
    assert is_path(path)
    assert is_call(f"States.ArrayLength({path})")


@pytest.mark.parametrize(
    "path", ["", "a", "$.", "$.[", "$.a[", "$.a]", "$..", "$.a b", "$a b", "$.a[]", "$.a['b]"]
)
def test_what_is_no_path(path: str) -> None:
    assert not is_path(path)


@pytest.mark.parametrize("path", ["$", "$.a.b", "$.a[0]", "$['a b'][\"c\"]", "$v.a"])
def test_reference_paths(path: str) -> None:
    assert is_reference(path)


@pytest.mark.parametrize("path", ["$..a", "$.a[*]", "$.a[?(@.b)]", "$.a[0:2]", "$.length()", "$.*"])
def test_what_is_no_reference_path(path: str) -> None:
    assert is_path(path)
    assert not is_reference(path)


@pytest.mark.parametrize(
    "call",
    ["States.UUID()", "States.Format('it\\'s {}', $.a)", "States.Array(1, -2.5, true, null, 'x')",
     "States.ArrayGetItem(States.StringSplit($.a, ','), 0)", "States.Format('{}', $.a['b,c'])"],
)  # fmt: skip
def test_calls(call: str) -> None:
    assert is_call(call)


@pytest.mark.parametrize(
    "call",
    ["States.Nothing()", "States.UUID", "States.UUID(", "States.Format('{}' $.a)", "UUID()",
     "States.Array(1,)", "States.Format('{})", "States.UUID() x"],
)  # fmt: skip
def test_what_is_no_call(call: str) -> None:
    assert not is_call(call)


def test_what_is_hardly_meant_is_warned_of() -> None:
    state = {
        **PASS,
        "Parameters": {"a": "$.b", "c": {"d": "States.UUID()"}},
        "Result": {"e": "$.f"},
    }
    assert [(d.code, d.location) for d in doubts_of(json.dumps(machine(state)))] == [
        ("NO_DOLLAR", "/States/S/Parameters/a"),
        ("NO_DOLLAR", "/States/S/Parameters/c/d"),
        ("PASS_RESULT_IS_STATIC", "/States/S/Result"),
    ]
    assert ways_of(json.dumps(machine(state))) == []
