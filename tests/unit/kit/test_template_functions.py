"""The template's functions, as the engine knows them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local_cloud.engine.functions import template_functions
from local_cloud.engine.functions.template_functions import TemplateFunctions
from local_cloud.installation import TEMPLATE
from local_cloud.lambda_endpoint.functions import read_functions


def test_whoever_asks_while_the_template_is_read_waits_for_its_functions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def slowly(template: Any) -> Any:
        reading.set()
        assert go_on.wait(30)
        return read_functions(template)

    monkeypatch.setattr(template_functions, "read_functions", slowly)
    functions = TemplateFunctions("http://127.0.0.1:1", TEMPLATE)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(functions.functions)
        assert reading.wait(30)
        second = pool.submit(functions.functions)
        with pytest.raises(TimeoutError):
            second.result(0.2)
        go_on.set()
        assert "websocket-handler" in second.result(30)
        assert first.result(30) == second.result(30)
