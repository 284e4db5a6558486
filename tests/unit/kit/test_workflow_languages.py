"""Fields of the other query language, and JSONata that cannot be read, in AWS's words.

Measured on AWS: https://github.com/floci-io/floci/issues/2968 and /2745
"""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.engine.workflows.validation.languages import check_languages

PASS = {"Type": "Pass", "End": True}
ONLY = (
    "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to '{}', but field '{}' is only supported "
    "for the '{}' QueryLanguage at {}"
)


def wrong(state: Any, language: str | None = "JSONata") -> list[str]:
    machine = {"StartAt": "S", "States": {"S": state}}
    if language is not None:
        machine["QueryLanguage"] = language
    return [str(diagnostic) for diagnostic in check_languages(machine)]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a[1,2)", 'Expected "]", got ","'),
        ('"unterminated', "String literal must be terminated by a matching quote"),
        ("1 +", "Unexpected end of expression"),
        ('{"a":}', 'The symbol "}" cannot be used as a unary operator'),
        ("$x :=", "Unexpected end of expression"),
    ],
)
def test_an_expression_that_cannot_be_read_is_told_with_its_place(
    expression: str, message: str
) -> None:
    state = {**PASS, "Output": {"v": ["fine", f"{{% {expression} %}}"]}}
    assert wrong(state) == [f"INVALID_JSONATA_EXPRESSION: {message} at /States/S/Output/v[1]"]
    assert not wrong({**PASS, "Parameters": {"v": f"{{% {expression} %}}"}}, None)


@pytest.mark.parametrize(
    ("state", "language", "told"),
    [
        ({**PASS, "Output": 1}, None, ONLY.format("JSONPath", "Output", "JSONata", "/States/S")),
        (
            {**PASS, "Parameters": {}},
            "JSONata",
            ONLY.format("JSONata", "Parameters", "JSONPath", "/States/S"),
        ),
        (
            {**PASS, "QueryLanguage": "JSONPath"},
            "JSONata",
            "SCHEMA_VALIDATION_FAILED: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' "
            "for whole state machine at /States/S",
        ),
    ],
)
def test_a_field_of_the_other_language_is_told(state: Any, language: str | None, told: str) -> None:
    assert wrong(state, language) == [told]


def test_states_inside_have_the_machines_language_and_no_other() -> None:
    inner = {"StartAt": "P", "States": {"P": {**PASS, "Output": 1}}}
    map_state = {"Type": "Map", "QueryLanguage": "JSONata", "ItemProcessor": inner, "End": True}
    place = "/States/S/ItemProcessor/States/P"
    assert wrong(map_state, None) == [ONLY.format("JSONPath", "Output", "JSONata", place)]
    assert wrong(map_state, "JSONata") == []
    named = {**map_state, "ItemProcessor": {**inner, "QueryLanguage": "JSONata"}}
    assert wrong(named, "JSONata") == [
        "SCHEMA_VALIDATION_FAILED: Field 'QueryLanguage' is not supported at "
        "/States/S/ItemProcessor"
    ]


@pytest.mark.parametrize("machine", [{}, {"States": 1}, {"States": {"S": 1}}, {"States": {}}])
def test_what_is_no_machine_is_left_to_others(machine: Any) -> None:
    assert check_languages(machine) == []
