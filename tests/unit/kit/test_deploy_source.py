"""What a template that is deployed may name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local_cloud.deploy.errors import DeployFailed
from local_cloud.deploy.source import Source
from local_cloud.deploy.stack import Uploaded

NOT_BUILT = {"Runtime": "python3.13", "Handler": "a.b", "CodeUri": "."}


def never(_: bytes) -> Uploaded:
    raise AssertionError("nothing is uploaded")


@pytest.mark.parametrize("name", ["../victim", "", "..", "a/b", "x\x1b]0;title\x07", "a b", "ä"])
def test_a_resource_is_called_by_letters_and_digits_and_so_is_no_path(
    tmp_path: Path, name: str
) -> None:
    for folder in ("built", "victim"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine").touch()
    absolute = str(tmp_path / "victim")
    for called in (name, absolute):
        function = {
            "Type": "AWS::Serverless::Function",
            "Metadata": {"BuildMethod": "makefile"},
            "Properties": NOT_BUILT,
        }
        (tmp_path / "template.json").write_text(json.dumps({"Resources": {called: function}}))
        with pytest.raises(DeployFailed, match="is no logical ID") as error:
            Source(tmp_path / "template.json", tmp_path / "built", never).prepared()
        assert str(error.value).isprintable()
    assert [(tmp_path / folder / "mine").exists() for folder in ("built", "victim")] == [True] * 2


def test_a_transform_among_the_resources_is_none(tmp_path: Path) -> None:
    resources = {
        "Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://bucket/key"}},
        "Fn::ForEach::Topics": ["Name", ["A"], {"Topic${Name}": {"Type": "AWS::SNS::Topic"}}],
        "Topic": {"Type": "AWS::SNS::Topic"},
    }
    (tmp_path / "template.json").write_text(json.dumps({"Resources": resources}))
    found = Source(tmp_path / "template.json", tmp_path / "built", never).prepared()
    assert list(found["Resources"]) == list(resources)
