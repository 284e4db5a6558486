"""Access log lines in a stage's ``$context`` format.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from local_aws.redaction import REDACTED, shown
from local_aws.secret_names import Secrecy, secrecy_of

#: Variables that the gateway itself fills: nobody's text is in them.
_OWN = frozenset(
    {
        *("requestId", "extendedRequestId", "connectionId", "messageId", "apiId", "stage"),
        *("routeKey", "eventType", "messageDirection", "status", "identity.sourceIp"),
        *("connectedAt", "requestTime", "requestTimeEpoch"),
    }
)
_VARIABLE = re.compile(r"\$context((?:\.\w+)+)|\$\{context((?:\.\w+)+)\}")


class AccessLogFormat:
    """A format such as ``$context.identity.sourceIp $context.routeKey $context.status``.

    Unlike on AWS, what an authorizer hands on under the name of a secret is not written.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, context: Mapping[str, Any]) -> str:
        """Return a line; a variable without a value is a dash, as with API Gateway."""

        def value(match: re.Match[str]) -> str:
            found: Any = context
            path = (match[1] or match[2])[1:]
            name = ""
            for name in path.split("."):
                found = found.get(name) if isinstance(found, Mapping) else None
            if found is None or found == "":
                return "-"
            if path in _OWN:
                return str(found)
            if secrecy_of(name) >= Secrecy.TEXTS:
                return REDACTED
            # A line stays a line, and the quotes of a JSON format stay its own.
            return shown(str(found)).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

        return _VARIABLE.sub(value, self.text)
