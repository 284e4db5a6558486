"""``local-cloud``: the whole cloud of a WebSocket agent on one laptop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local_aws.printable import printable
from local_cloud import (
    cassette_command,
    daemon,
    faults_command,
    model_command,
    permissions_command,
    snapshot_command,
    trace_command,
)
from local_cloud.client import LoginFailed
from local_cloud.failing import EXIT_NOT_RUNNING, errors, fail, running_or_fail
from local_cloud.installation import PROJECT, Home, Options, Permissions, Ports, State
from local_cloud.make_mode import make_mode
from local_cloud.mode import Progress
from local_cloud.parts import PartFailed, kill_group
from local_cloud.port_check import taken_ports
from local_cloud.processes import found, send
from local_cloud.supervisor import Supervisor, provision
from local_cloud.terminal import terminal

if TYPE_CHECKING:
    from local_cloud.deploy.session import Session, Wanted

app = typer.Typer(
    help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.add_typer(snapshot_command.app, name="snapshot")
app.add_typer(faults_command.app, name="faults")
app.add_typer(cassette_command.app, name="cassette")
app.add_typer(model_command.app, name="model")
app.command()(trace_command.trace)
app.command()(permissions_command.permissions)
console = terminal()

STOP_SECONDS = 60.0


@app.callback(help=__doc__)
def every_command(
    home: Annotated[
        Path | None,
        typer.Option(
            envvar="LOCAL_CLOUD_HOME",
            help="The folder of the cloud that is meant, so that there can be several",
            show_default=".local-cloud",
        ),
    ] = None,
) -> None:
    """Take what every command takes."""
    if home is not None:
        os.environ["LOCAL_CLOUD_HOME"] = str(home.resolve())


StackName = Annotated[
    str, typer.Option("--stack", help="Name of the stack; the folder's if not given")
]
Debug = Annotated[
    list[str] | None,
    typer.Option(
        "--debug",
        metavar="NAME[:PORT]",
        help="Let a debugger attach to this function, as often as needed (docs/debugging.md)",
    ),
]
DebugWait = Annotated[
    bool, typer.Option("--wait", help="With --debug: run nothing before one is attached")
]
Parameters = Annotated[
    list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE, as often as needed")
]


def ports_or_fail() -> Ports:
    """Return the configured ports."""
    try:
        return Ports.from_environment()
    except ValueError as error:
        fail(str(error), 2)


def show(progress: Progress) -> None:
    """Print a step of starting or a part's death."""
    if progress.seconds is not None:
        took = f"[dim]{progress.seconds:.1f} s[/dim]"
        line = f"[green]✓[/green] {progress.part:<13}{escape(progress.text)} {took}"
    else:
        mark = "[dim]…[/dim]" if progress.under_way else "[green]✓[/green]"
        mark = "[red]✗[/red]" if progress.bad else mark
        line = f"{mark} {progress.part:<13}{escape(progress.text)}"
    console.print(line, soft_wrap=True)


def show_summary(state: State) -> None:
    """Print where the cloud is, a login or the stack, and what to do next."""
    ports = state.ports
    rows = Table.grid(padding=(0, 2))
    for name, value in (
        ("AWS APIs", ports.engine_url),
        ("Step Functions", ports.console_url),
        # SAM listens where containers reach it, which is not localhost.
        *([("Lambda", ports.functions_url)] if state.mode == "embedded" else []),
        ("WebSocket", ports.websocket_url),
        *([] if state.options.stack else [("login", _login(ports))]),
    ):
        rows.add_row(f"[bold]{name}[/bold]", escape(value))
    console.print()
    console.print(rows)
    show_debuggers(ports)
    if state.options.stack is not None:
        from local_cloud.deploy.session import Session, Wanted

        console.print()
        show_results(Session(ports, Wanted(**state.options.stack)))
        return
    console.print(
        "\nNext: [bold]./local-cloud demo[/bold], or [bold].venv/bin/awslocal s3 ls[/bold]"
    )


def _login(ports: Ports) -> str:
    from local_cloud.client import demo_login

    try:
        login = demo_login(ports)
    except LoginFailed as error:
        fail(str(error))
    return f"{login.username}  {login.password}"


