"""The console in a browser: executions, time travel, the chat, resources, faults."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from local_cloud.client import demo_login
from local_cloud.model_override import ModelOverride
from local_cloud.port_check import free_ports
from tests.browser import MISSING, find_browser
from tests.integration.processes import started
from tests.stack import Stack, analyse, fails_until_there, within

CHROMIUM = find_browser()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
ROLE = "arn:aws:iam::000000000000:role/test"
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)  # the first analysis on cold containers takes 15 s


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    failed = request.session.testsfailed
    yield opened
    if request.session.testsfailed > failed:
        print(f"The page at the end, {opened.url}:\n{opened.locator('body').inner_text()}")
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


def run(stack: Stack, name: str, given: object) -> str:
    """Run a state machine to its end; return the execution's ARN."""
    execution: str = stack.aws("stepfunctions").start_execution(
        stateMachineArn=arn(name), input=json.dumps(given)
    )["executionArn"]
    stack.ended(execution)
    return execution


def aside(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end in a thread: this one has the browser's event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(within, work).result()


def go(page: Page, stack: Stack, *parts: str) -> None:
    page.goto(f"{stack.ports.console_url}/#/" + "/".join(quote(part, safe="") for part in parts))


def write(place: Page | Locator, text: str) -> None:
    """Write into the first editor, and wait until the page has it: a click reads what it has."""
    editor = place.locator(".editor").first
    content = editor.locator(".cm-content")
    # Selected by the editor itself: it may draw anew at any time, which undoes what others select.
    content.press("ControlOrMeta+a")
    content.page.keyboard.insert_text(text)
    expect(editor).to_have_attribute("data-length", str(len(text)))


def state(page: Page, name: str, status: str) -> Any:
    return expect(page.locator(f'[data-state="{name}"][data-status="{status}"]'))


def log_in(page: Page, stack: Stack, password: str | None = None) -> None:
    go(page, stack, "chat")
    page.get_by_label("User name").fill("demo")
    page.get_by_label("Password").fill(password or demo_login(stack.ports).password)
    page.get_by_role("button", name="Log in").click()


def test_an_execution_is_started_and_seen_to_succeed(page: Page, stack: Stack) -> None:
    states = {
        "Hold": {"Type": "Wait", "Seconds": 300, "Next": "Done"},
        "Done": {"Type": "Pass", "Result": {"answer": 42}, "End": True},
    }
    name = machine(stack, states, "Hold")
    go(page, stack, "executions")
    page.get_by_role("button", name="Start execution").click()
    form = page.get_by_role("form", name="Start execution")
    form.get_by_label("State machine").select_option(label=name)
    form.get_by_label("Name (optional)").fill("by-hand")
    write(form, '{"question": ')
    form.get_by_role("button", name="Start").click()
    expect(form.get_by_role("alert")).to_contain_text("no JSON")
    write(form, '{"question": 1}')
    form.get_by_role("button", name="Start").click()
    state(page, "Hold", "running").to_be_visible()
    expect(page.get_by_text("now in Hold")).to_be_visible()
    page.get_by_role("button", name="Skip").click()
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
    go(page, stack, "execution", execution["executionArn"])
    state(page, "Try", "failed").to_be_visible()
    expect(page.get_by_role("button", name="Redrive")).to_be_visible()
    page.locator('[data-state="Try"]').click()
    expect(page.locator("dl")).to_contain_text("Retries2")
    expect(page.locator(".attempts li")).to_have_count(3)
    expect(page.locator(".side .problem")).to_contain_text("KeyError")


def test_time_travel_puts_the_graph_back(page: Page, stack: Stack) -> None:
    states = {
        "First": {"Type": "Pass", "Next": "Second"},
        "Second": {"Type": "Pass", "Next": "Third"},
        "Third": {"Type": "Pass", "End": True},
    }
    go(page, stack, "execution", run(stack, machine(stack, states, "First"), {}))
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
    expect(page.locator("button.bar-row")).to_have_count(3)


def test_a_history_is_played(page: Page, stack: Stack) -> None:
    states = {
        f"S{n}": {"Type": "Pass", **({"Next": f"S{n + 1}"} if n < 9 else {"End": True})}
        for n in range(10)
    }
    execution = run(stack, machine(stack, states, "S0"), {})
    go(page, stack, "execution", execution)
    state(page, "S9", "succeeded").to_be_visible()
    page.get_by_role("button", name="Play the history").click()
    state(page, "S5", "idle").to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    state(page, "S9", "succeeded").to_be_visible()
    expect(page.get_by_role("button", name="Play the history")).to_be_visible()


def test_iterations_branches_and_the_way_taken_are_shown(page: Page, stack: Stack) -> None:
    states = {
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Left", "States": {"Left": {"Type": "Pass", "End": True}}},
                {"StartAt": "Right", "States": {"Right": {"Type": "Pass", "End": True}}},
            ],
            "ResultPath": None,
            "Next": "Each",
        },
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": {
                "StartAt": "Check",
                "States": {
                    "Check": {
                        "Type": "Choice",
                        "Choices": [{"Variable": "$", "NumericEquals": 3, "Next": "Refuse"}],
                        "Default": "Accept",
                    },
                    "Refuse": {"Type": "Fail", "Error": "Three"},
                    "Accept": {"Type": "Pass", "End": True},
                },
            },
            "MaxConcurrency": 1,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "After"}],
            "Next": "Never",
        },
        "After": {"Type": "Pass", "End": True},
        "Never": {"Type": "Pass", "End": True},
    }
    execution = run(stack, machine(stack, states, "Both"), {"items": [1, 2, 3]})
    go(page, stack, "execution", execution)
    for name, status in {
        "Left": "succeeded",
        "Right": "succeeded",
        "Each": "caught",
        "Accept": "succeeded",
        "Refuse": "failed",
        "After": "succeeded",
        "Never": "idle",
    }.items():
        state(page, name, status).to_be_visible()
    expect(page.locator('[data-edge="Each→After"]')).to_have_attribute("data-taken", "true")
    expect(page.locator('[data-edge="Each→Never"]')).to_have_attribute("data-taken", "false")
    expect(page.locator('[data-state="Check"] .count')).to_have_text("3")
    page.locator('[data-state="Check"]').click()
    expect(page.get_by_role("combobox", name="Pass")).to_contain_text("3 of 3 (item 2)")
    page.get_by_role("button", name="Earlier pass").click()
    expect(page.locator("pre").first).to_have_text("2")


