"""HTTP tasks of workflows: what of a request an execution's data may be."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.engine.workflows.http_task import HttpFailed, invoke


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"Method": "GET /other HTTP/1.1\r\nX: 1\r\n\r\nGET"}, "Method"),
        ({"Method": "TRACE"}, "Method"),
        ({"Headers": {"X-A": "1\r\nX-B: 2"}}, "line break"),
        ({"Headers": {"X-A\nX-B": "1"}}, "no name of a header"),
        ({"Headers": {"Content-Length": "0"}}, "cannot be set"),
    ],
)
def test_a_request_that_would_be_two_is_not_sent(more: dict[str, Any], words: str) -> None:
    # The port of discard: what is sent there would fail otherwise.
    parameters = {"ApiEndpoint": "http://127.0.0.1:9/", "Method": "GET", **more}
    with pytest.raises(HttpFailed, match=words) as failed:
        invoke(parameters)
    assert failed.value.error == "States.Runtime"
