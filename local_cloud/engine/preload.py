"""Loads the services that are about to be asked for, while who asks is still at something else."""

from __future__ import annotations

import gc
import os

from localstack.runtime import hooks
from localstack.services.plugins import SERVICE_PLUGINS

from local_aws.background import start_thread


@hooks.on_infra_ready()
def preload() -> None:
    """Load the services that ``PRELOAD`` names, in their order."""
    names = [name for name in os.environ.get("PRELOAD", "").split(",") if name]

    def load() -> None:
        for name in names:
            SERVICE_PLUGINS.require(name)
        # What is loaded stays: looking it through for garbage held up everything for tenths of a
        # second, again and again.
        gc.collect()
        gc.freeze()

    start_thread(load, "preload")
