"""The embedded mode: every part is a child process, and nothing needs Docker."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from local_aws.http1 import ConnectionFailed
from local_aws.traces import FOLDER_VARIABLE
from local_cloud.engine.state.records import is_readable
from local_cloud.installation import (
    MODELS,
    SCRIPTS,
    TEMPLATE,
    Home,
    Options,
    Ports,
    aws_environment,
)
from local_cloud.memory import resident_mb
from local_cloud.mode import Report
from local_cloud.parts import Part, PartFailed, ProcessPart, ask
from local_cloud.service_catalog import place_service_catalog
from local_cloud.state_files import APIS, JOURNAL, copy_state

# How many messages the console's connections page can show.
RECENT_MESSAGES = "500"
#: The services that the agent uses, in the order in which the setup scripts do.
PRELOADED = "sts,dynamodb,s3,secretsmanager,stepfunctions,cognito-idp,logs"


class EmbeddedMode:
    """Child processes on 127.0.0.1.

    Args:
        options: what a user asked for.
    """

    name = "embedded"
    umask = 0o077

    def __init__(self, ports: Ports, home: Home, options: Options) -> None:
        self.ports = ports
        self.home = home
        self.options = options
        self.stack = options.stack

    def parts(self) -> list[Part]:
        """Return the parts, in the order in which they are started."""
        ports, home = self.ports, self.home
        environment = {
            **aws_environment(ports),
            **self._traced(),
            "PERMISSIONS": self.options.permissions,
        }
        # A stack's functions and APIs are made by the APIs.
        agent = () if self.stack else ("--template", str(TEMPLATE))
        files = () if self.stack else (TEMPLATE,)
        configured = () if self.stack else ("--env-vars", str(home.env_vars))
        return [
            ProcessPart(
                "engine",
                "LocalStack",
                f"{ports.engine_url}/_localstack/health",
                ("local_cloud.engine",),
                {**environment, **self._engine_settings()},
            ),
            ProcessPart(
                "lambda",
                "Lambda endpoint",
                f"{ports.functions_url}/health",
                (
                    *("local_cloud.lambda_endpoint", *agent, *configured),
                    *("--port", str(ports.functions), "--cache", str(home.packages)),
                    *("--private", str(home.path)),
                    *("--warm-workers", "EAGER", *self._debugged()),
                ),
                environment,
                files=files,
            ),
            ProcessPart(
                "gateway",
                "WebSocket gateway",
                f"{ports.gateway_url}/_gateway/health",
                (
                    *("websocket_gateway", *agent),
                    *("--port", str(ports.gateway), "--recent-messages", RECENT_MESSAGES),
                    *self._kept_apis(),
                ),
                environment,
                files=files,
            ),
            ProcessPart(
                "console",
                "Console",
                f"{ports.console_url}/_console/health",
                ("local_cloud.console", "--port", str(ports.console)),
                environment,
            ),
        ]

    @property
    def keeps_state(self) -> bool:
        """Whether an engine finds what the one before it held."""
        return self.options.keeps_state

    async def prepare(self, report: Report) -> None:
        """Put a new engine's files in place."""
        await self.clean_up()
        await place_service_catalog(self.home)

    async def prepare_engine(self) -> None:
        """Put the files in place of an engine that is started again while the rest runs."""
        shutil.rmtree(self.home.engine_files, ignore_errors=True)
        await place_service_catalog(self.home)

    async def go_on(self) -> None:
        """Have the executions go on that ran when the last engine ended."""
        if not self.keeps_state:
            return
        try:
            answer = await ask("POST", f"{self.ports.engine_url}/_state/go-on")
        except ConnectionFailed as error:
            raise PartFailed(f"the engine does not answer: {error}") from error
        if answer.status != 200:
            raise PartFailed(f"executions do not go on: {answer.body.decode(errors='replace')}")

    async def empty(self) -> None:
        """Remove what the services held; if something is to take its place, put it there.

        What this version cannot read is put aside.
        """
        if not is_readable(self.home.data / JOURNAL):
            shutil.rmtree(self.home.old_data, ignore_errors=True)
            self.home.data.rename(self.home.old_data)
        shutil.rmtree(self.home.data, ignore_errors=True)
        if self.home.next_data.exists():
            self.home.next_data.rename(self.home.data)

    async def copy_state(self, target: Path) -> None:
        """Copy what the services hold into an empty folder."""
        copy_state(self.home.data, target)

    def provisioning(self) -> tuple[list[str], dict[str, str]]:
        """Return the setup script, or what deploys the stack, to run on this machine."""
        if self.stack is not None:
            parameters = (f"{name}={value}" for name, value in self.stack["parameters"].items())
            command = [sys.executable, "-m", "local_cloud", "deploy", self.stack["path"]]
            command += ["--stack", self.stack["name"]]
            command += [word for value in parameters for word in ("-p", value)]
            command += [word for one in self.options.debug for word in ("--debug", one)]
            command += ["--wait"] if self.options.debug_wait else []
            home = {"LOCAL_CLOUD_HOME": str(self.home.path)}
            return command, {**aws_environment(self.ports), **home}
        environment = {
            **aws_environment(self.ports),
            "PYTHON": sys.executable,
            "ENV_VARS_FILE": str(self.home.env_vars),
            "WEBSOCKET_API_ENDPOINT": f"{self.ports.gateway_url}/dev",
        }
        return ["bash", str(SCRIPTS / "create-resources.sh")], environment

    async def clean_up(self) -> None:
        """Remove what an engine leaves behind beside what its services held."""
        shutil.rmtree(self.home.engine_files, ignore_errors=True)
        self.home.env_vars.unlink(missing_ok=True)

    def memory_mb(self, pids: dict[str, int]) -> dict[str, float]:
        """Return the resident memory of each part's processes."""
        return {name: resident_mb(pid) for name, pid in pids.items()}

    def _debugged(self) -> list[str]:
        """Return what the endpoint is told of debuggers; a stack's functions are not there yet."""
        if self.stack is not None:
            return []
        named = [word for one in self.options.debug for word in ("--debug", one)]
        return [*named, "--debug-wait"] if self.options.debug_wait else named

    def _traced(self) -> dict[str, str]:
        return {FOLDER_VARIABLE: str(self.home.traces)} if self.options.traces else {}

    def _kept_apis(self) -> tuple[str, ...]:
        return ("--kept-apis", str(self.home.data / APIS)) if self.keeps_state else ()

    def _engine_settings(self) -> dict[str, str]:
        # https://docs.localstack.cloud/references/configuration/
        return {
            "GATEWAY_LISTEN": f"127.0.0.1:{self.ports.engine}",
            "GATEWAY_SERVER": "kit",
            "LOCALSTACK_HOST": f"localhost:{self.ports.engine}",
            **({"STATE_FOLDER": str(self.home.data)} if self.keeps_state else {}),
            "FILESYSTEM_ROOT": str(self.home.engine_files),
            "OVERRIDE_IN_DOCKER": "0",  # its files lie there even if this machine is a container
            "MODELS_FILE": os.environ.get("MODELS_FILE") or str(MODELS),
            "PROVIDER_OVERRIDE_DYNAMODB": "moto",
            "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "moto",
            "PROVIDER_OVERRIDE_CLOUDFORMATION": "kit",
            "PROVIDER_OVERRIDE_IAM": "kit",
            "PROVIDER_OVERRIDE_APIGATEWAY": "kit",
            "PROVIDER_OVERRIDE_LAMBDA": "kit",
            "LAMBDA_RUNTIME_EXECUTOR": "process",
            # Events that fail are tried again after 1 and 2 seconds, not minutes.
            "LAMBDA_RETRY_BASE_DELAY": "1",
            # A queue that was empty for a while is looked at each second.
            "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",
            **({} if self.stack else {"LAMBDA_TEMPLATE": str(TEMPLATE), "PRELOAD": PRELOADED}),
            # A stack whose resource is not really created fails; CFN_IGNORE_… set to 1 is lenient.
            "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": os.environ.get(
                "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES", "0"
            ),
            "PROVIDER_OVERRIDE_STEPFUNCTIONS": "kit",
            "PROVIDER_OVERRIDE_S3": "kit",
            # Presigned URLs that have expired, or that somebody has changed, are refused.
            "S3_SKIP_SIGNATURE_VALIDATION": os.environ.get("S3_SKIP_SIGNATURE_VALIDATION", "0"),
            "COGNITO_SIGNING_KEY_FILE": str(self.home.signing_key),
            # Queue URLs whose host every resolver knows.
            "SQS_ENDPOINT_STRATEGY": "path",
            # The same pool and client ids each time, as on AWS, where they outlive everything.
            "MOTO_COGNITO_IDP_USER_POOL_ID_STRATEGY": "HASH",
            "MOTO_COGNITO_IDP_USER_POOL_CLIENT_ID_STRATEGY": "HASH",
            "TMPDIR": str(self.home.engine_files),
            "LS_LOG": "warn",
            # glibc gives every thread a heap of its own; LocalStack answers on dozens of threads.
            "MALLOC_ARENA_MAX": "2",
            # Nothing is asked of the internet.
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DISABLE_EVENTS": "1",
            "DNS_ADDRESS": "0",
        }
