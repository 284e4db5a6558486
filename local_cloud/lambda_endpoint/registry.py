"""The versions of functions that were made by the API: what runs beside a template's functions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_aws.json_text import loads
from local_cloud.lambda_endpoint.function_pool import FunctionPool
from local_cloud.lambda_endpoint.functions import Function
from local_cloud.lambda_endpoint.packages import InstallError
from local_cloud.lambda_endpoint.runtimes import why_not


class Registry:
    """Keeps a pool of workers for each version.

    Args:
        make: makes the pool of a function.
    """

    def __init__(self, make: Callable[[Function], FunctionPool]) -> None:
        self._make = make
        self._pools: dict[tuple[str, str], FunctionPool] = {}
        self._revisions: dict[tuple[str, str], str] = {}

    @property
    def pools(self) -> list[FunctionPool]:
        return list(self._pools.values())

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self._pools}

    def replace(self, name: str, version: str, pool: FunctionPool) -> None:
        """Run a version's invocations by another pool from now on."""
        self._pools[name, version] = pool

    def find(self, name: str, version: str) -> FunctionPool | None:
        return self._pools.get((name, version))

    async def put(self, name: str, version: str, revision: str, body: bytes) -> None:
        """Register a version, in place of what had its name; its packages are installed.

        Args:
            revision: names this state of the version.
            body: JSON with the fields of :class:`Function`, paths as text.

        Raises:
            ValueError, KeyError, TypeError: it is no such JSON.
            InstallError: it cannot run here.
        """
        told = loads(body)
        if not isinstance(told, dict):
            raise TypeError("it is no JSON object")
        function = _read(name, version, told)
        if (why := why_not(function.runtime)) is not None:
            raise InstallError(f"Function {name} does not run here: {why}")
        pool = self._make(function)
        await pool.packages()
        before = self._pools.pop((name, version), None)
        self._pools[name, version] = pool
        self._revisions[name, version] = revision
        if before is not None:
            before.retire()

    def reserve(self, name: str, executions: int | None) -> None:
        """Let a function have so many concurrent executions, whatever its version."""
        for (named, _), pool in self._pools.items():
            if named == name:
                pool.reserve(executions)

    async def delete(self, name: str, version: str, revision: str) -> None:
        """Forget a version, if no other revision has taken its place.

        Its workers end when they have answered.
        """
        if self._revisions.get((name, version)) != revision:
            return
        del self._revisions[name, version]
        self._pools.pop((name, version)).retire()

    async def close(self) -> None:
        """Stop every worker."""
        for pool in self.pools:
            await pool.close()


def _read(name: str, version: str, told: dict[str, Any]) -> Function:
    reserved = told.get("reserved_concurrency")
    code = Path(told["code"])
    if not code.is_dir():
        raise ValueError(f"{code} is no folder")
    return Function(
        name=name,
        logical_id=name,
        region=str(told["region"]),
        handler=str(told.get("handler") or "bootstrap"),
        runtime=str(told["runtime"]),
        description=str(told.get("description", "")),
        code=code,
        layers=tuple(Path(layer) for layer in told.get("layers", [])),
        timeout=int(told["timeout"]),
        memory=int(told["memory"]),
        environment={str(k): str(v) for k, v in told.get("environment", {}).items()},
        reserved_concurrency=None if reserved is None else int(reserved),
        version=version,
        packaged=bool(told.get("packaged", True)),
    )
