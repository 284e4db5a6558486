"""The spans that the engine writes, and what each of its threads works for."""

from __future__ import annotations

import threading
from typing import Any

from localstack.aws.api import RequestContext

from local_aws.traces import Span, Traces

#: Writes them; ``None`` where none are wanted.
traces: Traces | None = None
#: What this thread works for: its ``header``, if it has any.
here = threading.local()
#: States that wait for an answer, by their token.
waiting: dict[str, Span] = {}


def header_of(context: RequestContext) -> str | None:
    """Return the header of what a call causes; ``None`` where it is of no trace."""
    span: Any = getattr(context, "span", None)
    return span.header if span is not None else None
