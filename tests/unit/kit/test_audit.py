"""What pip-audit and npm say, read."""

from __future__ import annotations

import pytest

from local_cloud import audit
from local_cloud.audit import read_npm_audit, read_pip_audit

FINDING = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2"]}
PYTHON = {
    "dependencies": [
        {"name": "good", "version": "1", "vulns": []},
        {"name": "bad", "version": "1", "vulns": [FINDING]},
        {"name": "own", "skip_reason": "not found"},
    ]
}
NPM = {
    "vulnerabilities": {
        "bad": {"via": [{"url": "https://github.com/advisories/GHSA-x", "title": "Worse"}]},
        "above": {"via": ["bad"]},
    }
}


def test_a_finding_is_named_with_its_package() -> None:
    assert read_pip_audit("p", PYTHON).vulnerable == ["bad 1: PYSEC-2026-1 (CVE-2026-1)"]
    assert read_npm_audit("n", NPM).vulnerable == ["bad: GHSA-x Worse"]


def test_an_accepted_finding_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "ACCEPTED", {"CVE-2026-1": "not reached", "GHSA-x": "at build"})
    assert read_pip_audit("p", PYTHON).vulnerable == []
    assert read_npm_audit("n", NPM).vulnerable == []


def test_a_database_that_knows_nothing_was_not_asked() -> None:
    unknown = {"dependencies": [{"name": "a", "skip_reason": "not found"}]}
    assert read_pip_audit("p", unknown).unasked