def test_two_executions_are_compared(page: Page, stack: Stack) -> None:
    states = {
        "Choose": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericGreaterThan": 1, "Next": "Large"}],
            "Default": "Small",
        },
        "Large": {"Type": "Pass", "Next": "End"},
        "Small": {"Type": "Pass", "Next": "End"},
        "End": {"Type": "Succeed"},
    }
    name = machine(stack, states, "Choose")
    one, other = run(stack, name, {"n": 1}), run(stack, name, {"n": 2})
    go(page, stack, "executions")
    page.locator(".filters").get_by_label("State machine").select_option(label=name)
    for execution in (one, other):
        page.get_by_role("checkbox", name=f"Compare {execution.rpartition(':')[2]}").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text("They part at Small, which only A entered there.")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="Large")
    expect(row.get_by_role("cell").nth(1)).to_have_text("—")
    diff = page.locator(".diff")
    expect(diff.locator(".left")).to_contain_text('"n": 1')
    expect(diff.locator(".right")).to_contain_text('"n": 2')
    page.get_by_role("row").filter(has_text="Small").get_by_role("button").click()
    expect(page.get_by_text("Only A entered this state here.")).to_be_visible()


def test_an_execution_begins_with_the_input_of_another(page: Page, stack: Stack) -> None:
    name = machine(stack, {"Only": {"Type": "Pass", "End": True}}, "Only")
    earlier = run(stack, name, {"colour": "green"})
    go(page, stack, "execution", earlier)
    page.get_by_role("link", name="New execution").click()
    form = page.get_by_role("form", name="Start execution")
    expect(form.get_by_label("State machine")).to_have_value(arn(name))
    expect(form.locator(".cm-content")).to_contain_text('"colour": "green"')
    form.get_by_label("State machine").select_option(label="agent-workflow")
    form.get_by_label("Input from").select_option("unknown-analysis")
    expect(form.locator(".cm-content")).to_contain_text("no-such-analysis")


