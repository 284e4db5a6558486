"""Chooses the mode that a user has asked for."""

from __future__ import annotations

from local_cloud.installation import Home, Options, Ports
from local_cloud.mode import Mode


def make_mode(name: str, ports: Ports, home: Home, options: Options) -> Mode:
    """Return the mode of this name: ``embedded`` or ``docker``."""
    # Imported when chosen: each brings what the other does not need.
    if name == "docker":
        from local_cloud.docker_mode.mode import DockerMode

        return DockerMode(ports, home, options)
    from local_cloud.embedded import EmbeddedMode

    return EmbeddedMode(ports, home, options)
