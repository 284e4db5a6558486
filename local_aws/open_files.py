"""How many files this process may have open."""

from __future__ import annotations

import contextlib
import resource

MOST_FILES = 1 << 20


def allow_many_files() -> int:
    """Let the process have as many files open as its user may: many systems begin with 1,024.

    Returns:
        How many it may have open now.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # macOS has a limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft
