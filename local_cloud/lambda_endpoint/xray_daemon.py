"""The port of X-Ray's daemon: takes the segments that functions' SDKs send, such as powertools'.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon
"""

from __future__ import annotations

import asyncio
import logging
import os
import time

from local_aws.segments import spans_of
from local_aws.traces import Traces
from local_cloud.lambda_endpoint.execution_environment import DAEMON

LOG = logging.getLogger(__name__)


#: Whoever can run programs here can send some; each is read by the loop that serves functions.
MOST_A_SECOND = 1000


class XRayDaemon(asyncio.DatagramProtocol):
    """Writes the spans of each datagram: a line that says its format, and a segment document.

    Nobody has to say who they are, so that is all that a datagram does, and of more than
    :data:`MOST_A_SECOND` the rest is left out, as X-Ray's daemon does that has no room.
    """

    def __init__(self, traces: Traces) -> None:
        self.traces = traces
        self._second, self._taken, self._left_out = 0, 0, 0

    def _has_room(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            if self._left_out:
                LOG.warning("%d segments in a second too many were left out", self._left_out)
            self._second, self._taken, self._left_out = second, 0, 0
        self._taken += 1
        if self._taken <= MOST_A_SECOND:
            return True
        self._left_out += 1
        return False

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Write what is in a datagram; one that is none is left out."""
        if not self._has_room():
            return
        _, _, document = data.partition(b"\n")
        try:
            for span in spans_of(document):
                self.traces.write(span)
        except ValueError as error:
            LOG.debug("no segment: %s", error)


async def listen(traces: Traces) -> asyncio.DatagramTransport | None:
    """Listen on a free port of 127.0.0.1, which functions are told; if there is none already."""
    if DAEMON in os.environ:
        return None
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: XRayDaemon(traces), local_addr=("127.0.0.1", 0)
    )
    host, port = transport.get_extra_info("sockname")
    os.environ[DAEMON] = f"{host}:{port}"
    return transport
