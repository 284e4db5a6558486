"""Nothing that others have written steers the terminal, forges a line, or is taken for markup."""

import ast
import asyncio
import io
import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from typer.testing import CliRunner

from local_aws.log_delivery import LogDelivery
from local_aws.printable import LineFormatter, printable, printable_line
from local_cloud import cli, faults_command, permissions_command, trace_command
from local_cloud.demo import Demo
from local_cloud.installation import PROJECT, Ports
from local_cloud.lambda_endpoint.function_log import FunctionLogs
from local_cloud.terminal import terminal

TITLE, CSI, BIDI = "\x1b]0;owned\x07", "\x9b2J", "\u202eabc"
HOSTILE = f"a{TITLE}{CSI}{BIDI}\rforged"


@pytest.mark.parametrize("text", ["plain", "äöü → 日本語 👩‍💻", "two\n\tlines", ""])
def test_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_what_steers_a_terminal_is_escaped() -> None:
    assert printable(HOSTILE) == r"a\x1b]0;owned\x07\u009b2J\u202eabc\x0dforged"
    assert printable_line("a\nERROR forged\x1b[31m") == r"a\nERROR forged\x1b[31m"


@given(st.text())
def test_nothing_that_steers_is_left(text: str) -> None:
    left = printable(text)
    assert not any((ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 for c in left)
    left.encode()


def test_a_console_escapes_whatever_it_prints() -> None:
    console = terminal(force_terminal=True, width=200)
    console.file = io.StringIO()
    table = Table("column")
    table.add_row(HOSTILE)
    console.print(HOSTILE, markup=False)
    console.print(table)
    console.print("[red]ours[/red]")
    said = console.file.getvalue()
    assert r"\x1b]0;owned" in said
    assert r"\u009b2J" in said
    assert not {"\x07", "\x9b", "\u202e", "\r"} & set(said)
    assert "\x1b[31mours\x1b[0m" in said, "its own colours stay"


def test_json_that_a_console_prints_stays_json() -> None:
    console = terminal(width=40)
    console.file = io.StringIO()
    value = {"text": HOSTILE + "\x7f" + "long " * 50}
    console.print_json(data=value)
    assert json.loads(console.file.getvalue()) == value


def test_a_record_of_a_log_is_one_line() -> None:
    try:
        raise ValueError("no\nERROR gateway: forged")
    except ValueError:
        failed = sys.exc_info()
    record = logging.LogRecord("a", logging.INFO, "", 0, "said: %s", ("x\nERROR b: y",), failed)
    lines = LineFormatter("%(levelname)s %(name)s: %(message)s").format(record).split("\n")
    assert lines[0] == r"INFO a: said: x\nERROR b: y"
    assert all(line.startswith("    ") for line in lines[1:])


def test_logs_show_what_was_written_with_escapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(tmp_path))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "engine.log").write_text(f"{HOSTILE}\n[red]x[/red]\n", newline="")
    said = CliRunner().invoke(cli.app, ["logs", "engine"]).stdout
    assert said == printable(HOSTILE) + "\n[red]x[/red]\n"


def test_lines_of_functions_are_printed_with_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        logs = FunctionLogs(LogDelivery(None))
        logs.write("f", "group", "stream", HOSTILE)
        logs.print_all()

    asyncio.run(work())
    assert capsys.readouterr().out == f"f | {printable(HOSTILE)}\n"


COMMANDS = sorted((PROJECT / "local_cloud").glob("*.py"))


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.name)
def test_commands_print_by_the_terminal_or_as_json_or_escaped(path: Path) -> None:
    """A new command cannot forget it: bare ``print`` is for what is escaped or JSON."""
    plain = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "Console" and path.name != "terminal.py":
            plain.append(f"{path.name}:{node.lineno} makes a console of its own")
        if node.func.id == "print" and not all(map(_is_safe, node.args)):
            plain.append(f"{path.name}:{node.lineno} prints what is not escaped")
    assert plain == []


def _is_safe(argument: ast.expr) -> bool:
    source = ast.unparse(argument)
    return isinstance(argument, ast.Constant) or source.startswith(
        (
            *("printable(", "json.dumps(", "time.strftime("),
            *("failure_as_json(", "run.as_json("),  # JSON for programs
            *("progress.part", "line", "result."),  # a part's name; what linters say
        )
    )


def test_markup_in_what_others_say_is_not_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    words = f"[red]x[/red][/] {TITLE}"
    console = terminal(force_terminal=True, width=300)
    console.file = io.StringIO()
    run = Demo(Ports(), console, "nsw", None, "why?", interactive=False)
    for message in (
        {"type": "accepted", "analysisId": words},
        {"type": "llm.delta", "text": words},
        {"type": "tool.started", "tool": words},
        {"type": "tool.finished", "tool": words, "ok": False, "output": {"error": words}},
    ):
        asyncio.run(run._take(None, message))  # type: ignore[arg-type]
    monkeypatch.setattr(permissions_command, "console", console)
    permissions_command._show(
        {
            "function": words,
            "role": words,
            "notKnown": words,
            "missing": [{"action": words, "resource": words, "count": 1}],
            "unused": [{"action": words, "resource": words, "policy": words}],
            "used": [],
            "least": [],
        },
        whole=False,
    )
    said = console.file.getvalue()
    assert said.count(r"[red]x[/red][/] \x1b]0;owned") == 13
    assert "\x07" not in said


def test_a_row_of_a_list_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"theirs\n  forged {TITLE}"
    rules = [{"struck": 1, "action": name}]
    span: dict[str, Any] = {
        "kind": "call",
        "name": name,
        "resource": name,
        "key": name,
        "error": name,
    }
    span |= {"start": 0, "end": 1, "depth": 0}
    permission = {"action": "s3:GetObject", "resource": name}
    first: dict[str, Any] = {"start": 0, "trace": "0" * 32, "seconds": 1, "spans": 1, "errors": 0}
    shows: dict[Any, Any] = {
        faults_command: faults_command.list_rules,
        permissions_command: lambda: permissions_command._show_one("", permission, name),
        trace_command: lambda: trace_command._show_line(
            {**first, "kind": "message", "name": name}, as_json=False
        ),
    }
    monkeypatch.setattr(faults_command, "_rules", lambda: SimpleNamespace(listed=lambda: rules))
    for command, show in shows.items():
        console = terminal(width=500)
        console.file = io.StringIO()
        monkeypatch.setattr(command, "console", console)
        show()
        assert console.file.getvalue().count("\n") == 1, command
    assert "\n" not in trace_command._row(span, 0, 0.0, 1.0).plain
