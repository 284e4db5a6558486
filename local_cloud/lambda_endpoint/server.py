"""Ties the parts together: template in, port open, until a signal."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local_aws.aws_api import AwsApi
from local_aws.background import keep_running, start_task
from local_aws.hosts import AllowedHosts
from local_aws.http1 import HttpServerProtocol
from local_aws.listener import listen as listen_on
from local_aws.log_delivery import LogDelivery
from local_aws.open_files import allow_many_files
from local_aws.relay import relay
from local_aws.template import Template
from local_aws.traces import traces_of
from local_cloud.lambda_endpoint import packages
from local_cloud.lambda_endpoint.capacity import Capacity
from local_cloud.lambda_endpoint.confinement import Confinement, why_not
from local_cloud.lambda_endpoint.debug_api import DebugApi
from local_cloud.lambda_endpoint.debugger import Debugger, Debuggers, NotDebugged, Wanted
from local_cloud.lambda_endpoint.execution_environment import ExecutionEnvironment
from local_cloud.lambda_endpoint.function_log import FunctionLogs
from local_cloud.lambda_endpoint.function_pool import FunctionPool
from local_cloud.lambda_endpoint.functions import Function, not_run, read_functions
from local_cloud.lambda_endpoint.invoke_api import InvokeApi
from local_cloud.lambda_endpoint.launch import may_be_forked
from local_cloud.lambda_endpoint.packages import RUNTIME_REQUIREMENTS, InstallError, install
from local_cloud.lambda_endpoint.registry import Registry
from local_cloud.lambda_endpoint.runtime_api import MAX_PAYLOAD_BYTES
from local_cloud.lambda_endpoint.runtimes import OWN_PYTHON, instead_of
from local_cloud.lambda_endpoint.sources import Files
from local_cloud.lambda_endpoint.xray_daemon import listen
from local_cloud.lambda_endpoint.zygote import Zygotes

LOG = logging.getLogger(__name__)
#: How often it is looked whether there is a configuration, and how long an invocation waits for it.
CONFIGURED_POLL_SECONDS, CONFIGURED_SECONDS = 0.2, 30.0
REAP_SECONDS = 10.0
#: What of a cloud's folder is functions' code: made by the API, and built for a deployment.
FUNCTIONS_CODE = ("engine/lambda", "built")


@dataclass(frozen=True)
class Settings:
    """How the endpoint is started.

    Without a ``template`` there are the functions that are made by the Lambda API.
    ``env_vars`` is a file as SAM's ``--env-vars`` takes it; it need not exist yet.
    """

    template: Path | None
    host: str
    port: int
    cache: Path
    #: Concurrent executions that the account may have.
    concurrent_executions: int
    env_vars: Path | None
    parameters: Mapping[str, str]
    eager: bool
    region: str = "us-east-1"
    cloudwatch_endpoint: str | None = None
    #: Names that are served beside this machine's own.
    allowed_hosts: tuple[str, ...] = ()
    #: Environment variables of every function.
    variables: Mapping[str, str] = field(default_factory=dict)
    #: Functions that a debugger may attach to, and whether they wait for one.
    debugged: tuple[Wanted, ...] = ()
    debug_wait: bool = False
    #: Ports of 127.0.0.1 that stand for ``host:port`` elsewhere, by number.
    relays: Mapping[str, str] = field(default_factory=dict)
    #: Local addresses of what variables name by its address on AWS.
    addresses: Mapping[str, str] = field(default_factory=dict)
    #: A cloud's folder, which functions cannot look into where the system can keep them out.
    private: Path | None = None


class LambdaEndpoint:
    """Serves the functions of a template until it is stopped."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pools: dict[str, FunctionPool] = {}
        engine = settings.cloudwatch_endpoint
        self.delivery = LogDelivery(AwsApi(engine) if engine else None)
        self.logs = FunctionLogs(self.delivery)
        #: Functions of the template that cannot run here, each with why.
        self.not_run: dict[str, str] = {}
        allow_many_files()
        self.capacity = Capacity(settings.concurrent_executions)
        self.debuggers = Debuggers()
        self.zygotes = Zygotes()
        self.confinement = self._confine()
        #: The versions that the engine has registered.
        self.registry = Registry(self._make_pool)
        #: What is read again when it has changed.
        self.files = Files((settings.template, settings.env_vars))
        self.mark: int | None = None
        #: Until its file is there, when functions would look for AWS.
        self.unconfigured = settings.env_vars is not None and not settings.env_vars.exists()
        self.background: list[asyncio.Task[None]] = []
        #: Whether a function has been invoked.
        self.used = asyncio.Event()

    def _confine(self) -> Confinement | None:
        """Return the rules that functions run under; installers get theirs."""
        home = self.settings.private
        if home is None:
            return None
        if (words := why_not(home)) is not None:
            LOG.warning("%s", words)
            return None
        cache = self.settings.cache
        readable = (cache, *(home / name for name in FUNCTIONS_CODE))
        packages.CONFINEMENT = Confinement(home, readable[1:], writable=(cache,))
        return Confinement(home, readable)

    async def run(self) -> None:
        """Serve on the port until SIGINT or SIGTERM."""
        settings = self.settings
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        await self.open()
        for port, to in settings.relays.items():
            await relay(int(port), to)
        for wanted in settings.debugged:
            debugger = await self.debug(wanted, wait=settings.debug_wait)
            print(f"{debugger.name}: debugger on 127.0.0.1:{debugger.port}", flush=True)
        traces = traces_of("lambda")
        daemon = await listen(traces) if traces is not None else None
        api = InvokeApi(
            self.pools,
            self.refresh,
            lambda name: self.not_run.get(name),
            self.registry,
            DebugApi(self.debuggers, self.debug),
            traces,
            self._configured,
        )
        hosts = AllowedHosts(settings.allowed_hosts)
        server = listen_on(
            lambda: HttpServerProtocol(api, 2 * MAX_PAYLOAD_BYTES, hosts),
            settings.host,
            settings.port,
        )
        print(
            f"Lambda endpoint on http://{settings.host}:{settings.port} with "
            f"{len(self.pools)} functions of {settings.template or 'no template'}",
            flush=True,
        )
        await stopped.wait()
        server.close()
        if daemon is not None:
            daemon.close()
        await self.close()

    async def open(self) -> None:
        """Install what the functions require, and be ready to invoke them."""
        settings = self.settings
        runtime = await install(RUNTIME_REQUIREMENTS, settings.cache)
        assert runtime is not None
        self.runtime = runtime
        self._load()
        if any(may_be_forked(pool.function) for pool in self.pools.values()):
            self.zygotes.prepare(OWN_PYTHON, runtime)
        await asyncio.gather(*(self._install(pool) for pool in self.pools.values()))
        self.background = [
            keep_running(self.delivery.run, "the delivery of logs"),
            keep_running(self._look_after, "the end of idle workers"),
        ]
        if settings.eager:
            self.background.append(start_task(self._warm_up(), "the start of workers ahead"))

    async def _install(self, pool: FunctionPool) -> None:
        """Install what a function requires; where that fails, its invocations are told."""
        try:
            await pool.packages()
        except Exception as error:  # noqa: BLE001 - the others start
            LOG.error("%s: %s", pool.function.name, error or repr(error))

    async def close(self) -> None:
        """Stop every worker; deliver the last log lines."""
        for task in self.background:
            task.cancel()
        self.files.close()
        self.capacity.close()
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))
        await self.registry.close()
        await self.zygotes.close()
        await self.debuggers.close()
        self.logs.print_all()
        await self.delivery.flush()

    def refresh(self) -> None:
        """Read the template and the variables again when one of them has changed."""
        if self.files.mark() == self.mark:
            return
        try:
            self._load()
            LOG.info("read again: %s", self.settings.template)
        except (OSError, ValueError) as error:
            LOG.error("%s (the functions as they were are kept)", error)

    def _load(self) -> None:
        """Read the template; keep the pools whose functions did not change."""
        settings = self.settings
        self.mark = self.files.mark()
        if settings.template is None:
            return
        template = Template.load(settings.template, settings.parameters, settings.region)
        overrides: dict[str, dict[str, str]] = {}
        if settings.env_vars is not None and settings.env_vars.exists():
            overrides = json.loads(settings.env_vars.read_text())
        for name, value in settings.variables.items():
            overrides.setdefault("Parameters", {}).setdefault(name, value)
        functions = read_functions(template, overrides, settings.addresses)
        self.not_run = not_run(template)
        for words in self.not_run.values():
            LOG.warning("%s", words)
        for name in [name for name in self.pools if name not in functions]:
            self.pools.pop(name).retire()
        for name, function in functions.items():
            pool = self.pools.get(name)
            if pool is not None and pool.function == function:
                continue
            if pool is not None:
                pool.retire()
            self.pools[name] = self._make_pool(function)

    def _make_pool(self, function: Function) -> FunctionPool:
        if (words := instead_of(function.runtime)) is not None:
            LOG.warning("%s: %s", function.name, words)
        # A version that was published is what it was; code that one works on is the latest.
        debugger = self.debuggers.of(function.name) if function.version == "$LATEST" else None
        pool = FunctionPool(
            function,
            self.runtime,
            self.settings.cache,
            lambda function, packages: ExecutionEnvironment(
                function, packages, self.logs, debugger, self.zygotes, self.confinement
            ),
            self.capacity,
            debugged=debugger is not None,
        )
        if debugger is not None:
            debugger.start = pool.warm_up
        return pool

    async def debug(self, wanted: Wanted, *, wait: bool) -> Debugger:
        """Have a function debugged from now on; its worker is started, to be attached to.

        Raises:
            NotDebugged: there is no such function, or it cannot be.
        """
        name = wanted.name
        pool = self.pools.get(name) or self.registry.find(name, "$LATEST")
        if pool is None:
            known = ", ".join(sorted({*self.pools, *self.registry.names}))
            raise NotDebugged(f"There is no function {name} (there are: {known or 'none'})")
        debugger = await self.debuggers.put(name, pool.function.runtime, wanted.port, wait)
        made = self._make_pool(pool.function)
        if name in self.pools:
            self.pools[name] = made
        else:
            self.registry.replace(name, "$LATEST", made)
        pool.retire()
        made.warm_up()
        return debugger

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(REAP_SECONDS)
            for pool in self.pools.values():
                pool.reap(keep=1 if self.settings.eager or pool.debugged else 0)
            for pool in self.registry.pools:
                pool.reap(keep=1 if pool.debugged else 0)

    async def _warm_up(self) -> None:
        """Start a worker of each function, one after the other, once they are configured.

        Those with the fewest packages first. The others take memory and time that nobody is to miss
        who does not use functions: they start when one is invoked.
        """
        await self._until_configured()
        self.refresh()
        pools = [(await _size(pool), pool) for pool in self.pools.values()]
        fewest = min((size for size, _ in pools), default=0)
        for size, pool in sorted(pools, key=lambda sized: sized[0]):
            if size > fewest:
                await self.used.wait()
            if (start := pool.warm_up()) is not None:
                await start

    async def _until_configured(self) -> None:
        # A file is written by another process; no event of this one tells of it.
        while self.settings.env_vars is not None and not self.settings.env_vars.exists():  # noqa: ASYNC110
            await asyncio.sleep(CONFIGURED_POLL_SECONDS)

    def _configured(self) -> Awaitable[None] | None:
        """Return what an invocation waits for that comes amid the provisioning."""
        self.used.set()
        if not self.unconfigured:
            return None
        return self._wait_for_configuration()

    async def _wait_for_configuration(self) -> None:
        try:
            await asyncio.wait_for(self._until_configured(), CONFIGURED_SECONDS)
        except TimeoutError:
            LOG.warning("%s is not there: functions run without", self.settings.env_vars)
        self.unconfigured = False


async def _size(pool: FunctionPool) -> int:
    """Return how many packages a function's workers may import."""
    try:
        folders = await pool.packages()
    except (InstallError, OSError):
        return 0  # its start will say why
    return sum(len(os.listdir(folder)) for folder in folders if folder.is_dir())
