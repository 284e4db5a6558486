"""Loads the services that are about to be asked for, while who asks is still at something else."""

from __future__ import annotations

import os
import threading

from localstack.runtime import hooks
from localstack.services.plugins import SERVICE_PLUGINS


@hooks.on_infra_ready(should_load=bool(os.environ.get("PRELOAD")))
def preload() -> None:
    """Load the services that ``PRELOAD`` names, in their order."""
    names = os.environ["PRELOAD"].split(",")

    def load() -> None:
        for name in names:
            SERVICE_PLUGINS.require(name)

    threading.Thread(target=load, name="preload", daemon=True).start()
