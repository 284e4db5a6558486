"""Text that others have written, as it may go to a terminal or into a log.

Control characters move the cursor, set titles and forge lines; marks of direction show another
order than there is. Each is shown as an escape, such as ``\\x1b`` or ``\\u202e``.
https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
"""

from __future__ import annotations

import logging
import re

from local_aws.redaction import shown

#: Beside line ends and tabs: C0 and C1, marks of direction, separators of lines and paragraphs,
#: halves of surrogate pairs, tags.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    """Return a text with escapes for what would steer a terminal; lines and tabs stay."""
    return text if text.isprintable() else _UNPRINTABLE.sub(_escaped, text)


def printable_line(text: str) -> str:
    """Return a text as one line, with escapes for what would steer a terminal or end the line."""
    return text if text.isprintable() else printable(text).replace("\n", "\\n")


def _escaped(found: re.Match[str]) -> str:
    # From 0x7f on as JSON has it, so that what is JSON stays that.
    number = ord(found[0])
    if number < 0x7F:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


class LineFormatter(logging.Formatter):
    """Formats records so that no message can look like two, or has a secret of somebody's in it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return printable_line(shown(super().formatMessage(record)))

    def formatException(self, ei: logging._SysExcInfoType) -> str:  # noqa: N802
        return "    " + printable(super().formatException(ei)).replace("\n", "\n    ")


def log_to_stderr() -> None:
    """Have the records of this process written to standard error, a line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