@app.command()
def up(
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Leave it running in the background")
    ] = False,
    docker: Annotated[
        bool, typer.Option("--docker", help="In containers: Docker Compose and SAM")
    ] = False,
    template: Annotated[
        Path | None,
        typer.Option(help="Start with the stack of this template instead of the agent"),
    ] = None,
    stack: StackName = "",
    parameters: Parameters = None,
    debug: Debug = None,
    wait: DebugWait = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start empty: remove what the services held")
    ] = False,
    traces: Annotated[
        bool, typer.Option(help="Write down what each message causes: ./local-cloud trace")
    ] = True,
    permissions: Annotated[
        Permissions,
        typer.Option(help="What comes of calls that the functions' roles do not allow"),
    ] = Permissions.WATCH,
) -> None:
    """Start the cloud, with what its services held before, and provision it.

    Ports: ENGINE_PORT (4566), CONSOLE_PORT (8083), FUNCTIONS_PORT (3001), GATEWAY_PORT (8080).
    """
    home, ports = Home.from_environment(), ports_or_fail()
    if (state := State.read(home)) is not None:
        if fresh:
            fail("The cloud is running: ./local-cloud reset empties it")
        console.print("The cloud is running already.")
        show_summary(state)
        return
    if docker and (template is not None or debug):
        fail("--template and --debug need the embedded mode", 2)
    _check_debug(debug, wait)
    options = Options(
        _wanted(template, stack, parameters).as_json() if template is not None else None,
        tuple(debug or ()),
        wait,
        traces=traces,
        permissions=permissions.value,
    )
    mode = "docker" if docker else "embedded"
    if fresh:
        asyncio.run(make_mode(mode, ports, home, options).empty())
    start(home, ports, detach, mode, options)


def start(
    home: Home,
    ports: Ports,
    detach: bool,
    mode: str,
    options: Options,
) -> None:
    """Start the cloud in the background, or here until Ctrl-C."""
    if taken := taken_ports(ports):
        fail("\n".join(taken))
    try:
        home.make()
    except OSError as error:
        fail(str(error))
    if detach:
        try:
            daemon.start(home, ports, show, mode, options)
        except PartFailed as error:
            fail(str(error))
        show_summary(running_or_fail(home))
        return

    def ready() -> None:
        show_summary(running_or_fail(home))
        console.print("Ctrl-C stops everything.")

    try:
        chosen = make_mode(mode, ports, home, options)
        os.umask(chosen.umask)
        asyncio.run(Supervisor(chosen, show).run(ready))
    except PartFailed as error:
        fail(str(error))
    console.print("Stopped.")


@app.command()
def down() -> None:
    """Stop the cloud. The next start finds what its services held."""
    home = Home.from_environment()
    state = State.read(home)
    if state is None:
        console.print("The cloud is not running.")
        return
    stop(home, state)
    console.print("Stopped.")


