"""Where the checkout and a running cloud's files are, known without any import that costs time."""

from __future__ import annotations

import os

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def home_folder() -> str:
    """Return the folder of one running cloud: ``LOCAL_CLOUD_HOME``, by default ``.local-cloud``."""
    return os.path.realpath(
        os.environ.get("LOCAL_CLOUD_HOME") or os.path.join(PROJECT, ".local-cloud")
    )


def awslocal_log(home: str) -> str:
    """Return where the server of these commands writes its log, which its user alone may read."""
    return os.path.join(home, "logs", "awslocal.log")


def awslocal_socket(home: str) -> str:
    """Return where a running cloud takes the commands of ``awslocal``."""
    return os.path.join(home, "awslocal.socket")
