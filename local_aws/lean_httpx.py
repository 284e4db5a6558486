"""``httpx`` without its command line, which would load ``rich`` and ``pygments`` for nobody.

They are installed beside it here, and take 6 MB and a tenth of a second of each process.
"""

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # as if they were not there

import httpx  # noqa: E402

__all__ = ["httpx"]
