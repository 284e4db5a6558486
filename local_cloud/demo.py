"""A real analysis from login to report, shown as it happens."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import jwt
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.prompt import Prompt
from rich.table import Table

from local_cloud.analysis import RETRY_SECONDS, Analysis, AnalysisLost
from local_cloud.client import Login, LoginFailed, Message, aws_client, demo_login, log_in
from local_cloud.installation import Ports

QUESTIONS = {
    "nsw": "What did the job training programme do to 1978 earnings?",
    "nsw_cps": "What did the job training programme do to 1978 earnings?",
    "nhefs": "What did quitting smoking do to weight gain?",
}
# What the demo answers when nobody is asked: NSW was an experiment, the others were not.
ASSIGNMENT = {"nsw": "randomised"}
_WEIGHTS = {"stops": "no claim:", "weakens": "weakens:", "note": "note:"}
#: What it answers where there is nothing to choose from: no column came after the treatment.
NO_COLUMN = "none"
#: How long the engine may be on its way back.
LOG_IN_SECONDS = 45.0


class DemoFailed(RuntimeError):
    """The analysis could not be run; the message says why, ``code`` for programs."""

    def __init__(self, message: str, code: str = "DemoFailed") -> None:
        super().__init__(message)
        self.code = code


def failure_as_json(message: str, code: str) -> str:
    """Return why there is no outcome as one line of JSON, in an outcome's form."""
    remedy = "./local-cloud status and ./local-cloud logs say how the cloud is"
    return json.dumps({"status": "FAILED", "code": code, "summary": message, "remedy": remedy})


