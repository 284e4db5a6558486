"""What a change costs: this tree and another commit of it, measured in turn on the same machine."""

from __future__ import annotations

import io
import json
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.figures import say
from local_cloud.installation import PROJECT

#: The endings of what is measured; everything else says what it was measured of.
MEASURED = ("_ms", "seconds", "_mb", "_per_second", "_percent")
#: Parts of a cloud, by which memory is told in MB.
PARTS = ("engine", "lambda", "gateway", "console", "supervisor")

type Figures = dict[tuple[tuple[str, object], ...], dict[str, float]]


def run(reference: str, names: list[str], times: int) -> None:
    """Measure both ``times`` times, in turn, and print each figure's two medians and their ratio.

    The other commit is built in a folder of its own; what is not committed counts as this tree's.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        other = Path(folder)
        _check_out(reference, other)
        trees = {"here": PROJECT, "there": other}
        seen: dict[str, list[Figures]] = {"here": [], "there": []}
        print(f"building {reference}", file=sys.stderr, flush=True)
        for tree in trees.values():
            _measure(tree, ["start"])  # the first installs packages
        for number in range(times):
            for where, tree in trees.items():
                print(f"{where}, {number + 1} of {times}", file=sys.stderr, flush=True)
                seen[where].append(read(_measure(tree, names)))
    for line in compared(seen["here"], seen["there"]):
        say("against", reference=reference, times=times, **line)


def _check_out(reference: str, folder: Path) -> None:
    archive = subprocess.run(
        [shutil.which("git") or "git", "archive", reference],
        cwd=PROJECT,
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        sys.exit(f"no commit {reference}: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")


def _measure(tree: Path, names: list[str]) -> list[str]:
    command = [str(tree / "local-cloud"), "bench", *names]
    done = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return done.stdout.splitlines()


def read(lines: Iterable[str]) -> Figures:
    """Return the figures of one run's output, by what each was measured of."""
    figures: Figures = {}
    for line in lines:
        if not line.startswith("{"):
            continue
        said: dict[str, Any] = json.loads(line)
        if said["bench"] in ("machine", "against"):
            continue
        measured = {name: float(value) for name, value in said.items() if _is_measured(name, value)}
        of = tuple((name, value) for name, value in said.items() if name not in measured)
        figures[of] = measured
    return figures


def _is_measured(name: str, value: object) -> bool:
    return isinstance(value, int | float) and (name.endswith(MEASURED) or name in PARTS)


def compared(
    here: Iterable[Mapping[Any, Mapping[str, float]]],
    there: Iterable[Mapping[Any, Mapping[str, float]]],
) -> list[dict[str, object]]:
    """Return a line for each figure that both have: the medians, and here divided by there."""
    medians = [_medians(runs) for runs in (here, there)]
    lines = []
    for key, value in medians[0].items():
        other = medians[1].get(key)
        if other is None:
            continue
        lines.append(
            {
                "of": dict(key[0]),
                "figure": key[1],
                "here": round(value, 2),
                "there": round(other, 2),
                "ratio": round(value / other, 2) if other else None,
            }
        )
    return lines


def _medians(runs: Iterable[Mapping[Any, Mapping[str, float]]]) -> dict[tuple[Any, str], float]:
    collected: dict[tuple[Any, str], list[float]] = defaultdict(list)
    for figures in runs:
        for of, measured in figures.items():
            for name, value in measured.items():
                collected[of, name].append(value)
    return {key: statistics.median(values) for key, values in collected.items()}
