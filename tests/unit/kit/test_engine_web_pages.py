"""What a request to the engine is for, and which documents run nothing."""

from __future__ import annotations

import pytest

from local_aws.web_pages import Purpose, Sent
from local_cloud.engine.web_pages import _is_inert, purpose_of

SITE = "site.s3-website.localhost:4566"


@pytest.mark.parametrize(
    ("host", "path", "query", "purpose"),
    [
        ("localhost:4566", "/", "", Purpose.OBJECTS),
        ("localhost:4566", "/bucket/key", "", Purpose.OBJECTS),
        ("localhost:4566", "/", "Action=CreateStack", Purpose.QUERY_CALL),
        ("localhost:4566", "/bucket/key", "x=1&%41ction=CreateStack", Purpose.QUERY_CALL),
        ("localhost:4566", "/000000000000/queue", "", Purpose.QUERY_CALL),
        ("localhost:4566", "/queue/us-east-1/000000000000/queue", "", Purpose.QUERY_CALL),
        ("localhost:4566", "/_faults", "", Purpose.OWN),
        ("localhost:4566", "//_localstack/health", "", Purpose.OWN),
        ("localhost:4566", "/_aws/execute-api/abc/dev/run", "Action=x", Purpose.CODE),
        ("localhost:4566", "/restapis/abc/dev/_user_request_/run", "", Purpose.CODE),
        ("a.lambda-url.us-east-1.localhost:4566", "/", "Action=x", Purpose.CODE),
        ("a.execute-api.localhost:4566", "/000000000000/queue", "", Purpose.QUERY_CALL),
        (SITE, "/", "", Purpose.WEBSITE),
        (SITE, "/_next/static/app.js", "", Purpose.WEBSITE),
        (SITE, "/_localstack/health", "", Purpose.PROGRAMS),
        (SITE, "/restapis/abc/dev/_user_request_/run", "", Purpose.PROGRAMS),
        (SITE, "/000000000000/queue", "", Purpose.PROGRAMS),
        (SITE, "/", "Action=CreateStack", Purpose.PROGRAMS),
    ],
)
def test_a_browsers_request_is_for_what_its_address_says(
    host: str, path: str, query: str, purpose: Purpose
) -> None:
    assert purpose_of(Sent("GET", {"host": host}, query), path, browser=True) is purpose


@pytest.mark.parametrize(
    ("kind", "inert"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("application/pdf", True),
        ("application/json, text/html", False),
        ("application/json; charset=utf-8, text/html", False),
        ("text/html", False),
        ("image/svg+xml", False),
        ("application/xml", False),
        ("", False),
    ],
)
def test_only_documents_that_run_nothing_need_no_sandbox(kind: str, inert: bool) -> None:
    assert _is_inert(kind) is inert
