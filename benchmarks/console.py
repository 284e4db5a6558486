"""The console in headless Chromium: how soon it can be used, and how it bears much to show."""

from __future__ import annotations

import gzip
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.figures import say
from local_cloud.client import aws_client
from local_cloud.console.app import ASSETS
from local_cloud.installation import PROJECT, Ports, aws_environment
from local_cloud.port_check import free_ports
from tests.browser import MISSING, find_browser

RUNS = 5
EXECUTIONS = 1000
#: A Map writes four events for each: 5,000 in all.
ITEMS = 1249
PATIENCE_MILLISECONDS = 60_000
ROLE = "arn:aws:iam::000000000000:role/benchmark"
# Sets the slider and waits for the page to have been drawn.
TRAVEL = """async (parts) => {
  const slider = document.querySelector('#travel'), times = [];
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  for (let n = 1; n < parts; n++) {
    const began = performance.now();
    set.call(slider, Math.round(slider.max * n / parts));
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
    times.push(performance.now() - began);
  }
  return times;
}"""


def measure(ports: Ports) -> None:
    """Print the figures of a running cloud's console."""
    browser = find_browser()
    if browser is None:
        sys.exit(MISSING)
    files = [gzip.compress(path.read_bytes()) for path in ASSETS.rglob("*") if path.is_file()]
    say(
        "console-start",
        seconds=round(_median(lambda: _start(ports)), 2),
        compressed_kb=round(sum(map(len, files)) / 1000),
    )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        _open(page, ports)
        _list(page, ports)
        _history(page, ports)
        chromium.close()


def _median(work: Callable[[], float]) -> float:
    return statistics.median(work() for _ in range(RUNS))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _start(ports: Ports) -> float:
    """Start a console beside the cloud's own; return the seconds until it answers."""
    port = free_ports().console
    began = time.perf_counter()
    console = subprocess.Popen(
        [sys.executable, "-m", "local_cloud.console", "--port", str(port)],
        cwd=PROJECT,
        env=aws_environment(ports),
        stdout=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/").close()
                return time.perf_counter() - began
            except OSError:
                time.sleep(0.01)
    finally:
        console.terminate()
        console.wait()


def _open(page: Page, ports: Ports) -> None:
    def usable() -> None:
        page.goto("about:blank")
        page.goto(ports.console_url)
        expect(page.get_by_role("button", name="Start execution")).to_be_enabled()

    usable()  # the server loads its SDK at the first call
    say("console-open", seconds=round(_median(lambda: _timed(usable)), 2))


def _machine(ports: Ports, name: str, states: dict[str, Any]) -> str:
    arn: str = aws_client("stepfunctions", ports).create_state_machine(
        name=name,
        roleArn=ROLE,
        definition=json.dumps({"StartAt": next(iter(states)), "States": states}),
    )["stateMachineArn"]
    return arn


def _list(page: Page, ports: Ports) -> None:
    machine = _machine(ports, "benchmark-list", {"Only": {"Type": "Pass", "End": True}})
    client = aws_client("stepfunctions", ports)
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda _: client.start_execution(stateMachineArn=machine), range(EXECUTIONS)
            )
        )

    def listed() -> None:
        page.goto("about:blank")
        page.goto(ports.console_url)
        expect(page.locator("tbody tr")).to_have_count(100)

    seconds = _median(lambda: _timed(listed))
    name = page.locator("tbody a").nth(50).inner_text()

    def filtered() -> None:
        page.get_by_label("Name").fill(name)
        expect(page.locator("tbody tr")).to_have_count(1)

    say(
        "console-list",
        executions=EXECUTIONS,
        seconds=round(seconds, 2),
        filter_seconds=round(_timed(filtered), 2),
    )


def _history(page: Page, ports: Ports) -> None:
    states = {
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "MaxConcurrency": 40,
            "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": True}}},
            "End": True,
        }
    }
    client = aws_client("stepfunctions", ports)
    execution = client.start_execution(
        stateMachineArn=_machine(ports, "benchmark-history", states),
        input=json.dumps({"items": list(range(ITEMS))}),
    )["executionArn"]
    while client.describe_execution(executionArn=execution)["status"] == "RUNNING":
        time.sleep(0.1)

    def drawn() -> None:
        page.goto("about:blank")
        page.goto(f"{ports.console_url}/#/execution/{quote(execution, safe='')}")
        expect(page.locator('[data-state="One"] .count')).to_have_text(str(ITEMS))

    seconds = _median(lambda: _timed(drawn))
    travelled = page.evaluate(TRAVEL, 20)
    say(
        "console-history",
        events=int(page.locator("#travel").get_attribute("max") or 0),
        seconds=round(seconds, 2),
        travel_ms=round(statistics.median(travelled), 1),
    )
