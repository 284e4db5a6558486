"""Which model answers for which id: the file that ``MODELS_FILE`` names, read when it changes.

docs/models.md says what is in it; ``models_file.schema.json`` holds it to that.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from local_aws import given_patterns, yaml_documents
from local_cloud.engine.model.answers import Limited
from local_cloud.engine.model.aws_bedrock import AwsBedrock, Profile
from local_cloud.engine.model.cassette import NoCassette, Recording, Replayed
from local_cloud.engine.model.cassette_file import CassetteFile
from local_cloud.engine.model.openai_compatible import OpenAiCompatible
from local_cloud.engine.model.pieces import Model, ModelFailed
from local_cloud.engine.model.program import Program
from local_cloud.engine.model.scripted import PATTERNS, Scripted

LOG = logging.getLogger(__name__)
VARIABLE = "MODELS_FILE"


class WrongModels(ValueError):
    """A models file that cannot be used; the message says where and why."""


class ModelsFile:
    """Models by their ids.

    Args:
        path: the file; ``None`` for none.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._mark = 0
        self._entries: list[tuple[str, Model]] = []
        self._why: str | None = None

    @classmethod
    def from_environment(cls) -> ModelsFile:
        """Return the one that the variable names."""
        named = os.environ.get(VARIABLE)
        return cls(Path(named) if named else None)

    @property
    def named(self) -> frozenset[str]:
        """The ids that it names in whole: those are models, whatever the catalog has."""
        self._refresh()
        return frozenset(match for match, _ in self._entries if "*" not in match)

    def model_for(self, name: str) -> Model:
        """Return what answers for an id.

        Raises:
            ModelFailed: nothing does.
        """
        self._refresh()
        for match, model in self._entries:
            if fnmatchcase(name, match):
                return model
        why = self._why or (
            f"{self.path} has none for it" if self.path else f"{VARIABLE} names no file of models"
        )
        raise ModelFailed("ResourceNotFoundException", f"No model answers for {name}: {why}")

    def _refresh(self) -> None:
        if self.path is None:
            return
        with self._lock:
            try:
                mark = self.path.stat().st_mtime_ns
                if mark != self._mark:
                    self._mark = mark
                    self._entries, self._why = read(self.path), None
            except (OSError, WrongModels) as error:
                # What answered before still does.
                self._why = str(error)
                LOG.warning("%s", error)


def read(path: Path) -> list[tuple[str, Model]]:
    """Return what a file says: ids or patterns of them, and models.

    Raises:
        WrongModels: it is no such file.
        OSError: it cannot be read.
    """
    try:
        document = yaml_documents.load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise WrongModels(f"{path}: {error}") from error
    _check(str(path), document)
    said = document["models"]
    return [(one["match"], _model(path, one)) for one in said]


def checked_rules(rules: Any) -> list[Any]:
    """Return the rules of a scripted model.

    Raises:
        WrongModels: they are none.
    """
    models = [{"match": "*", "answer": "scripted", "rules": rules}]
    _check("rules", {"models": models})
    return list(rules)


def _check(name: str, document: Any) -> None:
    schema = json.loads(Path(__file__).with_name("models_file.schema.json").read_text())
    if (wrong := best_match(Draft202012Validator(schema).iter_errors(document))) is not None:
        place = ".".join(str(part) for part in wrong.absolute_path)
        raise WrongModels(f"{name}: {place or 'it'}: {wrong.message}")
    for number, model in enumerate(document["models"]):
        for rule in model.get("rules", ()):
            try:
                for key in PATTERNS & (rule.get("when") or {}).keys():
                    given_patterns.compiled(str(rule["when"][key]))
            except given_patterns.NotMatched as error:
                raise WrongModels(f"{name}: models.{number}: {error}") from error


def _model(path: Path, said: Mapping[str, Any]) -> Model:
    try:
        if said["answer"] == "replay":
            cassette = CassetteFile(path.parent / said["cassette"], must_exist=True)
            return Replayed(cassette, float(said.get("speed", 0)))
        model = _asked(path, said)
        if "record" in said:
            return Recording(model, CassetteFile(path.parent / said["record"]), replays=True)
    except (NoCassette, OSError) as error:
        raise WrongModels(f"{path}: {said['match']}: {error}") from error
    return model


def _asked(path: Path, said: Mapping[str, Any]) -> Model:
    if said["answer"] == "scripted":
        return Limited(Scripted(said["rules"]))
    timeout = float(said.get("timeout_seconds", 60))
    if said["answer"] == "program":
        return Limited(Program(said["command"], path.parent, timeout))
    if said["answer"] == "bedrock":
        folder = path.parent / Path(said.get("aws_folder", "~/.aws")).expanduser()
        profile = Profile(said.get("profile", "default"), said["region"], folder)
        return AwsBedrock(profile, said.get("model"), said.get("endpoint_url"), timeout)
    key = None
    if (variable := said.get("api_key_variable")) is not None:
        key = os.environ.get(variable, "").strip()
        if not key:
            raise WrongModels(f"{path}: {said['match']}: the environment has no {variable}")
        if not (key.isascii() and key.isprintable()):
            # Said here: an error of the request's would tell the key.
            raise WrongModels(
                f"{path}: {said['match']}: {variable} is no key: no header may have it"
            )
    try:
        return OpenAiCompatible(said["base_url"], said["model"], key, timeout)
    except ValueError as error:
        raise WrongModels(
            f"{path}: {said['match']}: {error} (its base_url, or a proxy of the environment's)"
        ) from error
