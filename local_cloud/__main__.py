"""``python -m local_cloud``: the command line."""

from local_cloud.cli import main

main()
