"""What a function's package and its record say stays within the folder of its code."""

from __future__ import annotations

import stat
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from localstack import config
from localstack.services.lambda_.invocation import lambda_models
from localstack.services.lambda_.invocation.lambda_models import S3Code

import local_cloud.engine.functions.provider  # noqa: F401 - has LocalStack unpack by it
from local_cloud.engine.functions.unpacking import NotUnpacked

LINK, FILE = stat.S_IFLNK | 0o777, stat.S_IFREG | 0o600
Entry = tuple[str, int, bytes]


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Prepares a function's code for execution; returns where it is."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "engine"))
    (tmp_path / "engine").mkdir()

    def prepare(*entries: Entry, name: str = "f-1", bucket: str = "tasks") -> Path:
        def download(_: S3Code, target: Any) -> None:
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
                for path, mode, content in entries:
                    entry = zipfile.ZipInfo(path)
                    entry.create_system, entry.external_attr = 3, mode << 16
                    archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
            target.flush()

        monkeypatch.setattr(S3Code, "_download_archive_to_file", download)
        code = S3Code(name, "000000000000", bucket, "key", None, "", 0)
        code.prepare_for_execution()
        return Path(code.get_unzipped_code_location())

    return prepare


def test_a_package_is_unpacked_with_its_links_and_lambdas_modes(
    prepared: Callable[..., Path],
) -> None:
    folder = prepared(
        *(("pkg/", stat.S_IFDIR | 0o700, b""), ("pkg/real.py", FILE, b"x = 1")),
        *(
            ("linked.py", LINK, b"pkg/real.py"),
            ("./index.py", FILE, b"old"),
            ("index.py", FILE, b""),
        ),
    )
    assert (folder / "linked.py").is_symlink()
    assert (folder / "linked.py").read_bytes() == b"x = 1"
    assert (folder / "index.py").read_bytes() == b"", "of two of a name the last counts"
    modes = {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}
    assert set(modes.values()) == {0o755}


def test_nothing_is_written_through_a_link_of_a_package(
    prepared: Callable[..., Path], tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = ("a", LINK, str(outside).encode())
    planted = ("a/planted", FILE, b"x")
    for entries in ((link, planted), (planted, link)):
        with pytest.raises(NotUnpacked):
            prepared(*entries)
    for name in ("../planted", "/planted", "a/../../planted"):
        with pytest.raises(NotUnpacked, match="outside"):
            prepared((name, FILE, b"x"))
    assert not list(outside.iterdir())
    assert [path.name for path in tmp_path.iterdir() if path.name != "engine"] == ["outside"]


def test_what_a_link_leads_to_keeps_its_mode(prepared: Callable[..., Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    prepared(("link", LINK, str(secret).encode()))
    assert secret.stat().st_mode & 0o777 == 0o600


def test_a_package_that_is_larger_than_lambda_allows_is_not_unpacked(
    prepared: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "LAMBDA_LIMITS_CODE_SIZE_UNZIPPED", 5 << 20)
    with pytest.raises(NotUnpacked, match="more than"):
        prepared(*((str(number), FILE, bytes(2 << 20)) for number in range(3)))
    assert not [path for path in (tmp_path / "engine").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "bucket"),
    [("../../../victim", "tasks"), ("f", "../../victim"), (".", "tasks"), ("", ""), ("f", "..")],
)
def test_a_record_names_no_other_folder_to_write_or_to_remove(
    prepared: Callable[..., Path], tmp_path: Path, name: str, bucket: str
) -> None:
    victim = tmp_path / "victim"
    (victim / "code").mkdir(parents=True)
    (tmp_path / "engine/lambda/tasks").mkdir(parents=True)
    (tmp_path / "engine/lambda/tasks/other").write_text("x")
    with pytest.raises(NotUnpacked, match="names no folder"):
        prepared(("index.py", FILE, b"x"), name=name, bucket=bucket)
    S3Code(name, "000000000000", bucket, "key", None, "", 0).destroy_cached()
    assert (victim / "code").is_dir()
    assert not list((victim / "code").iterdir())
    assert (tmp_path / "engine/lambda/tasks/other").exists()


def test_what_was_unpacked_is_removed(prepared: Callable[..., Path]) -> None:
    folder = prepared(("index.py", FILE, b"x"))
    S3Code("f-1", "000000000000", "tasks", "key", None, "", 0).destroy_cached()
    assert not folder.parent.exists()


def test_localstack_unpacks_by_no_other_name() -> None:
    names = {name for name in vars(lambda_models) if name in ("unzip", "untar", "chmod_r")}
    assert names == {"unzip", "chmod_r"}
    for name in names:
        assert vars(lambda_models)[name].__module__ == "local_cloud.engine.functions.unpacking"
