"""What the engine answers of models beside AWS's APIs."""

from __future__ import annotations

from localstack.http import Request, Response
from localstack.runtime import hooks
from localstack.services.edge import ROUTER


@hooks.on_infra_start()
def tell_models() -> None:
    """Answer ``/_models`` and what is below; its code is loaded by who asks."""
    ROUTER.add("/_models", _override, methods=["GET", "POST", "DELETE"])
    for path in ("/_models/calls", "/_models/calls/<name>"):
        ROUTER.add(path, _tell_calls, methods=["GET"])


def _override(request: Request) -> Response:
    from local_cloud.engine.model import overrides

    return overrides.OVERRIDES.on_request(request)


def _tell_calls(request: Request, name: str | None = None) -> Response:
    from local_cloud.engine.model import calls

    return calls.CALLS.on_request(request, name)
