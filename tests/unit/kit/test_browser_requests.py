"""What a browser may send to the ports, by what it tells of who makes it do so."""

from __future__ import annotations

from typing import get_args

import pytest

from local_aws.web_pages import (
    Purpose,
    Sender,
    Sent,
    needs_preflight,
    refusal,
    sender_of,
)

CHROMIUM = {
    "host": "localhost:4566",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36",
    "accept-language": "en",
}
SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sts/aws4_request"}
BOTO = {"host": "localhost:4566", "user-agent": "Boto3/1.40 md/Botocore#1.40"}
EVIL = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
CREATE = "Action=CreateStack&StackName=evil&TemplateBody=%7B%7D"
#: In what ways a page of another site has a browser send a request without asking first, as
#: headers: at a name for which it tells the site, at others, with a referrer and without.
SITES: list[dict[str, str]] = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {},
    {"referer": "http://evil.example/"},
    {"upgrade-insecure-requests": "1"},
]
ORIGINS: list[dict[str, str]] = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    EVIL,
    {"origin": "null", "sec-fetch-site": "cross-site"},
]
TYPES = (
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"),
    *("text/plain; application/json", "application/csp-report", "text/ping", ""),
)


@pytest.mark.parametrize("site", SITES + ORIGINS)
@pytest.mark.parametrize("purpose", [Purpose.QUERY_CALL, Purpose.CALL, Purpose.CODE])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_no_page_calls_an_api_or_a_function(
    site: dict[str, str], purpose: Purpose, method: str
) -> None:
    for kind in TYPES if method == "POST" else ("",):
        headers = CHROMIUM | site | ({"content-type": kind} if kind else {})
        assert not needs_preflight(method, headers)
        assert refusal(Sent(method, headers, CREATE), purpose) is not None


@pytest.mark.parametrize("site", SITES + ORIGINS)
def test_a_page_writes_nothing_anywhere(site: dict[str, str]) -> None:
    for purpose in Purpose:
        for kind in TYPES:
            headers = CHROMIUM | site | {"content-type": kind}
            assert refusal(Sent("POST", headers), purpose) is not None, purpose


@pytest.mark.parametrize(
    "query",
    [
        CREATE,
        f"{CREATE}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F1&X-Amz-Signature=0",
        "Action=ConfirmSubscription&Token=abc",
    ],
)
def test_a_signature_in_a_query_is_no_leave_for_a_browser(query: str) -> None:
    for site in (*SITES, {"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin"}):
        assert refusal(Sent("GET", CHROMIUM | site, query), Purpose.QUERY_CALL) is not None


@pytest.mark.parametrize(
    ("sent", "served"),
    [
        (Sent("GET", {"host": "x", "user-agent": "curl/8"}, CREATE), False),
        (Sent("POST", {"host": "x", "user-agent": "curl/8", **FORM}), False),
        (Sent("POST", {"host": "x"}), False),
        (Sent("POST", {"host": "x", **FORM, **SIGNED}), True),
        (Sent("GET", {"host": "x", **SIGNED}, CREATE), True),
        (Sent("GET", {"host": "x"}, f"{CREATE}&X-Amz-Credential=t&X-Amz-Signature=0"), True),
        (Sent("POST", {**BOTO, **FORM}), True),
        (Sent("POST", {"host": "x", **FORM, "amz-sdk-invocation-id": "1"}), True),
        (Sent("POST", {"host": "x", **FORM, "X-Amz-User-Agent": "aws-sdk-js/3"}), True),
        (Sent("GET", {"host": "x"}, "Action=ConfirmSubscription&TopicArn=a&Token=abc"), True),
        (Sent("GET", {"host": "x"}, "Action=Unsubscribe&SubscriptionArn=abc"), True),
        (Sent("GET", {"host": "x"}, "Action=ConfirmSubscription&Token="), False),
        (Sent("GET", {"host": "x"}, "Action=Unsubscribe&SubscriptionArn=a&Action=X"), False),
        (Sent("POST", {"host": "x"}, "Action=Unsubscribe&SubscriptionArn=a"), False),
        # A service that was recorded with Basic credentials in its address.
        (Sent("GET", {"host": "x", "authorization": "Basic dGVzdA=="}, CREATE), False),
    ],
)
def test_a_call_in_a_query_or_a_form_is_served_when_it_shows_a_program(
    sent: Sent, served: bool
) -> None:
    assert (refusal(sent, Purpose.QUERY_CALL) is None) is served


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PUT", {}),
        ("DELETE", {}),
        ("POST", SIGNED),
        ("POST", {"authorization": "AWS test:signature"}),
        ("POST", {"content-type": "application/json"}),
        ("POST", {"content-type": "application/x-amz-json-1.1; charset=utf-8"}),
        ("POST", {"content-type": "application/cbor"}),
        ("POST", {"X-Amz-Target": "DynamoDB_20120810.ListTables"}),
        ("POST", {"Smithy-Protocol": "rpc-v2-cbor"}),
    ],
)
def test_what_a_page_cannot_send_without_leave_is_served_to_programs_that_look_like_browsers(
    method: str, headers: dict[str, str]
) -> None:
    assert needs_preflight(method, headers)
    assert refusal(Sent(method, CHROMIUM | headers), Purpose.CALL) is None
    for page in (*ORIGINS, {"origin": "http://localhost:4566", "sec-fetch-site": "same-origin"}):
        assert refusal(Sent(method, CHROMIUM | headers | page), Purpose.CALL) is not None


