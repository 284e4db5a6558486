"""The files in which what the services hold is kept, and how a copy of them is made.

The journal is only appended to, and what it is cut off in is left out; what it names beside itself
is there before it does, and never changed. So a copy of the two, the journal first, is a state that
there was, whatever goes on meanwhile.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

JOURNAL, APIS, OBJECTS = "state.journal", "apis.json", "objects"
#: In the order in which they are copied.
FILES = (JOURNAL, APIS, OBJECTS)


def copy_state(source: Path, target: Path) -> None:
    """Copy the files of one folder into another, which has none of them."""
    for name in FILES:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, copy_function=_link_or_copy)
        elif (source / name).exists():
            shutil.copy(source / name, target / name)


def _link_or_copy(source: str, target: str) -> None:
    """Give a file that nobody changes a second name, where the file system can."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)
