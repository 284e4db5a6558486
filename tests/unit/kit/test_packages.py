"""Packages are installed whole or not at all."""

from __future__ import annotations

import asyncio
import resource
import zipfile
from pathlib import Path

import pytest

from local_cloud.lambda_endpoint.packages import InstallError, install

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
