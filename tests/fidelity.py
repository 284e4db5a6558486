"""Makes ``docs/websocket-fidelity.md``: ``python -m tests.fidelity``."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

from tests.behaviours import BEHAVIOURS, Behaviour

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "websocket-fidelity.md"
ANSWERS = ROOT / "docs" / "websocket-fidelity.jsonl"
#: The order of the table: first the modules that show most.
FIRST = (
    "tests/integration/test_gateway.py",
    "tests/integration/test_websocket_protocol.py",
    "tests/integration/test_api_gateway.py",
    "tests/integration/test_gateway_command.py",
    "tests/unit/gateway/test_core.py",
    "tests/unit/gateway/test_control_api.py",
)
PEERS = ("serverless-offline", "ministack")
#: LocalStack's paid edition cannot be run without an account: what its documentation says.
LOCALSTACK = "https://docs.localstack.cloud/aws/services/apigateway/"
DOCUMENTED_BY_LOCALSTACK = {"routes", "$connect", "@connections", "apigatewayv2"}
#: What was read in a peer's source, where it cannot be asked: by group, or by the test's words.
READ = {
    ("serverless-offline", "authorizer"): "REQUEST authorizers, with policy and context",
    ("serverless-offline", "integration"): "Lambda proxies only",
    ("serverless-offline", "validation"): "none",
    ("serverless-offline", "keys"): "none",
    ("serverless-offline", "throttling"): "none",
    ("serverless-offline", "monitoring"): "none",
    ("serverless-offline", "addresses"): "one API, no stages",
    ("serverless-offline", "apigatewayv2"): "none",
    ("serverless-offline", "limits"): "none",
    ("ministack", "authorizer"): "REQUEST authorizers, with policy, context and cache",
    ("ministack", "integration"): "Lambda only",
    ("ministack", "validation"): "none",
    ("ministack", "keys"): "none",
    ("ministack", "throttling"): "none",
    ("ministack", "monitoring"): "none",
    ("ministack", "addresses"): "by host name or path; API mappings are kept, not served",
    ("ministack", "apigatewayv2"): "yes",
    ("ministack", "limits"): "none",
}
HEAD = """# The WebSocket gateway beside API Gateway

Each row is a behaviour of API Gateway, the page or report that says so, and the test that shows it
on this gateway (`./local-cloud test` runs them all). "believed" marks what no public page says.

The columns of other emulators hold what they answered to the same question (serverless-offline 13
and ministack 1.5.33, asked by `./local-cloud bench fidelity`): ✓ as AWS, else what came instead.
¹ marks what was read in its source for the whole area; a dash, what was not looked at.
LocalStack's WebSocket APIs need a paid plan, so that it was not asked: "says so" means that
[its documentation]({localstack}) covers the area, not that it was tried.

This file is made from the tests by `python -m tests.fidelity`.

| | AWS | here | serverless-offline | ministack | LocalStack (paid) |
| --- | --- | --- | --- | --- | --- |
"""


def document() -> str:
    """Return the document's text."""
    modules = _modules()
    for module in modules:
        importlib.import_module(module.removesuffix(".py").replace("/", "."))
    shown = sorted(BEHAVIOURS, key=lambda b: modules.index(b.test.partition("::")[0]))
    answers = _answers()
    lines = [HEAD.format(localstack=LOCALSTACK)]
    group = ""
    order = list(dict.fromkeys(b.group for b in shown))
    for found in sorted(shown, key=lambda b: order.index(b.group)):
        if found.group != group:
            group = found.group
            lines.append(f"| **{group}** | | | | | |\n")
        lines.append(_row(found, answers))
    return "".join(lines)


def _modules() -> list[str]:
    """Return every test module that declares a behaviour, in the table's order."""
    declare = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if "\n@behaviour(" in path.read_text()
    ]
    return sorted(declare, key=lambda m: FIRST.index(m) if m in FIRST else len(FIRST))


def _row(found: Behaviour, answers: dict[tuple[str, str], str]) -> str:
    source = f"[source]({found.source})" if "//" in found.source else found.source
    path, _, test = found.test.partition("::")
    words = test.removeprefix("test_").replace("_", " ")
    peers = [
        answers.get((peer, found.probe or ""))
        or (f"{READ[peer, found.group]} ¹" if (peer, found.group) in READ else "—")
        for peer in PEERS
    ]
    paid = "says so" if found.group in DOCUMENTED_BY_LOCALSTACK else "—"
    cells = [found.text.replace("|", "\\|"), source, f"✓ [{words}](../{path})", *peers, paid]
    return "| " + " | ".join(cells) + " |\n"


def _answers() -> dict[tuple[str, str], str]:
    answers = {}
    for line in ANSWERS.read_text().splitlines():
        answer = json.loads(line)
        words = "✓" if answer["same"] else f"✗ {answer['found']}"
        answers[answer["target"], answer["probe"]] = words
    return answers


if __name__ == "__main__":
    DOCUMENT.write_text(document())