def test_an_execution_plays_on_from_a_state_of_another(page: Page, stack: Stack) -> None:
    states = {
        "First": {"Type": "Pass", "Next": "Second"},
        "Second": {"Type": "Pass", "Next": "Third"},
        "Third": {"Type": "Pass", "End": True},
    }
    earlier = run(stack, machine(stack, states, "First"), {"colour": "green"})
    go(page, stack, "execution", earlier)
    page.locator('[data-state="Second"]').click()
    page.get_by_role("link", name="From here, with…").click()
    form = page.get_by_role("form", name="Start execution")
    expect(form.get_by_text("It begins at Second")).to_be_visible()
    expect(form.locator(".cm-content")).to_contain_text('"colour": "green"')
    write(form, '{"colour": "blue"}')
    form.get_by_role("button", name="Start").click()
    state(page, "Third", "succeeded").to_be_visible()
    expect(page.locator('[data-state="First"][data-status="succeeded"]')).to_have_count(0)
    page.locator('[data-state="Third"]').click()
    expect(page.locator("pre").last).to_contain_text('"colour": "blue"')


def test_a_failed_execution_is_redriven(page: Page, stack: Stack) -> None:
    mark = uuid.uuid4().hex
    definition = fails_until_there(mark)
    execution = run(stack, machine(stack, definition["States"], definition["StartAt"]), {})
    go(page, stack, "execution", execution)
    state(page, "Find", "failed").to_be_visible()
    stack.aws("dynamodb").put_item(
        TableName="causal-connections", Item={"connectionId": {"S": mark}}
    )
    page.get_by_role("button", name="Redrive").click()
    state(page, "Find", "succeeded").to_be_visible()
    found = page.get_by_role("row", name="Find").get_by_role("cell")
    expect(found).to_have_text(["Find", "succeeded", "1", "", re.compile(".")], ignore_case=True)
    page.locator('[data-state="Find"]').click()
    tries = [re.compile("^Try 1:.*DynamoDB"), re.compile("^Try 2:.*succeeded$")]
    expect(page.locator(".attempts li")).to_have_text(tries)
    expect(page.locator(".title .badge")).to_have_text("SUCCEEDED")
    expect(page.get_by_role("button", name="Redrive")).to_be_hidden()


def test_an_execution_is_stopped(page: Page, stack: Stack) -> None:
    name = machine(stack, {"Hold": {"Type": "Wait", "Seconds": 300, "End": True}}, "Hold")
    execution = stack.aws("stepfunctions").start_execution(stateMachineArn=arn(name))
    go(page, stack, "execution", execution["executionArn"])
    state(page, "Hold", "running").to_be_visible()
    page.get_by_role("button", name="Stop").click()
    state(page, "Hold", "aborted").to_be_visible()
    expect(page.locator(".title .badge")).to_have_text("ABORTED")
    expect(page.get_by_role("button", name="Redrive")).to_be_visible()


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
    for picture in ("Forest plot: Difference", "Overlap", "Sensitivity"):
        expect(result.get_by_role("img", name=picture)).to_be_visible()
    expect(result.get_by_role("img", name="Covariate balance")).to_contain_text("nodegree")
    with page.expect_download() as download:
        result.get_by_role("link", name="Report (HTML)").click()
    assert "1,794" in Path(download.value.path()).read_text()
    expect(result.get_by_role("link", name="Code to do it again")).to_be_visible()
    expect(page.locator("details.tool")).to_have_count(6)
    page.get_by_text("identify_adjustment_set").click()
    asked = page.locator("details.tool[open]")
    expect(asked.get_by_role("img", name="Causal graph")).to_contain_text("treat")
    page.get_by_role("link", name="its execution").click()
    state(page, "HandleFinish", "succeeded").to_be_visible()
    page.locator('[data-state="InvokeLLM"]').click()
    expect(page.get_by_label("the log", exact=True)).to_contain_text("REPORT RequestId")


