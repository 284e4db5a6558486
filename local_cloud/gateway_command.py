"""``local-cloud gateway``: the WebSocket APIs of any template, with its functions if wished."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence

import uvloop

from local_aws.account import REGION
from local_aws.aws_api import AwsApi
from local_aws.deadlines import Deadlines
from local_aws.log_delivery import LogDelivery
from local_aws.printable import log_to_stderr, printable
from local_aws.random_bytes import new_uuid
from local_aws.template import Template
from local_aws.traces import current, traces_of
from local_cloud.installation import PROJECT, Home, State
from local_cloud.lambda_endpoint.capacity import CONCURRENT_EXECUTIONS, TooManyRequests
from local_cloud.lambda_endpoint.execution_environment import Invocation
from local_cloud.lambda_endpoint.packages import InstallError
from local_cloud.lambda_endpoint.server import LambdaEndpoint
from local_cloud.lambda_endpoint.server import Settings as LambdaSettings
from local_cloud.lambda_endpoint.tracing import submit
from local_cloud.template_tables import create_tables
from websocket_gateway.backend import NetworkBackend
from websocket_gateway.core.backend import IntegrationFailed, IntegrationTimedOut
from websocket_gateway.options import parser, settings_of
from websocket_gateway.service import GatewayService, Settings

PACKAGES = PROJECT / ".local-cloud" / "packages"


class LocalFunctions(NetworkBackend):
    """Runs a template's functions in this process's own workers, without a hop in between."""

    def __init__(
        self,
        endpoint: LambdaEndpoint,
        lambda_endpoint: str,
        logs: LogDelivery,
        engine: AwsApi | None,
    ) -> None:
        super().__init__(lambda_endpoint, logs, engine)
        self.local = endpoint
        self.traces = traces_of("lambda")
        #: By the seconds that an integration may take.
        self._deadlines: dict[float, Deadlines] = {}

    async def _invoke_now(self, function: str, payload: bytes, timeout: float) -> bytes:
        self.local.refresh()
        self.local.used.set()
        pool = self.local.pools.get(function)
        if pool is None:
            why = self.local.not_run.get(function)
            raise IntegrationFailed(why or f"Function not found: {function}")
        trace = current.get()
        invocation = Invocation(new_uuid(), payload, cause=trace, trace_id=trace)
        answer = submit(pool, invocation, self.traces)
        deadlines = self._deadlines.get(timeout)
        if deadlines is None:
            deadlines = self._deadlines[timeout] = Deadlines(timeout)
        deadlines.watch(answer, invocation.seconds)
        try:
            outcome = await answer
        except TimeoutError as error:
            raise IntegrationTimedOut(f"{function} took longer than {timeout:g} s") from error
        except (TooManyRequests, InstallError, OSError) as error:
            raise IntegrationFailed(f"{function}: {error!r}") from error
        if outcome.function_error is not None:
            words = outcome.payload[:500].decode(errors="replace")
            raise IntegrationFailed(f"{function} failed: {words}")
        return outcome.payload


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM; return the exit status."""
    options = parser()
    options.prog = "local-cloud gateway"
    options.add_argument(
        "--run-lambdas",
        action="store_true",
        help="run the template's functions, too, and create its DynamoDB tables in the engine",
    )
    log_to_stderr()
    for name in ("httpx", "botocore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    parsed = options.parse_args(arguments)
    if parsed.run_lambdas and parsed.template is None:
        options.error("--run-lambdas needs a --template")
    try:
        uvloop.run(_run(parsed))
    except (ValueError, OSError, InstallError) as error:
        print(printable(f"local-cloud gateway: {error}"), file=sys.stderr)
        return 1
    return 0


async def _run(arguments: argparse.Namespace) -> None:
    settings = settings_of(arguments)
    url = _engine()
    engine = AwsApi(url) if url else None
    logs = LogDelivery(engine)
    traces = traces_of("gateway")
    if not arguments.run_lambdas:
        backend = NetworkBackend(arguments.lambda_endpoint, logs, engine, traces)
        await GatewayService(settings, backend, logs, engine, traces).run()
        return
    template = Template.load(arguments.template, settings.parameters)
    functions = LambdaEndpoint(_lambda_settings(settings, template, url))
    if url is not None:
        for name in await asyncio.to_thread(create_tables, template, url):
            print(printable(f"table {name} created"), flush=True)
    await functions.open()
    try:
        local = LocalFunctions(functions, arguments.lambda_endpoint, logs, engine)
        await GatewayService(settings, local, logs, engine, traces).run()
    finally:
        await functions.close()


def _engine() -> str | None:
    """Return the engine to use: the one named, else the cloud that runs here, else none."""
    named = os.environ.get("AWS_ENDPOINT_URL")
    state = State.read(Home.from_environment())
    return named or (state.ports.engine_url if state else None)


def _lambda_settings(settings: Settings, template: Template, engine: str | None) -> LambdaSettings:
    return LambdaSettings(
        template=template.path.resolve(),
        host=settings.host,
        port=0,
        cache=PACKAGES,
        concurrent_executions=CONCURRENT_EXECUTIONS,
        env_vars=None,
        parameters=settings.parameters,
        eager=True,
        region=REGION,
        cloudwatch_endpoint=engine,
        variables={
            "WEBSOCKET_URL": f"ws://127.0.0.1:{settings.port}",
            **({"AWS_ENDPOINT_URL": engine} if engine else {}),
        },
        addresses=_addresses(template, f"http://127.0.0.1:{settings.port}"),
        private=Home.from_environment().path,
    )


def _addresses(template: Template, base: str) -> Mapping[str, str]:
    """The ``@connections`` address of each API on AWS, and the one here."""
    names = [
        template.physical_name(logical_id)
        for logical_id, kind in template.types()
        if kind == "AWS::ApiGatewayV2::Api"
    ]
    domain = f"execute-api.{REGION}.amazonaws.com"
    return {f"https://{name}.{domain}": f"{base}/{name}" for name in names}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
