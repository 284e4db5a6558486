"""Regular expressions that a template or a models file gives, matched with what clients send.

The kit's own expressions are written so that none backtracks; whoever writes a template need not
know that. So RE2 matches theirs: it takes linear time for every expression, and lacks what cannot
be had in that. https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any


class NotMatched(ValueError):
    """An expression that is none, or needs more than linear time; the message says why."""


@lru_cache(maxsize=1024)
def compiled(pattern: str, *, ignore_case: bool = False, dot_matches_all: bool = False) -> Any:
    """Return an expression, with ``search`` and ``fullmatch`` as Python's have them.

    Raises:
        NotMatched: RE2 does not take it.
    """
    # Loaded by who has such expressions: it takes 30 ms.
    import re2

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    options.dot_nl = dot_matches_all
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        why = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise NotMatched(
            f"{pattern!r} is not matched here: {why} (RE2's syntax has neither lookaround nor "
            "backreferences, which can take any time for what a client sends)"
        ) from error
