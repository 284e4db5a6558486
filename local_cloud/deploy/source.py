"""A template as its author wrote it, made ready to be deployed.

What ``aws cloudformation package`` uploads is named by its place on this machine, where the engine
shares that; else it is uploaded.
https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from awscli.customizations.cloudformation.yamlhelper import yaml_parse

from local_aws import yaml_documents
from local_cloud.deploy.build import build
from local_cloud.deploy.errors import DeployFailed
from local_cloud.deploy.stack import Uploaded
from local_cloud.lambda_endpoint.packages import SOURCE_MARK

#: The bucket that stands for this machine's folders.
BY_REFERENCE = "hot-reload"
TEMPLATE_NAMES = ("template.yaml", "template.yml", "template.json")

#: Where code lies in a resource: property, and the names of bucket and key in its place.
_CODE = {
    "AWS::Serverless::Function": ("CodeUri", "Bucket", "Key"),
    "AWS::Serverless::LayerVersion": ("ContentUri", "Bucket", "Key"),
    "AWS::Lambda::Function": ("Code", "S3Bucket", "S3Key"),
    "AWS::Lambda::LayerVersion": ("Content", "S3Bucket", "S3Key"),
}
#: Where a workflow's definition may lie in a file.
_DEFINITIONS = {
    "AWS::Serverless::StateMachine": "DefinitionUri",
    "AWS::StepFunctions::StateMachine": "DefinitionS3Location",
}
#: Where another template is named.
_NESTED = {
    "AWS::CloudFormation::Stack": "TemplateURL",
    "AWS::Serverless::Application": "Location",
}
#: Folders and make's targets are called so.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html
_LOGICAL_ID = re.compile("[A-Za-z0-9]{1,255}")
_LAYER = "AWS::Serverless::LayerVersion"

#: Names that no function needs.
_IGNORED = frozenset({"__pycache__", ".git", ".venv"})

Properties = dict[str, Any]


def find_template(path: Path) -> Path:
    """Return the template at a path, or in the folder that it names.

    Raises:
        DeployFailed: there is none.
    """
    if path.is_file():
        return path
    for name in TEMPLATE_NAMES:
        if (path / name).is_file():
            return path / name
    raise DeployFailed(f"There is no template at {path} (looked for {', '.join(TEMPLATE_NAMES)})")


class Source:
    """A template and the files that it names.

    Args:
        path: of the template.
        built: a folder for what has to be built.
        upload: puts a file where the engine reads it.
        by_reference: the engine reads this machine's folders.
    """

    def __init__(
        self,
        path: Path,
        built: Path,
        upload: Callable[[bytes], Uploaded],
        *,
        by_reference: bool = True,
    ) -> None:
        self.by_reference = by_reference
        self.path = path
        self.folder = path.parent
        self.built = built
        self.upload = upload
        #: What a deployment has to follow: files, and folders whose code is built.
        self.watched: set[Path] = {path}

    def prepared(self) -> Properties:
        """Return the template, ready to be deployed.

        Raises:
            DeployFailed: it cannot be read, names what is not there, or cannot be built.
        """
        template = _read(self.path)
        if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
            raise DeployFailed(
                f"{self.path} has no Resources: is it a SAM or CloudFormation template?"
            )
        shared = (template.get("Globals") or {}).get("Function")
        if not isinstance(shared, dict):
            shared = {}
        for logical_id, resource in template["Resources"].items():
            if isinstance(resource, dict):
                if "Type" in resource and not _LOGICAL_ID.fullmatch(str(logical_id)):
                    raise DeployFailed(
                        f"{self.path}: {logical_id!r} is no logical ID: take letters and digits"
                    )
                self._prepare(logical_id, resource, shared)
        # Resources name their own code now; SAM would take the shared one for a bucket's.
        shared.pop("CodeUri", None)
        return template

    def line_of(self, words: str) -> str:
        """Return words with the line of each resource that they name as ``Name (AWS::…)``."""
        text = self.path.read_text()

        def with_line(match: re.Match[str]) -> str:
            found = re.search(rf"^[ \t]*+[\"']?{match[1]}[\"']?\s*+:", text, re.MULTILINE)
            if found is None:
                return match[0]
            return f"{match[1]} ({match[2]}, line {text.count(chr(10), 0, found.end()) + 1})"

        return re.sub(r"\b(\w++) \((AWS::[\w:]++)\)", with_line, words)

    def _prepare(self, logical_id: str, resource: Properties, shared: Properties) -> None:
        kind = str(resource.get("Type"))
        properties = resource.get("Properties")
        if properties is None:
            properties = resource["Properties"] = {}
        if not isinstance(properties, dict):
            return
        if kind in _CODE:
            self._refer_to_code(logical_id, resource, properties, shared)
        if kind in _DEFINITIONS:
            place = _DEFINITIONS[kind]
            if (file := self._local_file(logical_id, properties, place)) is not None:
                put = self.upload(json.dumps(_read(file)).encode())
                properties[place] = {"Bucket": put.bucket, "Key": put.key}
        if kind in _NESTED:
            place = _NESTED[kind]
            if (file := self._local_file(logical_id, properties, place)) is not None:
                nested = Source(
                    file,
                    self.built / logical_id,
                    self.upload,
                    by_reference=self.by_reference,
                )
                template = json.dumps(nested.prepared(), default=str)
                properties[place] = self.upload(template.encode()).url
                self.watched |= nested.watched

    def _refer_to_code(
        self, logical_id: str, resource: Properties, properties: Properties, shared: Properties
    ) -> None:
        key, bucket, name = _CODE[str(resource["Type"])]
        code = properties.get(key)
        if code is None and key == "CodeUri" and not _has_code(properties):
            code = shared.get(key)
        if not isinstance(code, str) or code.startswith("s3://"):
            return
        folder = (self.folder / code).resolve()
        if not folder.exists():
            raise DeployFailed(f"{self.path}: {logical_id}: {key} {folder} is no folder")
        method = (resource.get("Metadata") or {}).get("BuildMethod")
        if method is not None and resource["Type"] != _LAYER:
            self.watched.add(folder)
            made = build(logical_id, resource["Metadata"], folder, self.built / logical_id)
            folder = made if made is not None else folder
        if self.by_reference:
            properties[key] = {bucket: BY_REFERENCE, name: str(folder)}
            return
        self.watched.add((self.folder / code).resolve())
        put = self.upload(_zipped(folder) if folder.is_dir() else folder.read_bytes())
        properties[key] = {bucket: put.bucket, name: put.key}

    def _local_file(self, logical_id: str, properties: Properties, key: str) -> Path | None:
        named = properties.get(key)
        if not isinstance(named, str) or re.match(r"[a-z0-9]+://", named):
            return None
        file = (self.folder / named).resolve()
        if file.is_dir():
            file = find_template(file)
        if not file.is_file():
            raise DeployFailed(f"{self.path}: {logical_id}: {key} {file} is no file")
        self.watched.add(file)
        return file


def _zipped(folder: Path) -> bytes:
    """Return a folder as a zip that says of itself that it is source: packages are to come."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(SOURCE_MARK), "")
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not _IGNORED.intersection(path.relative_to(folder).parts):
                entry = zipfile.ZipInfo(str(path.relative_to(folder)))  # without a time: the same
                entry.external_attr = path.stat().st_mode << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _has_code(properties: Properties) -> bool:
    return any(name in properties for name in ("InlineCode", "ImageUri"))


def _read(path: Path) -> Any:
    yaml_documents.bound_all()  # the AWS CLI's loader among them
    try:
        return yaml_parse(path.read_text())
    except Exception as error:
        raise DeployFailed(f"{path} cannot be read: {error}") from error
