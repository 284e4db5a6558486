"""Has LocalStack keep what its services hold, in the folder that ``STATE_FOLDER`` names.

Without that, what they hold is gone when it stops.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sys
import time
from pathlib import Path
from typing import IO, Any

import requests
from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Request, Response
from localstack.runtime import hooks
from localstack.runtime.shutdown import SERVICE_SHUTDOWN_PRIORITY
from localstack.services.edge import ROUTER
from localstack.services.plugins import SERVICE_PLUGINS, Service

from local_aws.background import start_thread
from local_cloud.engine.service import answer_error
from local_cloud.engine.state.journal import AnotherFormat
from local_cloud.engine.state.keeper import Keeper, NotWritten
from local_cloud.engine.state.services import inert, prepare, resume
from local_cloud.state_files import JOURNAL

LOG = logging.getLogger(__name__)

GO_ON, SAVE = "/_state/go-on", "/_state/save"
#: Operations that change nothing.
READS = ("Get", "List", "Describe", "Head", "Query", "Scan", "BatchGet", "Filter", "Search")
#: Operations that change nothing but what is kept entry by entry.
WRITES_PARTS = {
    *(("dynamodb", name) for name in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")),
    ("dynamodb", "TransactWriteItems"),
    *(("s3", name) for name in ("PutObject", "DeleteObject", "DeleteObjects")),
    ("logs", "PutLogEvents"),
}
#: What is served at addresses of its own once its service has started, by what these have in them.
AT_ADDRESSES = {
    ".execute-api.": "apigateway",
    "/_aws/execute-api/": "apigateway",
    "/_user_request_": "apigateway",
    ".lambda-url.": "lambda",
    "/.well-known/": "cognito-idp",
    "/_aws/cognito-idp/": "cognito-idp",
    "/_aws/sqs/": "sqs",
    ".s3-website.": "s3",
}
#: How long an engine may take to end that was told to.
LOCK_SECONDS = 15.0
ANSWER_SECONDS, POLL_SECONDS = 2.0, 0.5
_keepers: list[Keeper] = []
_held: list[IO[str]] = []


@hooks.on_infra_start()
def keep_state() -> None:
    """Read the journal; give services what they held when they start, and write what changes."""
    folder = os.environ.get("STATE_FOLDER", "")
    if not folder:
        return
    lock(Path(folder))
    try:
        keeper = Keeper(Path(folder) / JOURNAL)
    except (AnotherFormat, OSError) as error:
        raise _refusal(str(error)) from error
    _keepers.append(keeper)
    start = Service.start

    def start_as_it_was(self: Service, asynchronous: bool) -> Any:
        hook = self.lifecycle_hook
        started = start(self, asynchronous)
        prepare(self)
        if keeper.holds(self.name()):
            hook.on_before_state_load()
            keeper.give_back(self)
            if keeper.is_inert(self.name()):
                with inert(self):
                    hook.on_after_state_load()
                    resume(self)
                keeper.end_inert(self)
            else:
                hook.on_after_state_load()
                resume(self)
        keeper.keep(self)
        return started

    Service.start = start_as_it_was
    coming = {name for name in AT_ADDRESSES.values() if keeper.holds(name)}

    def wait_for_what_is_held(
        chain: HandlerChain, context: RequestContext, response: Response
    ) -> None:
        """Have an address lead where it led before: until then it would be a bucket's."""
        if not coming:
            return
        asked = f"{context.request.host}{context.request.path}"
        for mark, name in AT_ADDRESSES.items():
            if name in coming and mark in asked:
                SERVICE_PLUGINS.require(name)
                coming.discard(name)

    handlers.preprocess_request.append(wait_for_what_is_held)
    ROUTER.add(GO_ON, _go_on, methods=["POST"])
    ROUTER.add(SAVE, _save, methods=["POST"])

    def begin(chain: HandlerChain, context: RequestContext, response: Response) -> None:
        if context.service is None:
            return
        if not _reads(context):
            try:
                keeper.check_writable()
            except NotWritten as error:
                raise _unavailable(error) from error
        context.state_request = keeper.requests[context.service.service_name].begin()

    def end(chain: HandlerChain, context: RequestContext, response: Response) -> None:
        number = getattr(context, "state_request", None)
        if number is None:
            return
        context.state_request = None
        name = context.service.service_name
        keeper.requests[name].end(number)
        if _reads(context):
            return
        operation = context.operation.name if context.operation is not None else ""
        try:
            keeper.commit(name, parts_only=(name, operation) in WRITES_PARTS)
        except NotWritten as error:
            answer_error(context, response, _unavailable(error))

    handlers.serve_custom_service_request_handlers.append(begin)
    handlers.run_custom_response_handlers.append(end)  # before anybody is told
    handlers.run_custom_finalizers.append(end)  # after an error


def _reads(context: RequestContext) -> bool:
    return context.operation is not None and context.operation.name.startswith(READS)


def _unavailable(error: NotWritten) -> CommonServiceException:
    """Return the error that SDKs try again after; what was asked for may have been done."""
    return CommonServiceException("ServiceUnavailable", str(error), 503)


def _refusal(why: str) -> SystemExit:
    """Return what ends the engine with these as its last words, after all that it printed."""
    sys.stdout.flush()
    return SystemExit(why)


def lock(folder: Path) -> None:
    """Hold a folder for as long as this process lives; wait for one that is about to end.

    Raises:
        SystemExit: another engine holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "lock").open("a")
    _held.append(file)  # closed, it would be let go
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise _refusal(
                    f"{folder} is held by another engine: stop that cloud, "
                    "or give this one another home (LOCAL_CLOUD_HOME)"
                ) from None
            time.sleep(0.05)  # a lock that is let go tells nobody who waits for a while only


@hooks.on_infra_ready()
def start_services() -> None:
    """Start the services that hold something: they may have to go on by themselves."""
    for keeper in _keepers:
        for name in keeper.start():
            if SERVICE_PLUGINS.exists(name):
                SERVICE_PLUGINS.require(name)
            else:
                keeper.leave_inert(name)
    if _keepers and os.environ.get("GO_ON_WITH_FUNCTIONS") == "1":
        start_thread(_go_on_with_functions, "go-on", vital=True)


def _go_on_with_functions() -> None:
    """Have what ran go on once functions can be called: where nobody asks for it."""
    url = os.environ["LAMBDA_ENDPOINT"]
    while True:
        with contextlib.suppress(requests.RequestException):
            if requests.get(url, timeout=ANSWER_SECONDS).status_code < 500:
                break
        time.sleep(POLL_SECONDS)  # a server that starts tells nobody
    _take_up()


def _go_on(request: Request) -> Response:
    """Have what ran when the engine ended go on, now that functions can be called."""
    return Response.for_json({"executions": _take_up()})


def _take_up() -> int:
    from local_cloud.engine.state.services import stepfunctions

    with contextlib.suppress(ValueError):  # there is no such service
        SERVICE_PLUGINS.require("stepfunctions")
    return stepfunctions.go_on()


def _save(request: Request) -> Response:
    """Write what all services hold now."""
    try:
        for keeper in _keepers:
            keeper.save_all()
    except OSError as error:
        return Response(f"{error}", status=500)
    return Response.for_json({})


@hooks.on_infra_shutdown(priority=SERVICE_SHUTDOWN_PRIORITY + 1)
def save_state() -> None:
    """Write what is not written yet, before the services put away what they hold."""
    for keeper in _keepers:
        keeper.close()