def stop(home: Home, state: State) -> None:
    """Stop a running cloud; kill what does not stop by itself."""
    if not daemon.stop(state, STOP_SECONDS):
        for pid in state.parts.values():
            kill_group(pid, signal.SIGKILL)
        send(found(state.pid), signal.SIGKILL)
        home.state_file.unlink(missing_ok=True)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Say what is running. Exit status: 0 all is well, 1 a part is not, 3 not running."""
    from local_cloud.health import look

    home = Home.from_environment()
    state = State.read(home)
    if state is None:
        if as_json:
            console.print_json(data={"running": False})
            raise typer.Exit(EXIT_NOT_RUNNING)
        fail("the cloud is not running. Start it: ./local-cloud up -d", EXIT_NOT_RUNNING)
    try:
        report = look(state, home)
    except PartFailed as error:
        fail(str(error))
    if as_json:
        console.print_json(data=report)
    else:
        table = Table(box=None, pad_edge=False)
        for column in ("part", "port", "health", "pid", "memory", "restarts"):
            table.add_column(column, justify="right" if column == "memory" else "left")
        for name, part in report["parts"].items():
            table.add_row(
                name,
                str(part["port"]),
                "[green]ok[/green]" if part["healthy"] else "[red]down[/red]",
                str(part["pid"] or "-"),
                f"{part['memory_mb']:.0f} MB",
                str(part["restarts"]),
            )
        console.print(table)
        console.print(
            f"{report['memory_mb']:.0f} MB resident in all, up {report['uptime_seconds']:.0f} s"
        )
    if not report["healthy"]:
        raise typer.Exit(1)


@app.command()
def logs(
    part: Annotated[
        str | None,
        typer.Argument(help="engine, lambda, gateway, console, provisioning or supervisor"),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last")] = 50,
) -> None:
    """Show what the parts have written."""
    from local_cloud.log_files import follow_files, known_logs, last_lines

    home = Home.from_environment()
    files = known_logs(home)
    if part is not None:
        if part not in files:
            known = ", ".join(files) or "none yet: start the cloud first"
            fail(f"there is no log of {part!r}. Logs: {known}", 2)
        files = {part: files[part]}
    for name, file in files.items():
        for line in last_lines(file, lines):
            print(printable(line if part else f"{name:<13}{line}"))
    if follow:
        try:
            for name, line in follow_files(files):
                print(printable(line if part else f"{name:<13}{line}"), flush=True)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


@app.command(name="provision")
def provision_command() -> None:
    """Create what is missing: tables, buckets, secrets, users, workflow. Safe to repeat."""
    home = Home.from_environment()
    state = running_or_fail(home)
    began = time.monotonic()
    try:
        asyncio.run(provision(make_mode(state.mode, state.ports, home, state.options)))
    except PartFailed as error:
        fail(str(error))
    said = home.log("provisioning").read_text(errors="replace").rstrip()
    console.print(said, soft_wrap=True, markup=False)
    console.print(f"[dim]{time.monotonic() - began:.1f} s[/dim]")


@app.command()
def reset() -> None:
    """Empty the running cloud and provision it anew."""
    home = Home.from_environment()
    state = running_or_fail(home)
    with console.status("Emptying and provisioning"):
        try:
            daemon.begin_anew(home, state)
        except PartFailed as error:
            fail(str(error))
    console.print("The cloud is empty and provisioned anew.")
    show_summary(state)


@app.command()
def demo(
    question: Annotated[str | None, typer.Option(help="Ask something else")] = None,
    csv: Annotated[
        Path | None,
        typer.Option(help="Ask about this CSV file", exists=True, dir_okay=False, readable=True),
    ] = None,
    dataset: Annotated[
        str, typer.Option(help="Ask about a shared dataset: nsw, nsw_cps or nhefs")
    ] = "nsw",
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Answer the agent's questions yourself")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object last, and progress on stderr")
    ] = False,
) -> None:
    """Run a real analysis over the WebSocket and print the answer. Starts the cloud if need be."""
    from local_cloud.demo import Demo, DemoFailed, failure_as_json

    def failed(message: str, code: str, status: int = 1) -> NoReturn:
        if as_json:
            print(failure_as_json(message, code))
        fail(message, status)

    progress = errors if as_json else console
    home = Home.from_environment()
    try:
        ports, ours = _cloud_of_the_demo(home)
        run = Demo(ports, progress, dataset, csv, question, interactive)
        try:
            if ours:
                _start_for_the_demo(home, ports, progress)
            succeeded = run.run()
        finally:
            if ours and (now := State.read(home)) is not None:
                progress.print("Stopping the cloud")
                stop(home, now)
    except DemoFailed as error:
        failed(str(error), error.code, 2 if error.code == "NoQuestion" else 1)
    except ValueError as error:
        failed(str(error), "InvalidSetting", 2)
    except (LoginFailed, PartFailed, OSError) as error:
        failed(str(error), type(error).__name__)
    except KeyboardInterrupt:
        failed("interrupted", "Interrupted", 130)
    if as_json:
        print(run.as_json())
    if not succeeded:
        raise typer.Exit(1)


def _cloud_of_the_demo(home: Home) -> tuple[Ports, bool]:
    """Return the ports of the cloud to use, and whether it has to be started."""
    from local_cloud.health import runs_by_hand

    if (state := State.read(home)) is not None:
        return state.ports, False
    ports = Ports.from_environment()
    return ports, not runs_by_hand(ports)


def _start_for_the_demo(home: Home, ports: Ports, progress: Console) -> None:
    if taken := taken_ports(ports):
        raise PartFailed("\n".join(taken))
    progress.print(
        "Starting a cloud for this run, which keeps nothing (to keep what it makes: "
        "./local-cloud up -d first)"
    )
    daemon.start(
        home,
        ports,
        lambda p: progress.print(f"  {p.part:<13}{p.text}", soft_wrap=True, markup=False),
        options=Options(keeps_state=False),
    )


@app.command()
def deploy(
    path: Annotated[Path, typer.Argument(help="A template, or the folder that holds one")],
    stack: StackName = "",
    parameters: Parameters = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Deploy again at each change, until Ctrl-C")
    ] = False,
    debug: Debug = None,
    wait: DebugWait = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the stack instead")] = False,
) -> None:
    """Deploy a SAM or CloudFormation template into the running cloud.

    Code is taken by reference; with --docker it is uploaded.
    """
    from local_cloud.deploy.errors import DeployFailed
    from local_cloud.deploy.session import Session
    from local_cloud.health import wait_for_parts

    state = running_or_fail(Home.from_environment())
    _check_debug(debug, wait)
    if debug and state.mode == "docker":
        fail("--debug needs the embedded mode", 2)
    session = Session(
        state.ports,
        _wanted(path, stack, parameters),
        by_reference=state.mode == "embedded",
    )
    try:
        wait_for_parts(state.ports)
        if delete:
            session.stack.delete()
            console.print(f"The stack {session.stack.name} is deleted.", markup=False)
            return
        _deploy_once(session)
        for one in debug or ():
            session.debug(one, wait=wait)
        if debug:
            show_debuggers(state.ports)
    except (DeployFailed, PartFailed) as error:
        fail(str(error))
    if watch:
        with contextlib.suppress(KeyboardInterrupt):
            _deploy_at_each_change(session)


def _deploy_at_each_change(session: Session) -> NoReturn:
    from local_cloud.deploy.errors import DeployFailed

    interrupted = threading.Event()

    def interrupt(*_: object) -> NoReturn:
        interrupted.set()  # what is raised gets lost where it meets a finalizer
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    while True:
        console.print("[dim]Deployed again when a file changes. Ctrl-C ends.[/dim]")
        session.wait_for_change(interrupted)
        try:
            _deploy_once(session)
        except DeployFailed as error:
            errors.print(f"[red]local-cloud:[/red] {escape(str(error))}", soft_wrap=True)


def _wanted(path: Path, stack: str, parameters: list[str] | None) -> Wanted:
    from local_cloud.deploy.errors import DeployFailed
    from local_cloud.deploy.session import Wanted

    try:
        return Wanted.of(path, stack, parameters or [])
    except DeployFailed as error:
        fail(str(error), 2)


def _check_debug(debug: list[str] | None, wait: bool) -> None:
    from local_cloud.lambda_endpoint.debugger import NotDebugged, Wanted

    if wait and not debug:
        fail("--wait goes with --debug NAME", 2)
    try:
        for one in debug or ():
            Wanted.read(one)
    except NotDebugged as error:
        fail(f"--debug: {error}", 2)


def show_debuggers(ports: Ports) -> None:
    """Print where debuggers can attach."""
    from local_cloud.debug import debuggers

    for name, one in sorted(debuggers(ports).items()):
        waits = ", and waits for it" if one["wait"] else ""
        console.print(
            f"[bold]{escape(name)}[/bold] takes a debugger at 127.0.0.1:{one['port']}{waits}"
        )


def _deploy_once(session: Session) -> None:
    for event in session.run():
        colour = "red" if "FAILED" in event.status else "dim"
        console.print(
            f"[{colour}]{escape(event.status):<28}[/{colour}] {escape(event.resource)} "
            f"[dim]{escape(event.type)}[/dim] {escape(event.reason)}",
            soft_wrap=True,
        )
    show_results(session)


def show_results(session: Session) -> None:
    """Print where a stack is."""
    results = session.results()
    for kind, style in (("outputs", ""), ("sockets", "bold"), ("logs", "")):
        for line in results[kind]:
            console.print(line, style=style, markup=False, soft_wrap=True)


@app.command()
def doctor() -> None:
    """Check this machine, and say what would fail and why."""
    from local_cloud.doctor import check_machine

    bad = False
    for check in check_machine(Home.from_environment(), ports_or_fail()):
        bad = bad or not check.good
        mark = "[green]✓[/green]" if check.good else "[red]✗[/red]"
        console.print(f"{mark} {check.name:<12}{escape(check.text)}", soft_wrap=True)
    if bad:
        raise typer.Exit(1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run the whole test suite against a real stack. Arguments go to pytest."""
    command = [sys.executable, "-m", "pytest", "tests/", "--localstack", *context.args]
    raise typer.Exit(subprocess.run(command, cwd=PROJECT, check=False).returncode)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def gateway(context: typer.Context) -> None:
    """Serve the WebSocket APIs of any SAM or CloudFormation template (see gateway --help)."""
    from local_cloud import gateway_command

    raise typer.Exit(gateway_command.main(context.args))