def test_an_earlier_analysis_is_opened_again(page: Page, stack: Stack) -> None:
    login = stack.new_user()

    async def earlier() -> None:
        async with stack.connect(stack.token(login)) as agent:
            await analyse(agent)

    aside(earlier())
    go(page, stack, "chat")
    page.get_by_label("User name").fill(login.username)
    page.get_by_label("Password").fill(login.password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("complementary").get_by_role("button").click()
    expect(page.locator(".result")).to_contain_text("1,794")
    expect(page.locator(".prompt")).to_be_visible()


def test_an_analysis_is_cancelled(page: Page, stack: Stack) -> None:
    go(page, stack, "chat")
    page.get_by_role("button", name="Fill in the demo user").click()
    expect(page.get_by_label("User name")).to_have_value("demo")
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Dataset").select_option("nhefs")
    expect(page.get_by_label("Question")).to_have_value(
        "What did quitting smoking do to weight gain?"
    )
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_role("button", name="observational").wait_for()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator(".result")).to_contain_text("CANCELLED")


def test_what_is_said_on_a_connection_is_seen(page: Page, stack: Stack) -> None:
    go(page, stack, "resources", "connections")
    expect(page.get_by_role("heading", name="Messages")).to_be_visible()
    mark = uuid.uuid4().hex

    async def talk() -> None:
        async with stack.connect() as agent:
            await agent.send("status", analysisId=mark)
            await anext(aiter(agent))

    aside(talk())
    row = page.get_by_role("row").filter(has_text=mark)
    expect(row.first).to_contain_text("sent")
    expect(row.last).to_contain_text("→ status")
    row.last.get_by_role("button").click()
    expect(page.get_by_label("the message", exact=True)).to_contain_text(f'"analysisId": "{mark}"')


def test_a_wrong_password_is_said(page: Page, stack: Stack) -> None:
    log_in(page, stack, "Wrong-Password-1")
    expect(page.get_by_role("alert")).to_contain_text("password")
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_new_user_signs_up_and_logs_in(page: Page, stack: Stack) -> None:
    name = f"user-{uuid.uuid4().hex[:8]}"
    go(page, stack, "chat")
    page.get_by_role("button", name="Sign up").click()
    page.get_by_label("User name").fill(name)
    page.get_by_label("E-mail").fill("new@example.com")
    page.get_by_label("Password").fill("Correct-Horse-7")
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_label("Confirmation code")).to_be_visible()
    sent = httpx.get(
        f"{stack.ports.engine_url}/_aws/cognito-idp/messages?username={name}", trust_env=False
    )
    page.get_by_label("Confirmation code").fill(sent.json()["messages"][-1]["Code"])
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Password").fill("Correct-Horse-7")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("connected")).to_be_visible()
    page.get_by_label("Or upload a CSV").set_input_files(
        {"name": "my data.csv", "mimeType": "text/csv", "buffer": b"treat,y\n0,1\n1,2\n"}
    )
    expect(page.get_by_label("Dataset")).to_have_value("mine/my-data")


