"""The files of a result that a user keeps: a report to read, a script to do it again."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from pprint import pformat
from typing import Any

_HERE = Path(__file__).parent
_NO_CHOICES = "CHOICES: dict[str, Any] = {}\n"


def script_of(evidence: Mapping[str, Any], estimates: Mapping[str, Any]) -> str | None:
    """Return a Python script that estimates again, ``None`` where nothing was estimated."""
    call = evidence.get("call")
    if not call or not estimates:
        return None
    dropped = ("edges", "unobserved")  # the set was checked against the graph, and stands
    choices = {key: value for key, value in call.items() if key not in dropped}
    choices["methods"] = list(estimates)
    if "assignment_terms" in evidence:
        choices["assignment_terms"] = evidence["assignment_terms"]
    text = (_HERE / "reproduce.py").read_text()
    if text.count(_NO_CHOICES) != 1:
        raise RuntimeError("reproduce.py has lost the line that choices go into")
    filled = f"CHOICES: dict[str, Any] = {pformat(choices, sort_dicts=False, width=90)}\n"
    return text.replace(_NO_CHOICES, filled)


def report_of(result: Mapping[str, Any]) -> str:
    """Return a result as one HTML page that needs nothing else."""
    # No "<" can end the element that holds it.
    data = json.dumps(result).replace("<", "\\u003c")
    before, between, after = _template()
    return f"{before}{html.escape(str(result['summary']))}{between}{data}{after}"


@cache
def _template() -> tuple[str, str, str]:
    text = (_HERE / "report.html").read_text()
    before, rest = text.split("<!--summary-->")
    between, after = rest.split("<!--result-->")
    return before, between, after