@app.command()
def check() -> None:
    """Check style, types, shell scripts, and packages for known vulnerabilities."""
    from local_cloud.check import run_checks

    failed = run_checks(console.print)
    if failed:
        fail(f"not clean: {', '.join(failed)}")


@app.command()
def bench(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="start, analysis, ping, functions, workflows, gateway (usual); echo (the gateway "
            "without its peers), many (up to 100,000 idle connections), console, calls (S3 and "
            "DynamoDB, beside LocalEmu), tools, soak, "
            "fidelity"
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="COMMIT", help="Measure another commit, too, in turn, and print the ratios"
        ),
    ] = None,
    times: Annotated[int, typer.Option(min=1, help="With --against: how often each")] = 3,
) -> None:
    """Measure the cloud: one JSON object a line."""
    command = [sys.executable, "-m", "benchmarks", *(what or [])]
    if against is not None:
        command += ["--against", against, "--times", str(times)]
    raise typer.Exit(subprocess.run(command, cwd=PROJECT, check=False).returncode)


@app.command()
def fork(
    execution: Annotated[str, typer.Argument(help="An execution's name or ARN")],
    state: Annotated[str, typer.Argument(help="The state at which the new one begins")],
    number: Annotated[
        int | None, typer.Option("--pass", help="Which time that it was entered; the last one")
    ] = None,
    given: Annotated[
        str | None, typer.Option("--input", help="JSON, or @FILE, in place of the state's input")
    ] = None,
) -> None:
    """Start an execution that plays on from a state of another one, with other input."""
    from local_cloud.fork import ForkFailed, check_input
    from local_cloud.fork import fork as start

    running = running_or_fail(Home.from_environment())
    try:
        if given is not None:
            text = Path(given[1:]).read_text() if given.startswith("@") else given
            given = check_input(text)
        arn = start(running.ports, execution, state, number, given)
        console.print(arn, soft_wrap=True, markup=False)
    except (ForkFailed, OSError) as error:
        fail(str(error))


