"""The console in a browser: executions, time travel, the chat, resources, faults."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect, sync_playwright

from local_cloud.client import demo_login
from local_cloud.installation import PROJECT, aws_environment
from local_cloud.port_check import free_ports
from tests.stack import Stack

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no browser: apt install chromium, or name one in CHROMIUM"
)
ROLE = "arn:aws:iam::000000000000:role/test"
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)  # the first analysis on cold containers takes 15 s


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


def machine(stack: Stack, states: dict[str, Any], start: str) -> str:
    """Create a state machine; return its name."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    stack.aws("stepfunctions").create_state_machine(
        name=name, roleArn=ROLE, definition=json.dumps({"StartAt": start, "States": states})
    )
    return name


def arn(name: str) -> str:
    return f"arn:aws:states:us-east-1:000000000000:stateMachine:{name}"


def go(page: Page, stack: Stack, address: str) -> None:
    page.goto(f"{stack.ports.console_url}/#/{address}")


def state(page: Page, name: str, status: str) -> Any:
    return expect(page.locator(f'[data-state="{name}"][data-status="{status}"]'))


def log_in(page: Page, stack: Stack, password: str | None = None) -> None:
    go(page, stack, "chat")
    page.get_by_label("User name").fill("demo")
    page.get_by_label("Password").fill(password or demo_login(stack.ports).password)
    page.get_by_role("button", name="Log in").click()


def test_an_execution_is_started_and_seen_to_succeed(page: Page, stack: Stack) -> None:
    states = {
        "Hold": {"Type": "Wait", "Seconds": 1, "Next": "Done"},
        "Done": {"Type": "Pass", "Result": {"answer": 42}, "End": True},
    }
    name = machine(stack, states, "Hold")
    go(page, stack, "executions")
    page.get_by_role("button", name="Start execution").click()
    form = page.get_by_role("form", name="Start execution")
    form.get_by_label("State machine").select_option(label=name)
    form.get_by_label("Name (optional)").fill("by-hand")
    form.locator(".cm-content").fill('{"question": ')
    form.get_by_role("button", name="Start").click()
    expect(form.get_by_role("alert")).to_contain_text("no JSON")
    form.locator(".cm-content").fill('{"question": 1}')
    form.get_by_role("button", name="Start").click()
    state(page, "Hold", "running").to_be_visible()
    expect(page.get_by_text("now in Hold")).to_be_visible()
    state(page, "Done", "succeeded").to_be_visible()
    page.locator('[data-state="Done"]').click()
    expect(page.locator("pre").last).to_contain_text('"answer": 42')
    go(page, stack, "executions")
    page.locator(".filters").get_by_label("State machine").select_option(label=name)
    row = page.get_by_role("row").filter(has_text="by-hand")
    expect(row).to_contain_text("SUCCEEDED")


def test_a_state_that_fails_shows_its_retries_and_its_error(page: Page, stack: Stack) -> None:
    states = {
        "Try": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "websocket-handler", "Payload": {}},
            "Retry": [{"ErrorEquals": ["KeyError"], "IntervalSeconds": 1, "MaxAttempts": 2}],
            "End": True,
        }
    }
    name = machine(stack, states, "Try")
    execution = stack.aws("stepfunctions").start_execution(stateMachineArn=arn(name))
    go(page, stack, f"execution/{execution['executionArn'].replace(':', '%3A')}")
    state(page, "Try", "failed").to_be_visible()
    expect(page.get_by_role("button", name="Redrive")).to_be_visible()
    page.locator('[data-state="Try"]').click()
    expect(page.locator("dl")).to_contain_text("Retries2")
    expect(page.locator(".side .problem")).to_contain_text("KeyError")


def test_time_travel_puts_the_graph_back(page: Page, stack: Stack) -> None:
    states = {
        "First": {"Type": "Pass", "Next": "Second"},
        "Second": {"Type": "Pass", "Next": "Third"},
        "Third": {"Type": "Pass", "End": True},
    }
    name = machine(stack, states, "First")
    execution = stack.aws("stepfunctions").start_execution(stateMachineArn=arn(name))
    go(page, stack, f"execution/{execution['executionArn'].replace(':', '%3A')}")
    state(page, "Third", "succeeded").to_be_visible()
    slider = page.get_by_label("Time travel")
    slider.fill("2")
    state(page, "First", "running").to_be_visible()
    state(page, "Third", "idle").to_be_visible()
    slider.press("ArrowRight")
    state(page, "First", "succeeded").to_be_visible()
    page.get_by_role("button", name="Live").click()
    state(page, "Third", "succeeded").to_be_visible()
    page.get_by_role("tab", name="Timeline").click()
    expect(page.locator(".bar-row")).to_have_count(3)


def test_a_chat_with_a_reload_in_the_middle(page: Page, stack: Stack) -> None:
    log_in(page, stack)
    expect(page.get_by_text("connected")).to_be_visible()
    page.get_by_role("button", name="Ask", exact=True).click()
    prompt = page.locator(".prompt")
    expect(prompt.get_by_role("button").first).to_be_visible()
    before = page.locator(".bubble").all_inner_texts()
    page.reload()
    expect(prompt.get_by_role("button").first).to_be_visible()
    assert page.locator(".bubble").all_inner_texts() == before, "nothing is missed"
    prompt.get_by_role("button", name="randomised").click()
    result = page.locator(".result")
    expect(result).to_contain_text("1,794")
    expect(result.get_by_role("img")).to_be_visible()
    expect(page.locator("details.tool")).to_have_count(5)
    page.get_by_role("link", name="its execution").click()
    state(page, "HandleFinish", "succeeded").to_be_visible()


