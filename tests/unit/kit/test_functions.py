"""What the Lambda endpoint reads of a template, and what makes it start anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_aws import template
from local_aws.template import Template, TemplateError
from local_cloud.lambda_endpoint.functions import not_run, read_functions

TEMPLATE = """
Globals:
  Function:
    Runtime: python3.13
    Timeout: 7
    Environment: {Variables: {SHARED: global, BOTH: global}}
Resources:
  Layer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer/}
  One:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: one
      Handler: index.handler
      CodeUri: one/
      Layers: [!Ref Layer]
      Environment: {Variables: {BOTH: own}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one", "layer"):
        (tmp_path / name).mkdir()
    return tmp_path


def read(folder: Path, text: str = TEMPLATE, **overrides: dict[str, str]):  # type: ignore[no-untyped-def]
    path = folder / "template.yaml"
    path.write_text(text)
    return read_functions(Template.load(path), overrides)


def test_a_function_is_configured_by_globals_and_its_own_properties(folder: Path) -> None:
    function = read(folder)["one"]
    assert (function.timeout, function.memory, function.runtime) == (7, 128, "python3.13")
    assert function.environment == {"SHARED": "global", "BOTH": "own"}
    assert function.layers == (folder / "layer",)


def test_overrides_are_those_of_an_env_vars_file(folder: Path) -> None:
    function = read(folder, Parameters={"SHARED": "p", "BOTH": "p"}, One={"BOTH": "one"})["one"]
    assert function.environment == {"SHARED": "p", "BOTH": "one"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("Handler: index.handler", "Description: x"), "no Handler"),
        (("CodeUri: one/", "CodeUri: gone/"), "gone"),
        (("!Ref Layer", "arn:aws:lambda:x"), "arn:aws:lambda:x"),
    ],
)
def test_a_function_that_cannot_run_is_named(
    folder: Path, change: tuple[str, str], words: str
) -> None:
    with pytest.raises(TemplateError, match=words):
        read(folder, TEMPLATE.replace(*change))


OTHERS = """
  Two:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: two
      Handler: index.handler
      Runtime: ruby3.3
      CodeUri: two/
  Three:
    Type: AWS::Serverless::Function
    Properties: {PackageType: Image}
"""


def test_a_runtime_that_does_not_run_is_named_with_its_line_and_the_rest_is_served(
    folder: Path,
) -> None:
    assert set(read(folder, TEMPLATE + OTHERS)) == {"one"}
    found = not_run(Template.load(folder / "template.yaml"))
    assert set(found) == {"two", "Three"}
    line = (TEMPLATE + OTHERS).splitlines().index("      Runtime: ruby3.3") + 1
    assert f"template.yaml:{line}: function two" in found["two"]
    assert "ruby3.3" in found["two"]
    assert "container image" in found["Three"]


@pytest.mark.parametrize(
    "change",
    [
        ("Timeout: 7", "Timeout: soon"),
        ("Timeout: 7", "Timeout: [7]"),
        ("Environment: {Variables: {BOTH: own}}", "Environment: [a]"),
        ("Environment: {Variables: {BOTH: own}}", "Environment: {Variables: [a]}"),
        ("FunctionName: one", "FunctionName: one\n      ReservedConcurrentExecutions: many"),
    ],
)
def test_a_property_of_the_wrong_kind_is_named(folder: Path, change: tuple[str, str]) -> None:
    assert change[0] in TEMPLATE
    with pytest.raises(TemplateError, match=r"template\.yaml:\d+: "):
        read(folder, TEMPLATE.replace(*change))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("rest", "why"),
    [
        (
            "".join(
                f"  R{n}: {{Type: T, Properties: {{Name: !Sub '${{R{n + 1}}}${{R{n + 1}}}'}}}}\n"
                for n in range(60)
            )
            + "  R60: {Type: T, Properties: {Name: x}}\n",
            "makes a text of more than",
        ),
        (
            "Mappings:\n  M:\n    R60: {x: y}\n"
            + "".join(
                f"    R{n}: {{x: [!FindInMap [M, R{n + 1}, x], !FindInMap [M, R{n + 1}, x]]}}\n"
                for n in range(60)
            ),
            "takes more than",
        ),
        (
            "Conditions:\n  R60: !Equals [a, b]\n"
            + "".join(
                f"  R{n}: !Or [!Condition R{n + 1}, !Condition R{n + 1}]\n" for n in range(60)
            ),
            "takes more than",
        ),
    ],
    ids=["names", "mappings", "conditions"],
)
def test_what_doubles_with_each_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: str, why: str
) -> None:
    monkeypatch.setattr(template, "MOST_STEPS", 10_000)
    named = {"makes": "!Ref R0", "takes": "!FindInMap [M, R0, x]"}[why.split()[0]]
    condition = "Condition: R0, " if "Conditions" in rest else ""
    (tmp_path / "template.yaml").write_text(
        "Resources:\n"
        f"  F: {{Type: 'AWS::Serverless::Function', {condition}Properties: {{Handler: a.b, "
        f"CodeUri: ., FunctionName: {named}}}}}\n{rest}"
    )
    with pytest.raises(TemplateError, match=why):
        read_functions(Template.load(tmp_path / "template.yaml"))
