"""One worker process and the Lambda Runtime API that it alone speaks to.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from local_aws.background import start_task
from local_aws.credentials import key_of
from local_aws.http_message import Request, Response
from local_aws.listener import listen
from local_cloud.lambda_endpoint.confinement import Confinement
from local_cloud.lambda_endpoint.debugger import CHECK_SECONDS, Debugger
from local_cloud.lambda_endpoint.function_log import FunctionLogs, stream_name
from local_cloud.lambda_endpoint.functions import Function
from local_cloud.lambda_endpoint.launch import command_of, speaks_by_wire, variables_of
from local_cloud.lambda_endpoint.resident_memory import ResidentMemory
from local_cloud.lambda_endpoint.runtime_api import MAX_PAYLOAD_BYTES, RuntimeApiProtocol
from local_cloud.lambda_endpoint.wire import ERROR, NEXT, WireEnd
from local_cloud.lambda_endpoint.worker_output import WorkerOutput
from local_cloud.lambda_endpoint.zygote import ForkedProcess, ZygoteGone, Zygotes

API = "/2018-06-01/runtime"
#: Where functions' SDKs send the segments that they make themselves.
DAEMON = "AWS_XRAY_DAEMON_ADDRESS"
INIT_TIMEOUT_SECONDS = 30.0
_RESPONSE_LIMIT = MAX_PAYLOAD_BYTES + 100  # what Lambda's own message says


@dataclass(slots=True)
class Invocation:
    """A payload on its way through a function, and the answer when there is one."""

    request_id: str
    payload: bytes
    client_context: str | None = None
    #: As it was named by the caller, with its alias; the function's own if nobody says.
    invoked_arn: str | None = None
    #: The trace that the caller names, and what the function is told of it.
    cause: str | None = None
    trace_id: str | None = None
    started: float = 0.0
    #: Of the worker that ran it, and how long that took to start if it did for this one.
    log_stream: str = ""
    init_ms: float | None = None
    log_tail: list[str] = field(default_factory=list)
    #: Whether somebody reads that as soon as there is an answer.
    wants_tail: bool = False
    #: Takes what a streaming function writes, as it writes it; else that is one answer at the end.
    sink: Callable[[bytes], None] | None = None

    def seconds(self) -> float:
        """Return how long it has run: no time while it waits for a worker."""
        return time.perf_counter() - self.started if self.started else 0.0


class Outcome(NamedTuple):
    """A function's answer. ``function_error`` is ``"Unhandled"`` when it failed."""

    payload: bytes
    function_error: str | None = None


def error_outcome(error_type: str, message: str) -> Outcome:
    """Return a failed outcome whose payload is Lambda's error report."""
    report = {"errorType": error_type, "errorMessage": message}
    return Outcome(json.dumps(report).encode(), "Unhandled")


