"""A function's inline code becomes a zip without a command ``zip``, which few machines have."""

from localstack.utils import testutil


def zip_in_python() -> None:
    """Have LocalStack use Python's own module, on every system."""
    testutil.is_debian = lambda: False
