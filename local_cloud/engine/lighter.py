"""What the engine does without at its start: a third of its time and of its memory.

LocalStack imports all of it for what nobody asks of it here. It is put in place before LocalStack
is imported.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import botocore.loaders
import orjson

from local_cloud.engine.later import LaterLoader

#: Loaded when they are first used, or when one of the functions is called that others import of
#: them: what asks name servers; and of API Gateway what EventBridge sends HTTP requests with.
LATER: dict[str, tuple[str, ...]] = {
    "dns.message": (),
    "dns.query": (),
    "dns.resolver": (),
    "localstack.services.apigateway.legacy.helpers": ("extract_query_string_params",),
}
#: Of each AWS service, what :mod:`botocore` reads again for each session that it makes.
_SHARED = ("endpoints", "partitions")


def lighten() -> None:
    """Put it in place; once, before anything of LocalStack is imported."""
    sys.meta_path.insert(0, _Later())
    _stand_in("jpype")  # JSONata is evaluated here without Java
    _stand_in("jpype.imports")
    _stand_in(
        "localstack.aws.handlers.validation",
        OpenAPIRequestValidator=_Validator,
        OpenAPIResponseValidator=_Validator,
    )
    _stand_in("service_identity", VerificationError=_Unverified)
    _stand_in("service_identity.pyopenssl", verify_hostname=_refuse, verify_ip_address=_refuse)
    botocore.loaders.JSONFileLoader._load_file = _load_file  # type: ignore[attr-defined]


class _Later(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in LATER:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = LaterLoader(spec.loader, LATER[name])
        return spec


def _stand_in(name: str, **things: Any) -> None:
    module = sys.modules[name] = ModuleType(name)
    vars(module).update(things)


class _Validator:
    """Would hold requests against LocalStack's own specification, an option that is off."""

    def __call__(self, chain: object, context: object, response: object) -> None:
        """Let it pass."""


class _Unverified(Exception):
    """A server's certificate was not verified."""


def _refuse(connection: object, hostname: object) -> NoReturn:
    """Refuse: the engine is a server, and is no client of anybody by Twisted."""
    raise _Unverified(f"nobody here verifies the certificate of {hostname!r}")


@cache
def _parsed(path: str, read: Any) -> Any:
    return _read(path, read)


def _read(path: str, read: Any) -> Any:
    if not Path(path).is_file():
        return None
    with read(path, "rb") as file:
        return orjson.loads(file.read())


def _load_file(self: object, full_path: str, open_method: Any) -> Any:
    """Return the content of one of botocore's files, which nobody changes."""
    shared = Path(full_path).name.partition(".")[0] in _SHARED
    return _parsed(full_path, open_method) if shared else _read(full_path, open_method)