@app.command()
def chaos(
    runs: Annotated[int, typer.Option(min=1, help="How many analyses")] = 20,
    seed: Annotated[int, typer.Option(help="Another one, another order of faults")] = 0,
    docker: Annotated[
        bool, typer.Option("--docker", help="In containers: Docker Compose and SAM")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object last")] = False,
) -> None:
    """Kill and stop the parts of a cloud of its own amid analyses, and say what is lost."""
    from local_cloud.chaos import runs as work

    done: list[work.Run] = []
    progress = errors if as_json else console
    progress.print("Starting a cloud of its own")

    def report(number: int, run: work.Run) -> None:
        done.append(run)
        fault = run.fault
        words = "; ".join(run.wrong) or f"{run.writes} writes, all there"
        progress.print(
            f"{number:4} {fault.part:<9}{fault.action:<9}at {fault.phase:<15}"
            f"{run.seconds:5.1f} s  {words}",
            soft_wrap=True,
            markup=False,
        )

    for ending in (signal.SIGINT, signal.SIGTERM):  # also where the shell has them ignored
        signal.signal(ending, signal.default_int_handler)
    try:
        left, logs = work.run(runs, seed, "docker" if docker else "embedded", report)
    except PartFailed as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("interrupted", 130)
    rows = list(work.summed(done))
    table = Table(box=None)
    for title in rows[0]:
        table.add_column(title.replace("_", " "))
    for row in rows:
        table.add_row(*map(escape, map(str, row.values())))
    progress.print(table)
    for line in left:
        progress.print(f"left behind: {line}", soft_wrap=True, markup=False)
    if logs is not None:
        progress.print(f"what its parts wrote: {logs}", soft_wrap=True, markup=False)
    if as_json:
        wrong = [f"run {n}: {w}" for n, run in enumerate(done, 1) for w in run.wrong]
        print(json.dumps({"seed": seed, "parts": rows, "wrong": wrong, "left": left}))
    if left or any(run.wrong for run in done):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
