"""Inputs that are kept as files: of state machines, and of functions."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

KINDS = ("state-machines", "functions")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


class SavedInputs:
    """Reads them anew each time, so that one can be added while the console runs.

    Args:
        folder: has ``state-machines/NAME/*.json`` and ``functions/NAME/*.json``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def answer(self, request: Request) -> Response:
        """Answer ``GET /api/inputs/{kind}/{name}``: what is kept for one of them.

        A file that is no JSON is named with what is wrong; the others are there all the same.
        """
        kind, name = request.path_params["kind"], request.path_params["name"]
        if kind not in KINDS or not _NAME.fullmatch(name):
            return JSONResponse({"error": "There are inputs of state-machines and functions."}, 404)
        inputs, problems = await asyncio.to_thread(_read, self.folder / kind / name)
        return JSONResponse({"inputs": inputs, "problems": problems})


def _read(folder: Path) -> tuple[dict[str, Any], list[str]]:
    inputs, problems = {}, []
    for file in sorted(folder.glob("*.json")):
        try:
            inputs[file.stem] = json.loads(file.read_text())
        except (OSError, ValueError) as error:
            problems.append(f"{file.name}: {error}")
    return inputs, problems
