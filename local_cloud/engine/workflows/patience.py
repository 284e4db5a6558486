"""A task's time-out waits while a debugger is attached to a function.

Which functions are debugged the Lambda endpoint knows; it is asked when a time-out is due.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-nodes.html (``TimeoutSeconds``)
"""

from __future__ import annotations

import os

import requests

CHECK_SECONDS = 0.5


def a_debugger_is_attached() -> bool:
    """Return whether somebody debugs one of this cloud's functions at the moment."""
    endpoint = os.environ.get("LAMBDA_ENDPOINT", "http://127.0.0.1:3001")
    try:
        answer = requests.get(f"{endpoint}/_debug", timeout=2, proxies={"http": ""})
        return answer.status_code == 200 and any(one["attached"] for one in answer.json().values())
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError):
        return False  # SAM's endpoint has no such page
