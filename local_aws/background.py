"""Work that runs aside: somebody hears of the end of each, whatever it is.

A task or thread that fails in silence leaves others waiting for ever. So all of them are begun
here (a test finds those that are not): what nobody expected is in the log, what can go on begins
again, and a part that cannot live without it ends, for the supervisor to start it again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any

LOG = logging.getLogger(__name__)

#: Between a failure of what is to run for ever and its next beginning.
AGAIN_SECONDS = 1.0
#: How long a part that ends may take before it is killed.
END_SECONDS = 15

#: A loop keeps no task alive by itself.
_tasks: set[asyncio.Task[Any]] = set()


def start_task[T](work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Run a coroutine beside what is done here; that it fails is in the log.

    Args:
        name: what it does, for the log.
    """
    task = asyncio.get_running_loop().create_task(work, name=name)
    _tasks.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _tasks.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        LOG.error("%s has failed", task.get_name(), exc_info=error)


def keep_running(work: Callable[[], Coroutine[Any, Any, None]], name: str) -> asyncio.Task[None]:
    """Run what has no end until it is cancelled: when it fails, that is in the log, and it begins
    again a moment later.
    """

    async def run() -> None:
        while True:
            try:
                return await work()
            except Exception:
                LOG.exception("%s has failed, and begins again", name)
            await asyncio.sleep(AGAIN_SECONDS)

    return start_task(run(), name)


def start_thread(
    work: Callable[..., object], name: str, *arguments: Any, vital: bool = False
) -> threading.Thread:
    """Run something in a thread of its own, which keeps no process from ending.

    Args:
        name: what it does, for the log.
        vital: whether this part ends when that fails.

    Raises:
        RuntimeError: the system has no thread left.
    """

    def run() -> None:
        try:
            work(*arguments)
        except Exception:
            LOG.exception("%s has failed", name)
            if vital:
                end_part(name)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def end_part(name: str) -> None:
    """End this process, as if it had been told to; the supervisor starts it again."""
    LOG.critical("this part cannot live without what has failed (%s), and ends", name)
    signal.alarm(END_SECONDS)  # which ends it where it does not end by itself
    os.kill(os.getpid(), signal.SIGTERM)