class Demo:
    """One analysis, as a user's program would run it."""

    def __init__(
        self,
        ports: Ports,
        console: Console,
        dataset: str,
        csv: Path | None,
        question: str | None,
        interactive: bool,
    ) -> None:
        self.ports = ports
        self.console = console
        self.csv = csv
        self.interactive = interactive
        self.dataset = f"mine/{_dataset_name(csv)}" if csv else dataset
        self.question = question or QUESTIONS.get(dataset if csv is None else "", "")
        if not self.question:
            raise DemoFailed('say what to ask: --question "What did … do to …?"', "NoQuestion")
        self.finished: Message = {}
        self.seconds = 0.0
        self.midline = False

    def run(self) -> bool:
        """Run it; return whether it succeeded."""
        return asyncio.run(self._run())

    def as_json(self) -> str:
        """Return the outcome as one line of JSON."""
        return json.dumps(
            {
                "analysisId": self.finished["analysisId"],
                "status": self.finished["status"],
                "code": self.finished["code"],
                "summary": self.finished["summary"],
                "estimates": {
                    method: {
                        key: estimate[key] for key in ("estimate", "std_error", "ci_low", "ci_high")
                    }
                    for method, estimate in self.finished["estimates"].items()
                },
                "refutations": self.finished["refutations"],
                "sensitivity": self.finished["sensitivity"],
                "claim": self.finished["evidence"].get("claim", "none"),
                "findings": self.finished["findings"],
                "files": self.finished["files"],
                "resultUri": self.finished["resultUri"],
                "seconds": round(self.seconds, 3),
            }
        )

    async def _run(self) -> bool:
        login, token = await self._log_in()
        self.line(f"[dim]Logged in as {login.username} through Cognito[/dim]")
        if self.csv is not None:
            self._upload(self.csv, token)
        self.line(f"[bold]You:[/bold] {escape(self.question)} [dim](dataset {self.dataset})[/dim]")
        analysis = Analysis(
            self.ports.websocket_url,
            lambda: log_in(demo_login(self.ports), self.ports),
            {"question": self.question, "dataset": self.dataset},
            lambda text: self.line(f"[yellow]{escape(text)}[/yellow]"),
        )
        try:
            async for message in analysis.messages():
                await self._take(analysis, message)
        except AnalysisLost as error:
            raise DemoFailed(f"{error}. See: ./local-cloud logs", "AnalysisLost") from error
        self.seconds = analysis.seconds
        self._show_report()
        return bool(self.finished["status"] == "SUCCEEDED")

    async def _log_in(self) -> tuple[Login, str]:
        deadline = time.monotonic() + LOG_IN_SECONDS
        while True:
            try:
                login = await asyncio.to_thread(demo_login, self.ports)
                return login, await asyncio.to_thread(log_in, login, self.ports)
            except LoginFailed as error:
                if not error.may_pass or time.monotonic() > deadline:
                    raise
                self.line("[yellow]The engine does not answer; trying again[/yellow]")
                await asyncio.sleep(RETRY_SECONDS)

    def _upload(self, csv: Path, token: str) -> None:
        # The token comes straight from Cognito; its subject names the user's folder.
        user = jwt.decode(token, options={"verify_signature": False})["sub"]
        key = f"users/{user}/{_dataset_name(csv)}.csv"
        try:
            aws_client("s3", self.ports).put_object(
                Bucket="causal-datasets", Key=key, Body=csv.read_bytes()
            )
        except (ClientError, BotoCoreError) as error:
            raise DemoFailed(f"{csv.name} cannot be uploaded: {error}", "UploadFailed") from error
        self.line(f"[dim]Uploaded {escape(csv.name)} to s3://causal-datasets/{escape(key)}[/dim]")

    async def _take(self, analysis: Analysis, message: Message) -> None:
        match message["type"]:
            case "accepted":
                self.line(f"[dim]Analysis {escape(message['analysisId'])}[/dim]")
            case "llm.delta":
                if not self.midline:
                    self.console.print("[cyan]Agent:[/cyan] ", end="")
                self.console.print(escape(message["text"]), end="", soft_wrap=True)
                self.midline = True
            case "llm.restarted":
                self.line("[yellow]The model's answer broke off; it is asked again[/yellow]")
            case "tool.started":
                self.line(f"  [magenta]→ {escape(message['tool'])}[/magenta]")
            case "tool.finished":
                output = message.get("output") or {}
                said = output.get("error") or _short(message["tool"], output)
                mark = "[green]✓[/green]" if message["ok"] else "[red]✗[/red]"
                self.line(f"  {mark} {escape(message['tool'])} [dim]{escape(said)}[/dim]")
            case "prompt":
                await analysis.reply(message, await self._answer(message))
            case "error":
                raise DemoFailed(f"{message['code']}: {message['message']}", message["code"])
            case "finished":
                self.finished = message

    async def _answer(self, prompt: Message) -> str:
        self.line(f"[cyan]Agent asks:[/cyan] {escape(prompt['question'])}")
        options = prompt["options"]
        if self.interactive:
            return await asyncio.to_thread(
                Prompt.ask, "[bold]You[/bold]", choices=options or None, console=self.console
            )
        answer = ASSIGNMENT.get(self.dataset, "observational") if options else NO_COLUMN
        if options and answer not in options:
            answer = options[0]
        self.line(f"[bold]You:[/bold] {escape(answer)} [dim](answered by the demo)[/dim]")
        return answer

    def line(self, text: str) -> None:
        if self.midline:
            self.console.print()
            self.midline = False
        self.console.print(text, soft_wrap=True)

    def _show_report(self) -> None:
        result = self.finished
        self.line("")
        if result["status"] != "SUCCEEDED":
            why = escape(f"{result['code']}: {result['summary']}")
            self.line(f"[red]{escape(result['status'])}[/red] {why}")
            return
        evidence = result["evidence"]
        refused = evidence.get("claim") == "none"
        head = (
            "[bold yellow]No answer[/bold yellow]" if refused else "[bold green]Answer[/bold green]"
        )
        self.line(f"{head} {escape(result['summary'])}\n")
        for finding in result["findings"]:
            self.line(f"[dim]{_WEIGHTS[finding['weight']]}[/dim] {escape(finding['text'])}")
        estimates = Table("method", "estimate", "std. error", "95% interval", box=None)
        for method, e in result["estimates"].items():
            mark = " *" if method == result["headlineMethod"] and not refused else ""
            _add_row(estimates, f"{method}{mark}", e)
        if "ATT" in (trimmed := evidence.get("trimmed", {})):
            _add_row(estimates, f"aipw, treated, {trimmed['rule']}", trimmed["ATT"])
        self.console.print(estimates)
        checks = Table("refutation", "mean effect", "passed", box=None)
        for name, check in result["refutations"].items():
            checks.add_row(
                escape(name), f"{check['mean_effect']:,.2f}", "yes" if check["passed"] else "no"
            )
        self.console.print(checks)
        if result["sensitivity"]:
            values = result["sensitivity"]
            self.console.print(
                f"E-value {values['e_value']:.2f}, robustness value "
                f"{values['robustness_value']:.1%}"
            )
        for what, uri in result["files"].items():
            self.line(escape(f"{what.capitalize()}: {uri}"))
        self.line(f"Result: {escape(result['resultUri'])}  [dim]{self.seconds:.2f} s[/dim]")


def _add_row(table: Table, name: str, told: dict[str, Any]) -> None:
    table.add_row(
        escape(name),
        f"{told['estimate']:,.2f}",
        f"{told['std_error']:,.2f}",
        f"{told['ci_low']:,.2f} to {told['ci_high']:,.2f}",
    )


def _short(tool: str, output: dict[str, Any]) -> str:
    """Return a tool's answer in a few words."""
    if tool == "profile_dataset":
        return f"{output.get('rows')} rows, {len(output.get('columns', []))} columns"
    if tool == "identify_adjustment_set":
        return f"adjust for {', '.join(output.get('adjustment_set', [])) or 'nothing'}"
    if tool == "estimate_effect":
        return ", ".join(
            f"{m} {e['estimate']:,.2f}" if "estimate" in e else f"{m}: {e['error']}"
            for m, e in output.get("estimates", {}).items()
        )
    if tool == "refute_estimate":
        return ", ".join(
            f"{name} {'passed' if check['passed'] else 'failed'}"
            for name, check in output.get("checks", {}).items()
        )
    if tool == "check_graph":
        return (
            f"{output['tested']} independences tested, {len(output['contradicted'])} contradicted"
        )
    return f"E-value {output['e_value']:.2f}" if "e_value" in output else ""


def _dataset_name(csv: Path) -> str:
    """Return a file's name as a dataset's: letters, digits, dots, dashes, underscores."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", csv.stem).strip("-.") or "data"