def test_a_table_is_paged_through(page: Page, stack: Stack) -> None:
    name = f"test-{uuid.uuid4().hex}"
    dynamodb = stack.aws("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(30):
        body = {"S": json.dumps({"number": number, "note": "<img src=x onerror=alert(1)>"})}
        dynamodb.put_item(TableName=name, Item={"id": {"S": f"item-{number}"}, "body": body})
    go(page, stack, "resources", "tables", name)
    expect(page.get_by_text("30 items, keyed by id")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(25)
    page.get_by_role("button", name="Next").click()
    expect(page.locator("tbody tr")).to_have_count(5)
    page.locator("tbody").get_by_role("button").first.click()
    item = page.get_by_label("the item", exact=True)
    expect(item).to_contain_text('"note": "<img src=x onerror=alert(1)>"')
    expect(item.locator("img")).to_have_count(0)
    page.get_by_role("button", name="Previous").click()
    expect(page.locator("tbody tr")).to_have_count(25)
    dynamodb.delete_table(TableName=name)


def test_a_models_call_is_read_run_again_and_kept(
    page: Page, stack: Stack, model: ModelOverride, tmp_path: Path
) -> None:
    city = {"name": "weather", "input": {"city": "${city}"}}
    model.script(
        {"when": {"text": r"in (?P<city>\w+)"}, "say": "I ask around.", "tools": [city]},
        {
            "when": {"tool": "weather"},
            "error": {"code": "ThrottlingException", "message": "Not now"},
        },
    )
    words = f"The weather in Oslo? {uuid.uuid4()}"
    schema = {"inputSchema": {"json": {"type": "object"}}}
    request: Any = {
        "modelId": "amazon.nova-lite-v1:0",
        "messages": [{"role": "user", "content": [{"text": words}]}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "weather", **schema}}]},
    }
    runtime = stack.aws("bedrock-runtime")
    first = runtime.converse(**request)["output"]["message"]
    go(page, stack, "models")
    row = page.get_by_role("row").filter(has_text=words)
    expect(row).to_contain_text("I ask around.")
    row.get_by_role("link").click()
    talk = page.get_by_role("region", name="Conversation")
    expect(talk).to_contain_text(words)
    expect(talk.get_by_label("the input of weather")).to_contain_text('"city": "Oslo"')
    expect(page.get_by_role("cell", name="ends: tool_use")).to_be_visible()
    page.get_by_role("tab", name="Edit and run again").click()
    write(page, json.dumps(request).replace("Oslo", "Rome"))
    page.get_by_role("button", name="Run").click()
    expect(talk.get_by_label("the input of weather")).to_contain_text('"city": "Rome"')

    # What is kept of it answers in its place.
    def kept(tab: str, label: str) -> str:
        page.get_by_role("tab", name=tab).click()
        return page.get_by_label(label, exact=True).inner_text()

    rules, entry = kept("As a script", "the rule"), kept("As a cassette", "the entry")
    rome = json.loads(json.dumps(request).replace("Oslo", "Rome"))
    model.script(*yaml.safe_load(rules))
    assert runtime.converse(**rome)["output"]["message"]["content"][0]["text"] == "I ask around."
    (tmp_path / "kept.jsonl").write_text(entry)
    model.replay(tmp_path / "kept.jsonl")
    assert runtime.converse(**rome)["stopReason"] == "tool_use"
    model.script({"error": {"code": "ThrottlingException", "message": "Not now"}})
    result = {"toolUseId": first["content"][1]["toolUse"]["toolUseId"], "content": [{"text": "7"}]}
    request["messages"] += [first, {"role": "user", "content": [{"toolResult": result}]}]
    with pytest.raises(runtime.exceptions.ThrottlingException):
        stack.aws("bedrock-runtime").converse(**request)
    go(page, stack, "models")
    row = page.get_by_role("row").filter(has_text="weather answered").first
    expect(row).to_contain_text("ThrottlingException: Not now")


def test_resources_can_be_looked_into(page: Page, stack: Stack) -> None:
    go(page, stack, "resources", "buckets", "causal-datasets")
    page.get_by_role("button", name="shared/").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="nsw.csv").click()
    assert download.value.suggested_filename == "nsw.csv"
    go(page, stack, "resources", "functions", "websocket-handler")
    page.get_by_label("Saved payload").select_option("unknown-action")
    page.get_by_role("button", name="Invoke").click()
    expect(page.locator("pre").first).to_contain_text("There is no action")
    write(page, '{"x": 1}')
    page.get_by_role("button", name="Invoke").click()
    expect(page.locator("pre").first).to_contain_text("KeyError")
    go(page, stack, "resources", "secrets")
    row = page.get_by_role("listitem").filter(has_text="causal/llm")
    expect(row).not_to_contain_text("provider")
    row.get_by_role("button", name="Show the value").click()
    expect(row).to_contain_text("provider")
    go(page, stack, "resources", "users")
    expect(page.get_by_role("cell", name="demo", exact=True)).to_be_visible()