def test_a_wrong_password_is_said(page: Page, stack: Stack) -> None:
    log_in(page, stack, "Wrong-Password-1")
    expect(page.get_by_role("alert")).to_contain_text("password")
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_new_user_signs_up_and_logs_in(page: Page, stack: Stack) -> None:
    name = f"user-{uuid.uuid4().hex[:8]}"
    go(page, stack, "chat")
    page.get_by_role("button", name="Sign up").click()
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill("Correct-Horse-7")
    page.get_by_role("button", name="Sign up").click()
    page.get_by_label("Confirmation code").fill("000000")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Password").fill("Correct-Horse-7")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("connected")).to_be_visible()
    page.get_by_label("Or upload a CSV").set_input_files(
        {"name": "my data.csv", "mimeType": "text/csv", "buffer": b"treat,y\n0,1\n1,2\n"}
    )
    expect(page.get_by_label("Dataset")).to_have_value("mine/my-data")


def test_resources_can_be_looked_into(page: Page, stack: Stack) -> None:
    go(page, stack, "resources/tables/causal-analyses")
    expect(page.get_by_role("link", name="causal-events")).to_be_visible()
    go(page, stack, "resources/buckets/causal-datasets")
    with page.expect_download() as download:
        page.get_by_role("link", name="shared/nsw.csv").click()
    assert download.value.suggested_filename == "nsw.csv"
    go(page, stack, "resources/functions/websocket-handler")
    page.locator(".cm-content").fill('{"x": 1}')
    page.get_by_role("button", name="Invoke").click()
    expect(page.locator("pre").first).to_contain_text("KeyError")
    go(page, stack, "resources/secrets")
    row = page.get_by_role("listitem").filter(has_text="causal/llm")
    expect(row).not_to_contain_text("provider")
    row.get_by_role("button", name="Show the value").click()
    expect(row).to_contain_text("provider")
    go(page, stack, "resources/users")
    expect(page.get_by_role("cell", name="demo", exact=True)).to_be_visible()


def test_a_wrong_definition_is_marked_on_its_line(page: Page, stack: Stack) -> None:
    name = machine(stack, {"Only": {"Type": "Pass", "End": True}}, "Only")
    go(page, stack, f"machine/{arn(name).replace(':', '%3A')}")
    expect(page.locator('[data-state="Only"]')).to_be_visible()
    page.get_by_role("button", name="Validate").click()
    expect(page.get_by_text("The definition is valid.")).to_be_visible()
    broken = {"StartAt": "Only", "States": {"Only": {"Type": "Nonsense", "End": True}}}
    page.locator(".cm-content").first.fill(json.dumps(broken, indent=2))
    page.get_by_role("button", name="Validate").click()
    expect(page.locator(".problem")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible(browser: Browser, stack: Stack, scheme: Any, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    name = machine(stack, {"One": {"Type": "Pass", "End": True}}, "One")
    made = stack.aws("stepfunctions").start_execution(stateMachineArn=arn(name))
    shown = {
        "executions": "tbody tr",
        f"execution/{made['executionArn'].replace(':', '%3A')}": '[data-status="succeeded"]',
        "machine": ".cm-content",
        "chat": "form",
        "resources/tables/causal-events": "h2",
        "resources/buckets/causal-datasets": "tbody tr",
        "resources/functions/invoke-llm": ".cm-content",
        "resources/secrets": "li",
        "resources/users": "tbody tr",
    }
    found = []
    for address, part in shown.items():
        go(page, stack, address)
        page.locator(part).first.wait_for()
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                nodes = [node["html"][:120] for node in violation["nodes"][:3]]
                found.append(f"{address}: {violation['id']}: {nodes}")
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
        assert not wide, f"{address} is wider than {width} pixels"
    context.close()
    assert found == []


@pytest.mark.embedded("kills the engine's process")
def test_an_engine_that_goes_and_comes_back(page: Page, breakable_stack: Stack) -> None:
    go(page, breakable_stack, "executions")
    expect(page.get_by_role("button", name="Start execution")).to_be_enabled()
    os.killpg(breakable_stack.state().parts["engine"], signal.SIGKILL)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden(timeout=60_000)
    expect(page.get_by_role("button", name="Start execution")).to_be_enabled(timeout=60_000)


@pytest.mark.embedded("the same console, started by the test itself")
def test_any_step_functions_endpoint_will_do(page: Page, stack: Stack) -> None:
    name = machine(stack, {"One": {"Type": "Pass", "End": True}}, "One")
    port = free_ports().console
    environment = {**aws_environment(stack.ports), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    console = subprocess.Popen(
        [
            *(sys.executable, "-m", "local_cloud.console", "--port", str(port)),
            *("--stepfunctions-endpoint", stack.ports.engine_url),
        ],
        cwd=PROJECT,
        env=environment,
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                page.goto(f"http://127.0.0.1:{port}/#/machine/{arn(name).replace(':', '%3A')}")
                break
            except Exception:  # noqa: BLE001 - it is starting
                assert time.monotonic() < deadline
        expect(page.locator('[data-state="One"]')).to_be_visible()
    finally:
        console.terminate()
        console.wait(20)
