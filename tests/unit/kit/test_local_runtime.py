"""The addresses that a worker sends to the gateway of this machine."""

from __future__ import annotations

import pytest

from local_cloud.lambda_endpoint.python.local_runtime import local


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (
            "https://abc.execute-api.eu-west-1.amazonaws.com/dev/@connections/x%3D?a=b",
            "http://localhost:8080/abc/dev/@connections/x%3D?a=b",
        ),
        ("https://127.0.0.1:8080/dev/@connections/x", "http://localhost:8080/dev/@connections/x"),
        ("https://localhost:8080/dev", "http://localhost:8080/dev"),
        ("https://localhost:9000/dev", "https://localhost:9000/dev"),
        ("https://s3.amazonaws.com/bucket", "https://s3.amazonaws.com/bucket"),
        ("http://localhost:4566/", "http://localhost:4566/"),
        (
            "https://abc.execute-api.eu-west-1.amazonaws.com.evil.example/dev",
            "https://abc.execute-api.eu-west-1.amazonaws.com.evil.example/dev",
        ),
    ],
)
def test_only_what_means_the_gateway_goes_there(asked: str, sent: str) -> None:
    assert local(asked, "ws://localhost:8080") == sent
