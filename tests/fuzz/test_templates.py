"""Templates of stacks: read and resolved, or refused in words, in time that has an end."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from local_aws.template import Template, TemplateError
from local_aws.yaml_documents import load
from tests.fuzz.fuzzing import fuzz
from tests.fuzz.values import JSON, JSON_TEXTS, TEXT
from websocket_gateway.core.registry import Registry
from websocket_gateway.template_apis import read_apis

NAMES = st.sampled_from(["A", "B", "P", "C", "AWS::Region", "AWS::NoValue", "None", "", "A.Arn"])
INTRINSICS = st.recursive(
    st.one_of(JSON, st.builds(lambda name: {"Ref": name}, NAMES)),
    lambda inner: st.one_of(
        st.builds(
            lambda name, value: {name: value},
            st.sampled_from(
                [
                    *("Fn::Sub", "Fn::GetAtt", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::If"),
                    *("Fn::FindInMap", "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or", "Condition"),
                    *("Fn::ImportValue", "Fn::Base64", "Fn::GetAZs", "Ref", "Fn::Transform"),
                ]
            ),
            st.one_of(inner, st.lists(inner, max_size=3), NAMES, TEXT),
        ),
        st.lists(inner, max_size=3),
        st.dictionaries(NAMES, inner, max_size=3),
    ),
    max_leaves=8,
)
TYPES = st.sampled_from(
    [
        *("AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Integration"),
        *("AWS::ApiGatewayV2::Stage", "AWS::ApiGatewayV2::Authorizer", "AWS::ApiGatewayV2::Model"),
        *("AWS::Serverless::Function", "AWS::Lambda::Function", "AWS::DynamoDB::Table"),
    ]
)
PROPERTIES = st.dictionaries(
    st.sampled_from(
        [
            *("Name", "ProtocolType", "RouteSelectionExpression", "ApiId", "RouteKey", "Target"),
            *("IntegrationType", "IntegrationUri", "StageName", "Schema", "RequestTemplates"),
            *("FunctionName", "Handler", "Runtime", "CodeUri", "RequestParameters"),
        ]
    ),
    st.one_of(INTRINSICS, st.sampled_from(["WEBSOCKET", "$request.body.action", "$default"])),
    max_size=6,
)
RESOURCES = st.dictionaries(
    st.sampled_from(["A", "B", "C", "D"]),
    st.one_of(
        JSON,
        st.fixed_dictionaries(
            {"Type": TYPES}, optional={"Properties": PROPERTIES, "Condition": INTRINSICS}
        ),
    ),
    max_size=4,
)
SECTIONS = st.fixed_dictionaries(
    {"Resources": st.one_of(RESOURCES, RESOURCES, JSON)},
    optional={
        "Parameters": st.one_of(JSON, st.just({"P": {"Type": "String", "Default": "x"}})),
        "Conditions": st.one_of(JSON, st.dictionaries(NAMES, INTRINSICS, max_size=2)),
        "Mappings": JSON,
        "Globals": JSON,
    },
)
YAML_TEXTS = st.lists(
    st.one_of(
        TEXT,
        st.sampled_from(
            [
                *("a: &a [x]\n", "b: &b [*a, *a]\n", "c: [*b, *c]\n", "<<: *a\n", "- ", "  ", "? "),
                *(
                    "!Ref x",
                    "!Sub '${a}'",
                    "!GetAtt a.b",
                    "!!python/object:os.system x",
                    "%YAML 9\n",
                ),
                *("{", "}", "[", "]", "|\n", ">-\n", "---\n", "...\n", "&a ", "*a ", "!!binary x"),
                *("2001-01-01\n", "1:2:3\n", "0o7\n", "'", '"', "#", "Resources:\n"),
            ]
        ),
    ),
    max_size=30,
).map("".join)


def read(text: str) -> None:
    """Read a template from a file, and all that is made of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.yaml"
        path.write_text(text, errors="replace")
        try:
            template = Template.load(path)
            read_apis(template).register(Registry(lambda: 0))
        except TemplateError:
            return


@fuzz(examples=120, sections=SECTIONS)
def test_a_template_is_read_or_refused(sections: dict[str, Any]) -> None:
    read(json.dumps(sections))


@fuzz(examples=100, text=st.one_of(YAML_TEXTS, JSON_TEXTS))
def test_a_text_is_a_template_or_refused(text: str) -> None:
    read(f"Resources: {{A: {text}}}")
    read(text)


@fuzz(examples=200, text=st.one_of(YAML_TEXTS, JSON_TEXTS))
def test_yaml_is_a_value_or_refused(text: str) -> None:
    try:
        load(text)
    except (yaml.YAMLError, ValueError):
        return
