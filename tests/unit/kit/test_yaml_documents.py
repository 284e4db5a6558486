"""YAML documents that are larger than they look."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from local_aws.template import Template, TemplateError
from local_aws.yaml_documents import TooLarge, load
from local_cloud.deploy.errors import DeployFailed
from local_cloud.deploy.source import Source
from local_cloud.deploy.stack import Uploaded
from local_cloud.engine.model.models_file import WrongModels, read
from websocket_gateway.options import read_faults

NAMES = "abcdefghijkl"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise(NAMES)
)
MERGED = "a: &a {k0: x}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}], k{name}: x}}\n"
    for before, name in pairwise(NAMES)
)
LONG = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 1000)}]\n"
HOLDS_ITSELF = "a: &a [*a]\n"
DEEP = f"a: {'[' * 3000}{']' * 3000}\n"
DEEP_BLOCKS = "".join(f"{' ' * level}a:\n" for level in range(1000))
TOO_LARGE = [BOMB, MERGED, LONG, HOLDS_ITSELF, DEEP, DEEP_BLOCKS]
names = pytest.mark.parametrize(
    "text", TOO_LARGE, ids=["bomb", "merged", "long", "holds itself", "deep", "deep blocks"]
)


@names
@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.BaseLoader])
@pytest.mark.timeout(20)
def test_a_document_that_is_larger_than_it_looks_is_refused(text: str, loader: type) -> None:
    with pytest.raises(TooLarge, match=r"levels|values|holds itself"):
        load(text, loader)


def test_aliases_are_read_as_what_they_stand_for() -> None:
    text = "a: &a {x: 1}\nb: [*a, *a]\nc: {<<: *a, y: 2}\n"
    assert load(text) == {"a": {"x": 1}, "b": [{"x": 1}] * 2, "c": {"x": 1, "y": 2}}


def test_what_is_as_large_as_it_looks_is_read() -> None:
    text = "Resources:\n" + "".join(f"  r{n}: {{Type: T, Value: {n}}}\n" for n in range(2000))
    assert len(load(text)["Resources"]) == 2000


@names
@pytest.mark.timeout(20)
def test_every_file_of_yaml_is_read_with_these_bounds(tmp_path: Path, text: str) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(text)
    with pytest.raises(TemplateError, match=r"not YAML: .*(levels|values|holds itself)"):
        Template.load(file)
    with pytest.raises(ValueError, match=r"levels|values|holds itself"):
        read_faults(file)
    with pytest.raises(WrongModels, match=r"levels|values|holds itself"):
        read(file)
    with pytest.raises(DeployFailed, match=r"levels|values|holds itself"):
        Source(file, tmp_path / "built", never).prepared()


def never(_: bytes) -> Uploaded:
    raise AssertionError("nothing is uploaded")
