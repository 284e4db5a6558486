"""What web pages can do to a running cloud, in Chromium: look at what is for them, change nothing.

The names of the attacking sites are mapped to this machine, where no local network check of the
browser is in the way.
"""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import MISSING, find_browser
from tests.conftest import ALLOWED_ORIGIN
from tests.stack import Stack
from tests.web_sites import PAGE, serve_pages

CHROMIUM = find_browser()
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason=MISSING),
    pytest.mark.embedded("a browser sends the same to the same engine in both modes"),
]
SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request"
ROLE = "arn:aws:iam::000000000000:role/test"
HANDLER = """
import os
def handler(event, context):
    with open(os.environ["INVOKED"], "a") as file:
        file.write("x")
    headers = {"Content-Type": "text/html", "Access-Control-Allow-Origin": "*"}
    return {"statusCode": 200, "headers": headers, "body": "<h1>it ran</h1>"}
"""


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    with serve_pages(tmp_path_factory.mktemp("pages")) as ports:
        yield ports


@pytest.fixture(scope="module")
def browser(sites: tuple[int, int]) -> Iterator[Browser]:
    """Return Chromium, to which every name is this machine."""
    plain, secret = sites
    rules = [
        *(f"MAP {name}.example:80 127.0.0.1:{plain}" for name in ("evil", "app", "allowed")),
        f"MAP evil.example:443 127.0.0.1:{secret}",
        "MAP * 127.0.0.1",
    ]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                *("--no-sandbox", "--disable-gpu", "--ignore-certificate-errors"),
                f"--host-resolver-rules={', '.join(rules)}",
            ],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@dataclass
class Victims:
    """What pages try to change."""

    stack: Stack
    name: str
    #: To which the function adds a letter at each invocation.
    invoked: Path
    queue: str
    function_url: str
    rest_api: str

    def state(self) -> dict[str, Any]:
        """Return what is there."""
        aws, name = self.stack.aws, self.name
        queues = aws("sqs").list_queues()["QueueUrls"]
        found = aws("sqs").get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])
        return {
            "stacks": [s["StackName"] for s in aws("cloudformation").describe_stacks()["Stacks"]],
            "queues": sorted(queues),
            "messages": found["Attributes"]["ApproximateNumberOfMessages"],
            "buckets": [one["Name"] for one in aws("s3").list_buckets()["Buckets"]],
            "objects": [
                o["Key"] for o in aws("s3").list_objects_v2(Bucket=name).get("Contents", [])
            ],
            "tables": aws("dynamodb").list_tables()["TableNames"],
            "users": [one["UserName"] for one in aws("iam").list_users()["Users"]],
            "invocations": self.invoked.read_text() if self.invoked.exists() else "",
            "faults": self.get("/_faults"),
            "gateway's faults": httpx.get(
                f"{self.stack.ports.gateway_url}/_gateway/faults", trust_env=False
            ).text,
            "apis": [one["Name"] for one in aws("apigatewayv2").get_apis()["Items"]],
        }

    def objects(self) -> list[str]:
        found = self.stack.aws("s3").list_objects_v2(Bucket=self.name)
        return [one["Key"] for one in found.get("Contents", [])]

    def get(self, path: str) -> str:
        return httpx.get(self.stack.ports.engine_url + path, trust_env=False).text

    def targets(self, host: str, scheme: str = "http") -> list[dict[str, Any]]:
        """Return what a page asks for: at each port, by the names that lead to this machine."""
        ports, name = self.stack.ports, self.name
        engine = f"{scheme}://{host}:{ports.engine}"
        template = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}
        label = self.function_url.removeprefix("http://").partition(".localhost")[0]
        invocation = f"/2015-03-31/functions/{name}/invocations"
        fault = json.dumps({"rules": [{"service": "s3", "error": "SlowDown"}]})
        stack = {"StackName": f"evil-{name}", "TemplateBody": json.dumps(template)}
        delete = "<Delete><Object><Key>kept</Key></Object></Delete>"
        send = {"Action": "SendMessage", "MessageBody": "x"}
        signed = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": "test/20260101/us-east-1/iam/aws4_request",
            "X-Amz-Signature": "0",
        }
        calls: list[tuple[str, dict[str, str], str]] = [
            (f"{engine}/", {"Action": "CreateStack", **stack}, ""),
            (f"{engine}/", {"Action": "CreateUser", "UserName": "evil", **signed}, ""),
            (f"{engine}/", {"Action": "CreateQueue", "QueueName": f"evil-{name}"}, ""),
            (f"{engine}/000000000000/{name}", send, ""),
            (f"{engine}/queue/us-east-1/000000000000/{name}", send, ""),
            (f"{engine}{invocation}", {}, "{}"),
            (f"{engine}/_aws/execute-api/{self.rest_api}/dev/run", {}, "{}"),
            (f"{engine}/restapis/{self.rest_api}/dev/_user_request_/run", {}, "{}"),
            (f"{engine}/{name}?delete", {}, delete),
            (f"{engine}/{name}", {"key": "evil", "file": "evil"}, ""),
            (f"{engine}/_faults", {}, fault),
        ]
        if host == "localhost":
            below = f"localhost:{ports.engine}"
            calls += [
                (f"{scheme}://{label}.{below}/", {}, "{}"),
                (f"{scheme}://{self.rest_api}.execute-api.{below}/dev/run", {}, ""),
                (f"{scheme}://sqs.us-east-1.{below}/000000000000/{name}", send, ""),
            ]
        if scheme == "http":
            functions, gateway = (f"http://{host}:{p}" for p in (ports.functions, ports.gateway))
            console = f"http://{host}:{ports.console}"
            api = json.dumps({"name": "evil", "protocolType": "WEBSOCKET"})
            calls += [
                (f"{functions}{invocation}", {}, "{}"),
                (f"{functions}/_debug/{name}", {}, "{}"),
                (f"{gateway}/_gateway/faults", {}, fault),
                (f"{gateway}/v2/apis", {}, api),
                (f"{console}/", {}, json.dumps({"stateMachineArn": "x"})),
                (f"{console}/api/aws/sqs/create_queue", {}, json.dumps({"QueueName": "evil"})),
                (f"{console}/api/faults", {}, fault),
            ]
        return [{"url": url, "fields": fields, "text": text} for url, fields, text in calls]


@pytest.fixture(scope="module")
def victims(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    name = f"victim-{uuid.uuid4().hex[:10]}"
    invoked = tmp_path_factory.mktemp("invoked") / "invoked"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", HANDLER)
    functions, apis, s3 = stack.aws("lambda"), stack.aws("apigateway"), stack.aws("s3")
    queue = stack.aws("sqs").create_queue(QueueName=name)["QueueUrl"]
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="kept", Body=b"mine")
    function = functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=ROLE,
        Handler="index.handler",
        Code={"ZipFile": packed.getvalue()},
        Environment={"Variables": {"INVOKED": str(invoked)}},
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    url = functions.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    for service in ("*", "apigateway.amazonaws.com"):
        functions.add_permission(
            FunctionName=name,
            StatementId=f"for-{len(service)}",
            Action="lambda:InvokeFunction",
            Principal=service,
        )
    api = apis.create_rest_api(name=name)["id"]
    root = apis.get_resources(restApiId=api)["items"][0]["id"]
    run = apis.create_resource(restApiId=api, parentId=root, pathPart="run")["id"]
    method = {"restApiId": api, "resourceId": run, "httpMethod": "ANY"}
    apis.put_method(**method, authorizationType="NONE")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    apis.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    apis.create_deployment(restApiId=api, stageName="dev")
    made = Victims(stack, name, invoked, queue, url, api)
    yield made
    apis.delete_rest_api(restApiId=api)
    functions.delete_function(FunctionName=name)
    stack.aws("sqs").delete_queue(QueueUrl=queue)
    for key in made.objects():
        s3.delete_object(Bucket=name, Key=key)
    s3.delete_bucket(Bucket=name)


#: Pages, and where they send requests: names lead a browser to this machine by every resolver, by
#: public DNS, by Docker Desktop, and by the DNS of who controls it. What is not encrypted and not
#: this machine's by name, a browser sends for no page that is.
HTTP, HTTPS = "http://evil.example/", "https://evil.example/"
PLACES = [
    *((HTTP, "http", host) for host in ("localhost", "127.0.0.1", "localhost.localstack.cloud")),
    *(
        (HTTP, "http", host)
        for host in ("host.docker.internal", "s3.amazonaws.com", "rebound.test")
    ),
    *((HTTPS, scheme, "localhost") for scheme in ("http", "https")),
    (HTTPS, "https", "localhost.localstack.cloud"),
]


@pytest.mark.parametrize(("site", "scheme", "host"), PLACES)
def test_no_page_of_another_site_changes_anything(
    page: Page, victims: Victims, site: str, scheme: str, host: str
) -> None:
    before = victims.state()
    page.goto(site)
    page.evaluate("targets => attack(targets)", victims.targets(host, scheme))
    assert victims.state() == before