def test_a_log_group_is_followed(page: Page, stack: Stack) -> None:
    def invoke(mark: str) -> None:
        context = {"eventType": "CONNECT", "connectionId": mark}
        stack.aws("lambda").invoke(
            FunctionName="websocket-handler",
            Payload=json.dumps({"requestContext": context, "headers": {}}),
        )

    first, second = uuid.uuid4().hex, uuid.uuid4().hex
    invoke(first)
    go(page, stack, "resources", "logs", "/aws/lambda/websocket-handler")
    log = page.get_by_label("Log of /aws/lambda/websocket-handler")
    expect(log).to_contain_text(first)
    invoke(second)
    expect(log).to_contain_text(second)
    page.get_by_label("Lines with").fill(second)
    expect(log).not_to_contain_text(first)


def test_a_wrong_definition_is_marked_on_its_line(page: Page, stack: Stack) -> None:
    name = machine(stack, {"Only": {"Type": "Pass", "End": True}}, "Only")
    go(page, stack, "machine", arn(name))
    expect(page.locator('[data-state="Only"]')).to_be_visible()
    page.get_by_role("button", name="Validate").click()
    expect(page.get_by_text("The definition is valid.")).to_be_visible()
    broken = {"StartAt": "Only", "States": {"Only": {"Type": "Nonsense", "End": True}}}
    write(page, json.dumps(broken, indent=2))
    page.get_by_role("button", name="Validate").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 5:")
    broken = {
        "StartAt": "Only",
        "States": {
            "Only": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.n", "IsNull": True, "Next": "Nowhere"}],
                "Default": "End",
            },
            "End": {"Type": "Succeed"},
        },
    }
    write(page, json.dumps(broken, indent=2))
    page.get_by_role("button", name="Validate").click()
    expect(page.get_by_role("alert")).to_have_text(
        "Line 10: MISSING_TRANSITION_TARGET: Missing 'Next' target: Nowhere"
    )
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Invalid State Machine Definition")).to_be_visible()
    expect(page.locator(".cm-lintRange-error")).to_be_visible()


CHOICE = {
    "Choose": {
        "Type": "Choice",
        "Choices": [{"Variable": "$.n", "NumericGreaterThan": 1, "Next": "Large"}],
        "Default": "Small",
    },
    "Large": {"Type": "Succeed"},
    "Small": {"Type": "Succeed"},
}


def test_a_single_state_is_tested(page: Page, stack: Stack) -> None:
    go(page, stack, "machine", arn(machine(stack, CHOICE, "Choose")))
    page.locator('[data-state="Choose"]').click()
    write(page.locator(".card").filter(has=page.get_by_label("Input of Choose")), '{"n": 2}')
    page.get_by_role("button", name="Run this state").click()
    expect(page.get_by_text("next: Large")).to_be_visible()


# Types into an editor in the very moment in which it appears, before the page's own effects run.
TYPE_AT_ONCE = """
new MutationObserver((_, observer) => {
  const editor = document.querySelector('[aria-label="Input of Choose"]');
  if (!editor) return;
  observer.disconnect();
  editor.focus();
  getSelection().selectAllChildren(editor);
  document.execCommand("insertText", false, '{"n": 2}');
}).observe(document, { childList: true, subtree: true });
"""


