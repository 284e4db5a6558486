"""LocalStack's index of AWS's services, made once.

Without it LocalStack reads the descriptions of all services at start: three seconds and 350 MB.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from pathlib import Path

from local_cloud.installation import Home

# Where LocalStack looks for it, below FILESYSTEM_ROOT.
STATIC_LIBRARIES = Path("usr", "lib", "localstack")


async def place_service_catalog(home: Home) -> None:
    """Put the index where the engine of ``home`` finds it; make it where there is none.

    An engine without it works, slowly; so a failure here is no failure of the start.
    """
    place = home.engine_files / STATIC_LIBRARIES
    place.parent.mkdir(parents=True, exist_ok=True)
    if not home.service_catalog.is_dir():
        await _make(home.service_catalog)
    place.symlink_to(home.service_catalog)


async def _make(target: Path) -> None:
    draft = target.with_name(f"{target.name}-{os.getpid()}")
    made = draft / STATIC_LIBRARIES
    made.mkdir(parents=True)
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "localstack.aws.spec"),
            env={**os.environ, "FILESYSTEM_ROOT": str(draft), "OVERRIDE_IN_DOCKER": "0"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if await process.wait() == 0:
            with contextlib.suppress(OSError):  # another cloud was first; its copy is as good
                made.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
