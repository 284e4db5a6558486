"""API Gateway's quotas for WebSocket APIs; each can be set, so that time-outs can be tested.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    frame: int = 32 * 1024
    message: int = 128 * 1024
    url: int = 4096
    idle: float = 10 * 60
    connection: float = 2 * 60 * 60
    integration: float = 29
    new_connections_per_second: int = 500
    #: Messages of one connection whose integrations run at once; then its socket is not read.
    #: Not a quota of AWS's: it bounds what one client can make the gateway hold.
    in_flight: int = 256
    #: Bytes that wait for a client that does not read; then the connection is cut.
    unread: int = 4 * 1024 * 1024
    #: How long a client may take to send its handshake or to answer a close frame.
    handshake: float = 10