def test_what_is_typed_while_the_editor_opens_stays(page: Page, stack: Stack) -> None:
    page.add_init_script(TYPE_AT_ONCE)
    go(page, stack, "machine", arn(machine(stack, CHOICE, "Choose")))
    page.locator('[data-state="Choose"]').click()
    editor = page.get_by_label("Input of Choose")
    expect(editor).to_have_text('{"n": 2}')
    page.get_by_role("button", name="Run this state").click()
    expect(page.get_by_text("next: Large")).to_be_visible()
    expect(editor).to_have_text('{"n": 2}')


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible(browser: Browser, stack: Stack, scheme: Any, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    name = machine(stack, {"One": {"Type": "Pass", "End": True}}, "One")
    one, other = run(stack, name, {}), run(stack, name, {"n": 1})
    shown = {
        ("executions",): "tbody tr",
        ("execution", one): '[data-status="succeeded"]',
        ("compare", one, other): ".diff",
        ("machine",): ".cm-content",
        ("chat",): "form",
        ("resources", "tables", "causal-events"): "h2",
        ("resources", "buckets", "causal-datasets"): "tbody tr",
        ("resources", "functions", "invoke-llm"): ".cm-content",
        ("resources", "logs"): "h1",
        ("resources", "secrets"): "li",
        ("resources", "users"): "tbody tr",
        ("resources", "connections"): "h2",
        ("faults",): "form",
    }
    hello = [{"role": "user", "content": [{"text": "Hello"}]}]
    stack.aws("bedrock-runtime").converse(modelId="amazon.nova-lite-v1:0", messages=hello)
    calls = httpx.get(f"{stack.ports.console_url}/api/models", trust_env=False).json()["calls"]
    shown[("models",)] = "tbody tr"
    shown["model-call", calls[0]["id"]] = ".bubble"
    api = f"{stack.ports.console_url}/api/traces"
    if traces := httpx.get(api, trust_env=False).json().get("traces"):  # in Docker there are none
        last, before = traces[0]["trace"], traces[-1]["trace"]
        shown[("traces",)] = "tbody tr"
        shown["trace", last] = ".waterfall .bar"
        shown["traces-compared", last, before] = "table.compare"
        shown[("permissions",)] = "tbody tr"
        shown["permissions", "invoke-llm"] = "pre"
    found = []
    for address, part in shown.items():
        go(page, stack, *address)
        page.locator(part).first.wait_for()
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                nodes = [node["html"][:120] for node in violation["nodes"][:3]]
                found.append(f"{address}: {violation['id']}: {nodes}")
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
        assert not wide, f"{address} is wider than {width} pixels"
    context.close()
    assert found == []


def test_what_a_message_caused_is_found_seen_through_and_compared(page: Page, stack: Stack) -> None:
    async def run() -> None:
        async with stack.connect() as agent:
            await analyse(agent)

    aside(run())
    aside(run())
    go(page, stack, "traces")
    page.get_by_label("Search").fill("dispatch-tool")
    rows = page.locator("tbody tr").filter(has_text="message analyze")
    expect(rows.nth(1)).to_be_visible()
    rows.nth(0).get_by_role("checkbox").check()
    rows.nth(1).get_by_role("checkbox").check()
    page.get_by_label("Slower than").fill("3600000")
    expect(page.get_by_text("No trace fits the filter.")).to_be_visible()
    page.get_by_label("Slower than").fill("")
    rows.nth(0).get_by_role("link").click()
    waterfall = page.get_by_role("region", name="Waterfall")
    waterfall.get_by_role("button", name="invocation handle-finish", exact=True).first.click()
    side = page.locator(".side")
    expect(side.get_by_role("heading", name="invocation handle-finish")).to_be_visible()
    expect(side.get_by_label("the log", exact=True)).to_contain_text("START RequestId")
    waterfall.get_by_role("button", name="s3.PutObject", exact=True).first.click()
    expect(side.get_by_text("s3:PutObject", exact=True)).to_be_visible()
    page.get_by_role("tab", name="What it wrote").click()
    expect(side.get_by_role("link", name="causal-results").first).to_be_visible()
    page.get_by_text("On AWS:").click()
    expect(page.get_by_role("cell", name="Lambda GB-seconds")).to_be_visible()
    page.get_by_role("link", name=re.compile("^execution ")).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.get_by_role("link", name="Trace", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="show all").click()
    both = page.locator("tbody tr").filter(has_text="message analyze")
    both.nth(0).get_by_role("checkbox").check()
    both.nth(1).get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("table.compare tbody tr").first).to_contain_text("message analyze")


