"""Builds the functions whose template says how (``Metadata: BuildMethod``).

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-using-build-typescript.html
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/building-custom-runtimes.html
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from local_cloud.deploy.errors import DeployFailed
from local_cloud.installation import Home
from local_cloud.lambda_endpoint.node_packages import install_tool
from local_cloud.lambda_endpoint.packages import InstallError

_ESBUILD = "0.27"
#: What the installed language runtimes need no build for.
_NOT_BUILT = ("python", "nodejs")


def build(logical_id: str, metadata: dict[str, Any], source: Path, target: Path) -> Path | None:
    """Build a function; ``None`` where its folder runs as it is.

    Args:
        metadata: of the function's resource.
        source: the folder of its code.
        target: where the result goes; what lay there is replaced.

    Raises:
        DeployFailed: it cannot be built; carries what the tool said.
    """
    method = str(metadata["BuildMethod"])
    if method.startswith(_NOT_BUILT):
        return None
    if method not in ("esbuild", "makefile"):
        raise DeployFailed(
            f"{logical_id}: BuildMethod {method} is SAM's to build: "
            "sam build, then deploy .aws-sam/build/template.yaml"
        )
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    if method == "makefile":
        environment = {**os.environ, "ARTIFACTS_DIR": str(target)}
        _run(logical_id, ["make", f"build-{logical_id}"], source, environment)
    else:
        _bundle(logical_id, metadata.get("BuildProperties") or {}, source, target)
    return target


def _bundle(logical_id: str, properties: dict[str, Any], source: Path, target: Path) -> None:
    """Bundle TypeScript or JavaScript with esbuild, its packages included."""
    scratch = target.with_name(f"{target.name}-source")
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(source, scratch, ignore=shutil.ignore_patterns("node_modules", ".git"))
    try:
        if (source / "node_modules").is_dir():
            (scratch / "node_modules").symlink_to(source / "node_modules")
        elif (scratch / "package.json").is_file():
            command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
            _run(logical_id, command, scratch)
        try:
            esbuild = asyncio.run(
                install_tool("esbuild", _ESBUILD, Home.from_environment().packages)
            )
        except InstallError as error:
            raise DeployFailed(f"{logical_id}: {error}") from error
        _run(logical_id, [str(esbuild), *_options(properties), f"--outdir={target}"], scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _options(properties: dict[str, Any]) -> list[str]:
    """Return esbuild's options for SAM's properties of a build."""
    entries = [str(entry) for entry in properties.get("EntryPoints") or ["app"]]
    options = ["--bundle", "--platform=node", f"--format={properties.get('Format', 'cjs')}"]
    options.append(f"--target={properties.get('Target', 'es2020')}")
    options += ["--minify"] if properties.get("Minify") else []
    options += ["--sourcemap"] if properties.get("Sourcemap") else []
    for name, flag in (("External", "external"), ("Loader", "loader"), ("Alias", "alias")):
        options += [f"--{flag}:{value}" for value in properties.get(name) or []]
    options += [f"--out-extension:{value}" for value in properties.get("OutExtension") or []]
    if fields := properties.get("MainFields"):
        options.append(f"--main-fields={fields if isinstance(fields, str) else ','.join(fields)}")
    for name, value in (properties.get("Banner") or {}).items():
        options.append(f"--banner:{name}={value}")
    # The SDK is the runtime's, as SAM leaves it.
    return [*entries, *options, "--external:@aws-sdk/*"]


def _run(
    logical_id: str, command: list[str], folder: Path, environment: dict[str, str] | None = None
) -> None:
    if shutil.which(command[0]) is None:
        raise DeployFailed(f"{logical_id} is built with {command[0]}, which is not installed")
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise DeployFailed(f"{logical_id} cannot be built ({' '.join(command[:2])}): {said}")
