"""Chooses the mode that a user has asked for."""

from __future__ import annotations

from typing import Any

from local_cloud.installation import Home, Ports
from local_cloud.mode import Mode


def make_mode(name: str, ports: Ports, home: Home, wanted: dict[str, Any] | None = None) -> Mode:
    """Return the mode of this name: ``embedded`` or ``docker``.

    Args:
        wanted: the stack that an embedded cloud has instead of the agent.
    """
    # Imported when chosen: each brings what the other does not need.
    if name == "docker":
        from local_cloud.docker_mode.mode import DockerMode

        return DockerMode(ports, home)
    from local_cloud.embedded import EmbeddedMode

    return EmbeddedMode(ports, home, wanted)