def test_pages_that_are_allowed_by_name_call_apis() -> None:
    sent = Sent("POST", CHROMIUM | SIGNED | {"origin": "http://localhost:3000"})
    assert refusal(sent, Purpose.CALL) is not None
    assert refusal(sent, Purpose.CALL, lambda origin: origin == "http://localhost:3000") is None


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ({"user-agent": "curl/8.14"}, Sender.PROGRAM),
        ({}, Sender.PROGRAM),
        # Node.js's fetch, which follows the standard by half.
        (
            {"user-agent": "node", "accept-language": "*", "sec-fetch-mode": "cors"},
            Sender.PROGRAM,
        ),
        (CHROMIUM, Sender.BROWSER),
        ({"user-agent": "aws-cli/2", "accept-language": ""}, Sender.BROWSER),
        ({"user-agent": "curl/8", "referer": "http://evil.example/"}, Sender.BROWSER),
        (CHROMIUM | {"sec-fetch-site": "none"}, Sender.PERSON),
        (CHROMIUM | {"sec-fetch-site": "same-origin"}, Sender.OWN_PAGE),
        (CHROMIUM | {"origin": "http://localhost:4566"}, Sender.OWN_PAGE),
        (
            CHROMIUM | {"origin": "http://localhost:4566", "sec-fetch-site": "cross-site"},
            Sender.OTHER_PAGE,
        ),
        (CHROMIUM | {"origin": "http://localhost:3000"}, Sender.OTHER_PAGE),
        (CHROMIUM | {"sec-fetch-site": "something-new"}, Sender.OTHER_PAGE),
    ],
)
def test_a_request_shows_who_has_sent_it(headers: dict[str, str], sender: Sender) -> None:
    assert sender_of(headers)[0] is sender


@pytest.mark.parametrize(
    ("purpose", "method", "headers", "served"),
    [
        (Purpose.OWN, "GET", {"sec-fetch-site": "none"}, True),
        (Purpose.OWN, "GET", {"sec-fetch-site": "cross-site"}, False),
        (Purpose.OWN, "POST", {"sec-fetch-site": "none"}, False),
        (Purpose.OWN, "POST", {"sec-fetch-site": "same-origin"}, True),
        (Purpose.CODE, "GET", {"sec-fetch-site": "none"}, True),
        (Purpose.CODE, "GET", {}, False),
        (Purpose.OBJECTS, "GET", {"sec-fetch-site": "cross-site"}, True),
        (Purpose.OBJECTS, "GET", {"origin": "http://evil.example"}, False),
        (Purpose.WEBSITE, "GET", {}, True),
        (Purpose.WEBSITE, "GET", {"origin": "http://evil.example"}, True),
        (Purpose.PROGRAMS, "GET", {"sec-fetch-site": "none"}, False),
        (Purpose.PROGRAMS, "GET", SIGNED, False),
    ],
)
def test_a_browser_gets_what_people_open(
    purpose: Purpose, method: str, headers: dict[str, str], served: bool
) -> None:
    assert (refusal(Sent(method, CHROMIUM | headers), purpose) is None) is served


@pytest.mark.parametrize(
    ("destination", "site", "served"),
    [
        ("image", "cross-site", True),
        ("document", "cross-site", True),
        ("iframe", "cross-site", True),
        ("script", "cross-site", False),
        ("style", "cross-site", False),
        ("json", "cross-site", False),
        ("xslt", "cross-site", False),
        ("script", "same-site", True),
        ("script", "same-origin", True),
    ],
)
def test_a_page_of_another_site_shows_an_object_and_includes_none(
    destination: str, site: str, served: bool
) -> None:
    headers = CHROMIUM | {"sec-fetch-site": site, "sec-fetch-dest": destination}
    assert (refusal(Sent("GET", headers), Purpose.OBJECTS) is None) is served


def test_a_page_that_is_allowed_by_name_includes_objects() -> None:
    included = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "script"}
    headers = CHROMIUM | included | {"referer": "http://app.example/"}
    allowed = refusal(Sent("GET", headers), Purpose.OBJECTS, "http://app.example".__eq__)
    assert allowed is None


def test_the_protocols_whose_calls_are_forms_are_two() -> None:
    from localstack.aws.spec import ProtocolName

    others = {"json", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"}
    assert set(get_args(ProtocolName)) == {"query", "ec2"} | others
