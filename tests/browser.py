"""The browser that shows the console to tests and benchmarks."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no browser: apt install chromium, or name one in CHROMIUM"


def find_browser() -> str | None:
    """Return the program that ``CHROMIUM`` names, or the first that is installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