@pytest.mark.parametrize("host", ["localhost", "localhost.localstack.cloud"])
def test_a_link_that_is_followed_changes_nothing(page: Page, victims: Victims, host: str) -> None:
    before = victims.state()
    for target in victims.targets(host):
        page.goto(HTTP)
        url = httpx.URL(target["url"]).copy_merge_params(target["fields"])
        with page.expect_event("requestfinished", lambda r: r.is_navigation_request()):
            page.evaluate("url => follow(url)", str(url))
    assert victims.state() == before


def test_a_websocket_is_opened_for_pages_of_this_machine_only(
    page: Page, stack: Stack, sites: tuple[int, int]
) -> None:
    url = f"{stack.ports.websocket_url}?token={stack.token()}"
    mine = f"http://localhost:{sites[0]}/"
    opened = {}
    for site in (HTTP, HTTPS, mine):
        page.goto(site)
        opened[site] = page.evaluate("url => opens(url)", url)
        assert not page.evaluate("url => opens(url)", f"ws://localhost:{stack.ports.engine}/")
    assert opened == {HTTP: False, HTTPS: False, mine: True}


def stored(victims: Victims, key: str) -> None:
    """Store a page that attacks, as somebody's upload would be."""
    s3 = victims.stack.aws("s3")
    s3.put_object(Bucket=victims.name, Key=key, Body=PAGE.encode(), ContentType="text/html")


def test_a_stored_page_is_of_no_origin_and_changes_nothing(page: Page, victims: Victims) -> None:
    stored(victims, "page.html")
    port, before = victims.stack.ports.engine, victims.state()
    for host in (f"localhost:{port}/{victims.name}", f"{victims.name}.s3.localhost:{port}"):
        opened = page.goto(f"http://{host}/page.html")
        assert opened is not None
        assert opened.status == 200
        assert page.evaluate("self.origin") == "null"
        page.evaluate("targets => attack(targets)", victims.targets("localhost"))
        assert not page.evaluate("url => opens(url)", victims.stack.ports.websocket_url)
    assert victims.state() == before


def test_a_website_is_a_page_of_its_own_origin_that_changes_nothing(
    page: Page, victims: Victims
) -> None:
    stored(victims, "index.html")
    victims.stack.aws("s3").put_bucket_website(
        Bucket=victims.name, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}}
    )
    before = victims.state()
    host = f"{victims.name}.s3-website.localhost"
    for name in (host, f"{host}."):  # each is an origin of its own
        site = f"http://{name}:{victims.stack.ports.engine}"
        page.goto(site)
        assert page.evaluate("self.origin") == site
        assert page.evaluate("() => fetch('/index.html').then(answer => answer.status)") == 200
        for target in (name, "localhost"):
            page.evaluate("targets => attack(targets)", victims.targets(target))
        assert not page.evaluate("url => opens(url)", victims.stack.ports.websocket_url)
    assert victims.state() == before


def test_an_address_that_is_entered_runs_a_function_and_shows_it_in_a_sandbox(
    page: Page, victims: Victims
) -> None:
    port = victims.stack.ports.engine
    for url in (
        victims.function_url,
        f"http://localhost:{port}/_aws/execute-api/{victims.rest_api}/dev/run",
        f"http://{victims.rest_api}.execute-api.localhost:{port}/dev/run",
    ):
        page.goto(url)
        assert page.locator("h1").inner_text() == "it ran"
        assert page.evaluate("self.origin") == "null"


def test_a_page_of_this_machine_calls_a_rest_api(
    page: Page, victims: Victims, sites: tuple[int, int]
) -> None:
    page.goto(f"http://localhost:{sites[0]}/")
    url = f"http://{victims.rest_api}.execute-api.localhost:{victims.stack.ports.engine}/dev/run"
    call = "url => fetch(url, {method: 'POST'}).then(answer => answer.text())"
    assert page.evaluate(call, url) == "<h1>it ran</h1>"


