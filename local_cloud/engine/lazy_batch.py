"""Keeps moto's EC2 catalogue out of memory until somebody asks for EC2 or Batch.

LocalStack's Step Functions needs one enumeration of ``moto.batch.utils``. Importing it runs
``moto.batch`` and with it ``moto.ec2``, whose tables of instance types take 110 MB and half a
second. Here ``moto.batch`` is a package that runs its own code when it is first used.
"""

import importlib.util
import sys

from localstack.runtime import hooks

from local_cloud.engine.later import LaterLoader

PACKAGE = "moto.batch"


@hooks.on_infra_start()
def make_batch_lazy() -> None:
    """Put the lazy package in place, unless the real one is there already."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is not None and spec.loader is not None and PACKAGE not in sys.modules:
        spec.loader = LaterLoader(spec.loader)
        sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
