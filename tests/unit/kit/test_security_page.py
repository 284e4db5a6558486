"""SECURITY.md says nothing that no test shows."""

from __future__ import annotations

import ast
import re

import pytest

from local_cloud.installation import PROJECT

PAGE = (PROJECT / "SECURITY.md").read_text()
SAID, _, TOLD = PAGE.partition("## How it is tested")
ROWS = re.findall(r"^\| (.+) \| ((?:`tests/[^`]+`(?:, )?)+) \|$", TOLD, re.MULTILINE)
#: Beginnings of what is said that no test can show, with the reason.
UNTESTED = {
    "The kit runs code and holds data": "what it is for",
    "| whoever can run programs on this machine as you": "so it is on every machine",
    "`sam local start-lambda`": "about a program of others",
}


def blocks() -> list[str]:
    """Return what the page says, by paragraph, point of a list and row of a table."""
    found: list[str] = []
    for line in SAID.splitlines():
        begins = line.startswith(("- ", "| ", "#")) or not line.strip()
        if begins or not found:
            found.append(line)
        else:
            found[-1] += f" {line.strip()}"
        if not line.strip():
            found.append("")
    heads = ("#", "| | trusted?", "| --- ")
    return [block.strip() for block in found if block.strip() and not block.startswith(heads)]


def test_names(file: str) -> set[str]:
    tree = ast.parse((PROJECT / file).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


test_names.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize(("sentence", "tests"), ROWS, ids=[row[0][:40] for row in ROWS])
def test_a_sentence_of_the_page_has_tests_that_exist(sentence: str, tests: str) -> None:
    assert any(sentence in block for block in blocks()), "the page says so"
    for named in re.findall(r"`([^`]+)`", tests):
        file, _, name = named.partition("::")
        assert (PROJECT / file).is_file(), named
        assert name in test_names(file), named


@pytest.mark.parametrize("block", blocks(), ids=[block[:50] for block in blocks()])
def test_what_the_page_says_has_a_test(block: str) -> None:
    if any(block.startswith(beginning) for beginning in UNTESTED):
        return
    assert [sentence for sentence, _ in ROWS if sentence in block], (
        "add a row to the table of SECURITY.md: a piece of this, and the test that shows it"
    )


def test_what_needs_no_test_is_still_said() -> None:
    for beginning in UNTESTED:
        assert any(block.startswith(beginning) for block in blocks()), beginning