class ExecutionEnvironment:
    """A worker process that answers one invocation at a time.

    Args:
        function: what it runs.
        packages: folders for ``PYTHONPATH``, first to last.
        logs: where its output goes.
        debugger: what clients attach by; no time runs out while one is.
        zygotes: what may fork it.
        confinement: the rules that it runs under, where there are some.
    """

    def __init__(
        self,
        function: Function,
        packages: Sequence[Path],
        logs: FunctionLogs,
        debugger: Debugger | None = None,
        zygotes: Zygotes | None = None,
        confinement: Confinement | None = None,
    ) -> None:
        self.zygotes = zygotes
        self.confinement = confinement
        self.function = function
        self.packages = packages
        self.id = secrets.token_hex(16)
        self.stream_name = stream_name(self.id)
        self.logs = logs
        self.debugger = debugger
        self.idle_since = 0.0
        self.process: asyncio.subprocess.Process | ForkedProcess | None = None
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: What a worker that speaks HTTP waits for.
        self._next: asyncio.Future[Invocation] | None = None
        self._wire: WireEnd | None = None
        self._unreported: tuple[Invocation, float] | None = None
        #: Whether the last answer said that output waits, as one over HTTP may always mean.
        self._printed = True
        self._undelivered: Invocation | None = None
        self._current: Invocation | None = None
        self._done: Callable[[Outcome], None] | None = None
        self._init_error: Outcome | None = None
        self._init_ms: float | None = None
        #: How long the worker took to be ready, in seconds.
        self.init_seconds = 0.0
        self._memory: ResidentMemory | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        #: What does not change from one invocation to the next.
        self._arn = function.arn
        self._milliseconds = str(int(function.timeout * 1000))
        #: Of invocations that nobody traces, in one second.
        self._second, self._untraced = 0, ""
        self._started_line = f" Version: {function.version}"
        self._log = partial(logs.write, function.name, function.log_group, self.stream_name)
        self._stopping = False

    async def start(self) -> None:
        """Start the worker. It is ``ready`` when it first asks for an invocation."""
        self._server = listen(
            lambda: RuntimeApiProtocol(self._answer, self._take_chunk), "127.0.0.1", 0
        )
        port = self._server.sockets[0].getsockname()[1]
        if speaks_by_wire(self.function):
            self._wire = WireEnd(self._hear, self._wire_lost)
        self._output = WorkerOutput(self._say, self._hear_next)
        self._started = time.perf_counter()
        try:
            self.process = await self._launch(self._environment(port), self._output.write_end)
        except BaseException:
            self._output.close()
            if self._wire is not None:
                self._wire.close()
            raise
        finally:
            self._output.launched()
        if self._wire is not None:
            self._wire.launched()
        self._memory = ResidentMemory(self.process.pid)
        self._watcher = start_task(self._watch(self.process), "a worker's end")

    async def _launch(
        self, environment: dict[str, str], output: int
    ) -> asyncio.subprocess.Process | ForkedProcess:
        wire = self._wire.theirs if self._wire is not None else None
        ruleset = self.confinement.ruleset() if self.confinement is not None else None
        if wire is not None and self.zygotes is not None and self.debugger is None:
            zygote = self.zygotes.of(self.function, self.packages)
            with contextlib.suppress(ZygoteGone):  # then as if there had been none
                if zygote is not None:
                    return await zygote.fork(environment, self.function, output, wire, ruleset)
        if wire is not None:
            environment["LOCAL_CLOUD_WIRE"] = str(wire)
        command = command_of(self.function, self.debugger)
        kept = () if wire is None else (wire,)
        if self.confinement is not None:
            return await self.confinement.start(
                command, self.function.code, environment, output, kept
            )
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=self.function.code,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=kept,
        )

    def _environment(self, port: int) -> dict[str, str]:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        function = self.function
        return {
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            **variables_of(function, self.packages, self.debugger),
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_ACCESS_KEY_ID": key_of(function.name),
            "AWS_SECRET_ACCESS_KEY": "test",
            **({"LOCAL_CLOUD_SHOWN_ROOT": "/var/task"} if function.packaged else {}),
            # Where the gateway of this machine is.
            **({"WEBSOCKET_URL": url} if (url := os.environ.get("WEBSOCKET_URL")) else {}),
            **({DAEMON: address} if (address := os.environ.get(DAEMON)) else {}),
            **function.environment,
            "_HANDLER": function.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.stream_name,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "LAMBDA_TASK_ROOT": str(function.code),
        }

    @property
    def alive(self) -> bool:
        return not (self._stopping or self.exited.done() or self._init_error)

    def begin(
        self, invocation: Invocation, done: Callable[[Outcome], None], *, sent: bool = False
    ) -> None:
        """Run one invocation to its end: an answer, an error, a time-out or the worker's death.

        Args:
            done: is given how it ended, at once; the worker can take the next one then.
            sent: it was sent ahead, and the worker may be at it already.
        """
        last = self._take_last()  # what it prints from now on is the next invocation's
        if sent:
            pass
        elif self._wire is not None:
            self._wire.send(self._headers_of(invocation), invocation.payload)
        elif self._next is not None and not self._next.done():
            self._next.set_result(invocation)
        else:  # the worker has answered, and has not asked for the next one yet
            self._undelivered = invocation
        if last is not None:
            self._report(*last)
        self._current, self._done = invocation, done
        invocation.started = time.perf_counter()
        invocation.log_stream, invocation.init_ms = self.stream_name, self._init_ms
        self._say(f"START RequestId: {invocation.request_id}{self._started_line}")
        self._output.begin(invocation.request_id)
        self._deadline = invocation.started + self.function.timeout
        if self._timer is None:
            self._watch_time(self.function.timeout)

    def send_ahead(self, invocation: Invocation) -> bool:
        """Send what is to run next while the worker is busy; return whether it was sent.

        So the worker does not wait for it. It has not begun before :meth:`begin`.
        """
        if self._wire is None or self.debugger is not None:
            return False
        return self._wire.send_ahead(self._headers_of(invocation), invocation.payload)

    def take_back(self) -> str | None:
        """Take back the first that was sent ahead and not read; return its id if there is one.

        Of a worker that has ended it may be the one, too, that it was to run.
        """
        if self._wire is None:
            return None
        running = self._current if self.alive else None
        return self._wire.take_back(running.request_id if running is not None else None)

    def _settle(self, outcome: Outcome) -> None:
        invocation, done, self._done = self._current, self._done, None
        if invocation is None or done is None:
            return
        self._unreported = (invocation, time.perf_counter())
        if invocation.wants_tail:
            self._report_last()
        done(outcome)
        if self._done is None:  # else the next invocation has begun
            loop = asyncio.get_running_loop()
            # Who called has the answer before its lines are read: in the turn after its own.
            loop.call_soon(loop.call_soon, self._rest)

    def _rest(self) -> None:
        if self._done is None:  # and none has begun meanwhile, whose lines would be told now
            self._report_last()
            self._output.idle()

    def _report_last(self) -> None:
        """Say how the last invocation ended, if that has not been said."""
        last = self._take_last()
        if last is not None:
            self._current = None
            self._report(*last)

    def _take_last(self) -> tuple[Invocation, float] | None:
        """Return the last invocation, if its end has not been said; read what it has printed."""
        last, self._unreported = self._unreported, None
        if last is not None and self._printed:
            self._output.read_to_end()
        return last

    async def wait_ready(self) -> Outcome | None:
        """Wait until the worker can take an invocation; return the error if it never will."""
        waits: set[asyncio.Future[Any]] = {self.ready, self.exited}
        done, _ = await asyncio.wait(
            waits,
            timeout=INIT_TIMEOUT_SECONDS if self.debugger is None else None,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if self.ready in done:
            return None
        if self._init_error is not None:
            return self._init_error
        if self.exited in done:
            return error_outcome("Runtime.ExitError", f"Error: {self._exit_words()}")
        self.stop()
        return error_outcome(
            "Sandbox.Timedout", f"Error: Init timed out after {INIT_TIMEOUT_SECONDS:.2f} seconds"
        )

    def stop(self) -> None:
        """Kill the worker; its exit is then noticed as any other."""
        self._stopping = True
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    async def close(self) -> None:
        """Kill the worker and wait until it is gone."""
        self.stop()
        await self._watcher

    # The Runtime API

    async def _answer(self, request: Request) -> Response:
        path = request.path
        if request.method == "GET" and path == f"{API}/invocation/next":
            return await self._next_invocation()
        if request.method == "POST" and path == f"{API}/init/error":
            self._init_error = Outcome(request.body, "Unhandled")
            return Response(202)
        if request.method == "POST" and path.startswith(f"{API}/invocation/"):
            request_id, _, kind = path[len(f"{API}/invocation/") :].partition("/")
            current = self._current
            if current is None or current.request_id != request_id:
                return Response(400, b'{"errorType":"InvalidRequestID"}')
            if kind == "response":
                self._settle(self._failed_in_mid_stream(request) or self._checked(request.body))
                return Response(202)
            if kind == "error":
                self._settle(Outcome(request.body, "Unhandled"))
                return Response(202)
        return Response(404)

    async def _next_invocation(self) -> Response:
        self._become_ready()
        invocation, self._undelivered = self._undelivered, None
        if invocation is None:
            self._next = asyncio.get_running_loop().create_future()
            try:
                invocation = await self._next
            except asyncio.CancelledError:  # its connection is gone, and so will the worker be
                self.stop()
                raise
        request_id, milliseconds, arn, trace, context = self._headers_of(invocation)
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + int(milliseconds)),
            "Lambda-Runtime-Invoked-Function-Arn": arn,
            "Lambda-Runtime-Trace-Id": trace,
        }
        if context:
            headers["Lambda-Runtime-Client-Context"] = context
        return Response(200, invocation.payload, headers)

    def _become_ready(self) -> None:
        if not self.ready.done():
            self.init_seconds = time.perf_counter() - self._started
            self._init_ms = self.init_seconds * 1000
            self.ready.set_result(None)

    def _headers_of(self, invocation: Invocation) -> tuple[str, str, str, str, str]:
        """Return an invocation's id, milliseconds, function, trace and client context."""
        if (second := int(time.time())) != self._second:
            self._second = second
            self._untraced = f"Root=1-{second:08x}-{self.id[:24]};Sampled=0"
        return (
            invocation.request_id,
            self._milliseconds,
            invocation.invoked_arn or self._arn,
            invocation.trace_id or self._untraced,
            invocation.client_context or "",
        )

    # The wire of a Python worker

    def _hear(self, kind: bytes, head: str, payload: bytes, printed: bool) -> None:
        if kind == NEXT:
            self._become_ready()
            return
        request_id, _, microseconds = head.partition("\n")
        if self._current is not None and self._current.request_id == request_id:
            self._printed = printed
            # It may have begun, and have been done, before that could be heard.
            self._current.started = time.perf_counter() - int(microseconds) / 1e6
            failed = kind == ERROR
            self._settle(Outcome(payload, "Unhandled") if failed else self._checked(payload))

    def _hear_next(self) -> bool:
        return self._wire is not None and self._wire.take()

    def _wire_lost(self) -> None:
        if not self.exited.done():
            self.stop()

    def _take_chunk(self, path: str, chunk: bytes) -> bool:
        """Pass on a piece of a streamed response; return whether anybody takes it."""
        current = self._current
        if current is None or current.sink is None or current.request_id not in path:
            return False
        current.sink(chunk)
        return True

    @staticmethod
    def _failed_in_mid_stream(request: Request) -> Outcome | None:
        """Return the error that a runtime tells behind a response that it had begun."""
        kind = request.headers.get("lambda-runtime-function-error-type")
        if kind is None:
            return None
        try:
            told = base64.b64decode(request.headers.get("lambda-runtime-function-error-body", ""))
        except ValueError:
            told = b""
        return Outcome(told or json.dumps({"errorType": kind}).encode(), "Unhandled")

    @staticmethod
    def _checked(body: bytes) -> Outcome:
        if len(body) > _RESPONSE_LIMIT:
            return error_outcome(
                "Function.ResponseSizeTooLarge",
                "Response payload size exceeded maximum allowed payload size "
                f"({_RESPONSE_LIMIT} bytes).",
            )
        return Outcome(body)

    def _watch_time(self, seconds: float) -> None:
        """Look after a while whether the time is up: one timer for many invocations.

        The time stands still while a debugger is attached.
        """
        step = seconds if self.debugger is None else min(seconds, CHECK_SECONDS)
        self._timer = asyncio.get_running_loop().call_later(step, self._look_at_time, step)

    def _look_at_time(self, passed: float) -> None:
        self._timer = None
        if self._done is None:  # it has nothing to do
            return
        if self.debugger is not None and self.debugger.attached:
            self._deadline += passed
        left = self._deadline - time.perf_counter()
        if left > 0:
            self._watch_time(left)
        else:
            self._time_out()

    def _time_out(self) -> None:
        if self._current is None:
            return
        message = f"Task timed out after {self.function.timeout:.2f} seconds"
        self._read_all()
        if self._done is None or self._deadline > time.perf_counter():  # an answer was there
            return
        self._say(f"{_timestamp()} {self._current.request_id} {message}")
        self.stop()
        self._settle(
            error_outcome(
                "Sandbox.Timedout", f"RequestId: {self._current.request_id} Error: {message}"
            )
        )

    # The process

    async def _watch(self, process: asyncio.subprocess.Process | ForkedProcess) -> None:
        code = await process.wait()
        try:
            self._read_all()
        finally:
            self._end(code)

    def _end(self, code: int) -> None:
        self._output.close()
        self._server.close()
        if self._timer is not None:
            self._timer.cancel()
        if self._memory is not None:
            self._memory.close()
        if self._next is not None:
            self._next.cancel()
        self.exited.set_result(code)
        self._report_last()
        if self._current is not None:
            request_id = self._current.request_id
            words = f"RequestId: {request_id} Error: {self._exit_words()}"
            self._say(words)
            self._settle(self._init_error or error_outcome("Runtime.ExitError", words))
        if self._wire is not None:
            self._wire.close()

    def _exit_words(self) -> str:
        code = self.exited.result()
        if code < 0:
            name = {signal.SIGKILL: "killed", signal.SIGTERM: "terminated"}.get(
                signal.Signals(-code), signal.Signals(-code).name
            )
            return f"Runtime exited with error: signal: {name}"
        if code > 0:
            return f"Runtime exited with error: exit status {code}"
        return "Runtime exited without providing a reason"

    def _read_all(self) -> None:
        """Hear every answer, and take what has been printed, before it is said how it ended."""
        while self._hear_next():
            pass
        self._output.read()

    def _say(self, line: str) -> None:
        self._log(line)
        if self._current is not None:
            self._current.log_tail.append(line)

    def _report(self, invocation: Invocation, ended: float) -> None:
        milliseconds = (ended - invocation.started) * 1000
        used = self._memory.most_megabytes(ended) if self._memory is not None else 0
        report = (
            f"REPORT RequestId: {invocation.request_id}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {int(milliseconds) + 1} ms\tMemory Size: {self.function.memory} MB"
            f"\tMax Memory Used: {used} MB"
        )
        if self._init_ms is not None:
            report += f"\tInit Duration: {self._init_ms:.2f} ms"
            self._init_ms = None
        partial = self._output.take_partial()
        for line in (partial, f"END RequestId: {invocation.request_id}", report):
            if line:
                self._log(line)
                invocation.log_tail.append(line)


def _timestamp() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
