"""Whom a local port answers: the rule, and HTTP servers that keep it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from local_aws.hosts import AllowedHosts
from local_aws.http1 import HttpServerProtocol
from local_aws.http_message import Request, Response
from local_aws.web_pages import Sent


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("localhost:8080", True),
        ("LOCALHOST", True),
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("abcdef1234.localhost:8080", True),
        ("host.docker.internal:3001", True),
        ("abc.execute-api.us-east-1.amazonaws.com", True),
        ("localhost.localstack.cloud:4566", True),
        ("amazonaws.com.evil.example", False),
        ("sync-localhost:8083", True),
        ("sync-127.0.0.1:8083", True),
        ("sync-evil.example", False),
        ("box.lan:8080", True),
        ("a.zone.test", True),
        ("chat.example.com", True),
        ("evil.example:8080", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil-localhost", False),
        ("zone.test.evil", False),
        ("0.0.0.0:8080", False),
        ("192.168.1.5", False),
        ("", False),
    ],
)
def test_a_port_serves_its_own_names(host: str, admitted: bool) -> None:
    hosts = AllowedHosts(["box.lan", ".zone.test"], lambda name: name == "chat.example.com")
    assert hosts.admits(host) is admitted


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"host": "localhost:8080"}, None),
        ({"host": "localhost:8080", "origin": "http://localhost:8080"}, None),
        ({"host": "localhost:8080", "sec-fetch-site": "none"}, None),
        ({"host": "localhost:8080", "sec-fetch-site": "same-origin"}, None),
        ({"host": "localhost:8080", "origin": "http://localhost:3000"}, "http://localhost:3000"),
        ({"host": "localhost:8080", "origin": "http://evil.example"}, "http://evil.example"),
        ({"host": "localhost:8080", "origin": "null"}, "null"),
        ({"host": "localhost:8080", "sec-fetch-site": "cross-site"}, "other sites"),
        ({"host": "localhost:8080", "sec-fetch-site": "same-site"}, "other sites"),
        ({"host": "evil.example", "origin": "http://evil.example"}, "--allowed-hosts"),
    ],
)
def test_a_page_of_another_site_is_refused_and_told_why(
    headers: dict[str, str], words: str | None
) -> None:
    refusal = AllowedHosts().refusal(Sent("GET", headers))
    assert refusal is None if words is None else words in str(refusal)


@pytest.mark.parametrize(
    "host", ["host.docker.internal:3001", "x.amazonaws.com", "localhost.localstack.cloud:4566"]
)
@pytest.mark.parametrize(
    ("headers", "served"),
    [
        ({}, True),
        ({"user-agent": "Boto3/1"}, True),
        ({"user-agent": "Mozilla/5.0"}, False),
        # A page whose name was rebound is of the same origin, and can send any header and method.
        ({"user-agent": "Mozilla/5.0", "authorization": "AWS4-HMAC-SHA256 x"}, False),
        ({"user-agent": "aws-cli/2", "accept-language": "*"}, False),
        ({"user-agent": "Mozilla/5.0", "sec-fetch-site": "none"}, True),
        ({"user-agent": "Mozilla/5.0", "sec-fetch-site": "cross-site"}, False),
    ],
)
def test_names_that_a_network_resolves_are_for_programs(
    host: str, headers: dict[str, str], served: bool
) -> None:
    for method in ("GET", "PUT"):
        sent = Sent(method, {"host": host, **headers})
        assert (AllowedHosts().host_refusal(sent) is None) is served
    origin = Sent("POST", {"host": host, "origin": f"http://{host}"})
    assert AllowedHosts().host_refusal(origin) is not None


@pytest.mark.parametrize(
    ("origin", "opened"),
    [
        (None, True),
        ("http://localhost:8080", True),
        ("http://localhost:3000", True),
        ("http://127.0.0.1:3000", True),
        ("http://[::1]:3000", True),
        ("http://app.localhost:3000", True),
        ("http://box.lan", True),
        ("https://named.example", True),
        ("http://site.s3-website.localhost:4566", False),
        ("http://site.s3-website.localhost.:4566", False),
        ("http://site.s3-website.my.zone:4566", False),
        ("http://app.my.zone", True),
        ("http://app.localhost.:3000", True),
        ("http://a.lambda-url.us-east-1.localhost:4566", False),
        ("http://evil.example", False),
        ("https://localhost.evil.example", False),
        ("http://host.docker.internal", False),
        ("null", False),
        ("file://", False),
        ("http://[", False),
    ],
)
def test_websockets_are_opened_for_programs_and_for_pages_of_this_machine(
    origin: str | None, opened: bool
) -> None:
    hosts = AllowedHosts(["box.lan", ".my.zone"], origins=["https://named.example"])
    headers = {"host": "localhost:8080", "user-agent": "Mozilla/5.0", "accept-language": "en"}
    if origin is None:
        headers = {"host": "localhost:8080"}
    else:
        headers["origin"] = origin
    assert (hosts.websocket_refusal(Sent("GET", headers)) is None) is opened
    assert hosts.websocket_refusal(Sent("GET", headers | {"host": "evil.example"})) is not None


def test_names_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from local_aws.hosts import hosts_in_environment

    monkeypatch.setenv("ALLOWED_HOSTS", "box.lan, ,.zone.test")
    assert [AllowedHosts(hosts_in_environment()).admits(n) for n in ("box.lan", "a.zone.test")] == [
        True,
        True,
    ]


def test_a_server_asks_its_handler_for_its_own_hosts_only() -> None:
    asked: list[str] = []

    async def handler(request: Request) -> Response:
        asked.append(request.headers["host"])
        return Response(200)

    async def run() -> list[int]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: HttpServerProtocol(handler, 1000, AllowedHosts()), "127.0.0.1", 0
        )
        port = server.sockets[0].getsockname()[1]
        statuses = []
        for head in (
            "Host: localhost",
            "Host: evil.example",
            "Host: localhost\r\nOrigin: http://evil.example",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.closing(writer):
                writer.write(f"POST / HTTP/1.1\r\n{head}\r\nContent-Length: 0\r\n\r\n".encode())
                statuses.append(int((await reader.readline()).split()[1]))
        server.close()
        return statuses

    assert asyncio.run(run()) == [200, 403, 403]
    assert asked == ["localhost"]
