"""Figures as JSON lines."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

import psutil


def say(bench: str, **figures: object) -> None:
    """Print one result."""
    print(json.dumps({"bench": bench, **figures}), flush=True)


def say_machine() -> None:
    """Print what the figures were measured on."""
    say(
        "machine",
        processor=_processor(),
        cores=os.cpu_count(),
        memory_gb=round(psutil.virtual_memory().total / 2**30),
        system=platform.platform(),
        python=platform.python_version(),
    )


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {f"p{number}_ms": round(cuts[number - 1] * 1000, 2) for number in (50, 95, 99)}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