def test_a_page_reads_and_writes_a_bucket_as_its_cors_rules_say(
    page: Page, victims: Victims
) -> None:
    s3, bucket = victims.stack.aws("s3"), victims.name
    where: Any = {"Bucket": bucket, "Key": "from-page"}
    put, get = (
        s3.generate_presigned_url(call, Params=where) for call in ("put_object", "get_object")
    )
    post = s3.generate_presigned_post(bucket, "posted")
    write = """async ([put, get, post]) => {
      const said = await fetch(put, {method: "PUT", body: new Blob(["hello"])}).then(a => a.status);
      const text = await fetch(get).then(answer => answer.text());
      const form = new FormData();
      for (const [name, value] of Object.entries(post.fields)) form.append(name, value);
      form.append("file", "posted");
      return [said, text, await fetch(post.url, {method: "POST", body: form}).then(a => a.status)];
    }"""
    page.goto("http://app.example/")
    assert page.evaluate(f"given => ({write})(given).catch(() => 'refused')", [put, get, post]) == (
        "refused"
    )
    rule = {"AllowedOrigins": ["http://app.example"], "AllowedMethods": ["GET", "PUT", "POST"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert page.evaluate(write, [put, get, post]) == [200, "hello", 204]
    assert s3.get_object(Bucket=bucket, Key="posted")["Body"].read() == b"posted"
    s3.delete_bucket_cors(Bucket=bucket)


def test_a_page_shows_an_object_and_a_person_opens_it(page: Page, victims: Victims) -> None:
    dot = b"GIF89a\x01\x00\x01\x00\x00\xff\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x00;"
    victims.stack.aws("s3").put_object(Bucket=victims.name, Key="a.gif", Body=dot)
    url = f"{victims.stack.ports.engine_url}/{victims.name}/a.gif"
    page.goto(HTTP)
    wide = """url => new Promise(done => {
      const image = new Image();
      image.onload = image.onerror = () => done(image.naturalWidth);
      image.src = url;
    })"""
    assert page.evaluate(wide, url) == 1


def test_a_page_of_another_site_reads_no_object_by_running_it(page: Page, victims: Victims) -> None:
    victims.stack.aws("s3").put_object(Bucket=victims.name, Key="a.txt", Body=b"self.secret = 1")
    url = f"{victims.stack.ports.engine_url}/{victims.name}/a.txt"
    page.goto(HTTP)
    run = """url => new Promise(done => {
      const script = document.createElement("script");
      script.onload = script.onerror = () => done(self.secret ?? null);
      script.src = url;
      document.body.append(script);
    })"""
    for query in ("", "?response-content-type=text/javascript"):
        assert page.evaluate(run, url + query) is None


def test_a_page_of_an_allowed_origin_calls_apis(page: Page, victims: Victims) -> None:
    call = """([url, target, headers]) => fetch(url, {method: "POST", body: "{}", headers:
      {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target, ...headers},
    }).then(answer => answer.text(), () => "refused")"""
    signed = {"Authorization": SIGNED}
    given = [victims.stack.ports.engine_url, "DynamoDB_20120810.ListTables", signed]
    for origin, served in ((ALLOWED_ORIGIN, True), ("http://app.example", False)):
        page.goto(f"{origin}/")
        told = page.evaluate(call, given)
        assert ("TableNames" in told) is served, told
        # As a client of Cognito that has no credentials does.
        sign_up = "AWSCognitoIdentityProviderService.InitiateAuth"
        told = page.evaluate(call, [given[0], sign_up, {}])
        assert ("refused" not in told) is served, told


def test_the_console_is_opened_by_a_link_and_works(page: Page, stack: Stack) -> None:
    page.goto(HTTP)
    with page.expect_navigation():
        page.evaluate("url => follow(url)", f"{stack.ports.console_url}/#/executions")
    page.get_by_role("button", name="Start execution").wait_for()


def test_a_program_does_by_the_same_requests_what_pages_cannot(victims: Victims) -> None:
    """The targets are none that nothing comes of."""
    before = victims.state()
    for target in victims.targets("localhost"):
        url = httpx.URL(target["url"])
        # Not every resolver knows names below localhost.
        headers = {"User-Agent": "Boto3/1.40", "Host": url.netloc.decode()}
        form = {"data": target["fields"]} if target["fields"] else {"content": target["text"]}
        httpx.post(url.copy_with(host="localhost"), headers=headers, trust_env=False, **form)
    after = victims.state()
    stack, name = victims.stack, victims.name
    stacks = stack.aws("cloudformation")
    stacks.delete_stack(StackName=f"evil-{name}")
    stacks.get_waiter("stack_delete_complete").wait(
        StackName=f"evil-{name}", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    stack.aws("sqs").delete_queue(QueueUrl=f"{victims.queue.removesuffix(name)}evil-{name}")
    httpx.delete(f"{stack.ports.engine_url}/_faults", trust_env=False)
    httpx.delete(f"{stack.ports.gateway_url}/_gateway/faults", trust_env=False)
    stack.aws("s3").put_object(Bucket=name, Key="kept", Body=b"mine")
    changed = {key for key in before if before[key] != after[key]}
    assert changed >= {"stacks", "queues", "messages", "invocations", "objects"}
