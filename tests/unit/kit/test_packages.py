"""Packages are installed whole or not at all."""

from __future__ import annotations

import asyncio
import io
import json
import os
import resource
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from local_cloud.lambda_endpoint.node_packages import install_node_packages
from local_cloud.lambda_endpoint.packages import VARIABLE, InstallError, install

ROOM = 100_000


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    """A requirements file that names one wheel, whose file is longer than there is room for."""
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny.py", "WORDS = '" + "x" * 2 * ROOM + "'\n")
        info = "tiny-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{info}/RECORD", f"tiny.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")
    file = tmp_path / "requirements.txt"
    file.write_text(f"{wheel}\n")
    return file


def test_a_full_disk_is_said_leaves_nothing_half_installed_and_is_tried_again(
    requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    cache = tmp_path / "packages"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    try:
        with pytest.raises(InstallError, match="Make room"):
            asyncio.run(install(requirements, cache))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(cache.iterdir()) == []
    found = asyncio.run(install(requirements, cache))
    assert found is not None
    assert (found / "tiny.py").stat().st_size > 2 * ROOM


#: A build backend that says that it has run, and makes a wheel.
BACKEND = """
import pathlib, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    pathlib.Path(MARK).touch()
    name = "built-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as archive:
        info = "built-1.0.dist-info"
        archive.writestr("built.py", "")
        described = "Metadata-Version: 2.1\\nName: built\\nVersion: 1.0\\n"
        archive.writestr(f"{info}/METADATA", described)
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        )
        archive.writestr(f"{info}/RECORD", "")
    return name
"""
PROJECT = """
[project]
name = "built"
version = "1.0"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def archived(place: Path, files: dict[str, str]) -> Path:
    """Write a tar archive of these files."""
    with tarfile.open(place, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return place


def test_a_package_that_is_built_runs_its_code_and_none_does_that_has_to_be_prebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    mark, file = tmp_path / "has-run", tmp_path / "requirements.txt"
    backend = BACKEND.replace("MARK", repr(str(mark)))
    files = {"built-1.0/pyproject.toml": PROJECT, "built-1.0/backend.py": backend}
    file.write_text(f"{archived(tmp_path / 'built-1.0.tar.gz', files)}\n")
    monkeypatch.setenv(VARIABLE, "prebuilt")
    with pytest.raises(InstallError):
        asyncio.run(install(file, tmp_path / "packages"))
    assert not mark.exists()
    monkeypatch.delenv(VARIABLE)
    assert asyncio.run(install(file, tmp_path / "packages")) is not None
    assert mark.exists()


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_scripts_of_node_packages_run_but_for_prebuilt_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    mark, code = tmp_path / "has-run", tmp_path / "code"
    code.mkdir()
    described = {
        "name": "scripted",
        "version": "1.0.0",
        "scripts": {"postinstall": f"touch '{mark}'"},
    }
    package = {"package/package.json": json.dumps(described)}
    archive = archived(tmp_path / "scripted-1.0.0.tgz", package)
    wanted = {"dependencies": {"scripted": f"file:{archive}"}}
    (code / "package.json").write_text(json.dumps(wanted))
    monkeypatch.setenv(VARIABLE, "prebuilt")
    found = asyncio.run(install_node_packages(code, tmp_path / "packages"))
    assert found is not None
    assert (found / "scripted" / "package.json").is_file()
    assert not mark.exists()
    monkeypatch.setenv(VARIABLE, "any")
    asyncio.run(install_node_packages(code, tmp_path / "packages"))
    assert mark.exists()


def test_another_word_for_it_is_refused(
    requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "wheels")
    with pytest.raises(InstallError, match="is not any or prebuilt"):
        asyncio.run(install(requirements, tmp_path / "packages"))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "device", "long"])
def test_what_never_ends_is_not_read(tmp_path: Path, kind: str) -> None:
    code = tmp_path / "code"
    code.mkdir()
    for name in ("requirements.txt", "index.js"):
        if kind == "pipe":
            os.mkfifo(code / name)
        elif kind == "device":
            (code / name).symlink_to("/dev/zero")
    if kind == "long":
        (code / "requirements.txt").write_bytes(b"#" * (5 << 20))
    with pytest.raises(InstallError, match="is no file of at most 4 MB"):
        asyncio.run(install(code / "requirements.txt", tmp_path / "packages"))
    assert asyncio.run(install_node_packages(code, tmp_path / "packages")) is None