@pytest.mark.embedded("in Docker the console has no traces")
def test_what_the_model_was_asked_is_found_from_the_chat(page: Page, stack: Stack) -> None:
    log_in(page, stack)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator(".prompt").get_by_role("button", name="randomised").click()
    page.get_by_role("link", name="what the model was asked").click()
    finish = page.locator("tbody tr").filter(has_text="The analysis is complete.")
    expect(finish).to_have_count(1)  # of other analyses there is none
    page.locator(".title").get_by_role("link").first.click()
    page.locator('[data-state="InvokeLLM"]').click()
    asked = page.get_by_role("heading", name="Models asked").locator("+ ul li")
    expect(asked).to_have_count(1)
    asked.get_by_role("link").click()
    talk = page.get_by_role("region", name="Conversation")
    expect(talk).to_contain_text("The analysis is complete.")


def test_a_functions_permissions_are_named_with_the_least_policy(page: Page, stack: Stack) -> None:
    async def run() -> None:
        async with stack.connect() as agent:
            await analyse(agent)

    aside(run())
    go(page, stack, "permissions")
    row = page.locator("tbody tr").filter(has_text="append-tool-output")
    expect(row).to_be_visible()
    row.get_by_role("link").click()
    expect(page.get_by_text("Nothing that it asked for.")).to_be_visible()
    used = page.locator("li").filter(has_text="dynamodb:Query").first
    expect(used).to_contain_text("table/causal-messages")
    least = page.get_by_label("the least policy", exact=True)
    expect(least).to_contain_text('"dynamodb:Query"')
    expect(least).to_contain_text("@connections/*")


def test_a_fault_is_added_strikes_and_is_cleared(page: Page, stack: Stack) -> None:
    go(page, stack, "faults")
    form = page.get_by_role("form", name="New rule")
    form.get_by_label("Error").fill("ThrottlingException")
    form.get_by_label("Service").fill("kms")
    form.get_by_label("At most").fill("1")
    form.get_by_role("button", name="Add").click()
    row = page.locator("tbody tr")
    expect(row).to_contain_text("fail ThrottlingException")
    expect(row).to_contain_text("0 of 1")
    keys = stack.aws("kms").list_keys()  # the SDK tries again
    assert keys["ResponseMetadata"]["RetryAttempts"] == 1
    expect(row).to_contain_text("1 of 1")
    form.get_by_label("Of").select_option("post")
    form.get_by_label("Status").fill("200")
    form.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("status: expected an HTTP status")
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_text("Nothing goes wrong on purpose.")).to_be_visible()


def test_an_engine_that_goes_and_comes_back(page: Page, breakable_stack: Stack) -> None:
    go(page, breakable_stack, "executions")
    expect(page.get_by_role("button", name="Start execution")).to_be_enabled()
    with breakable_stack.held():
        breakable_stack.kill("engine")
        expect(page.get_by_role("alert")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("alert")).to_be_hidden(timeout=60_000)
    expect(page.get_by_role("button", name="Start execution")).to_be_enabled(timeout=60_000)


@pytest.mark.embedded("the same console, started by the test itself")
def test_any_step_functions_endpoint_will_do(page: Page, stack: Stack) -> None:
    name = machine(stack, {"One": {"Type": "Pass", "End": True}}, "One")
    port = free_ports().console
    elsewhere = ("--stepfunctions-endpoint", stack.ports.engine_url)
    nowhere = ("--engine", "http://127.0.0.1:9")
    with started("local_cloud.console", port, "/_console/health", *elsewhere, *nowhere):
        page.goto(f"http://127.0.0.1:{port}/#/machine/{quote(arn(name), safe='')}")
        expect(page.locator('[data-state="One"]')).to_be_visible()
