"""What stops a deployment."""


class DeployFailed(RuntimeError):
    """The stack cannot be deployed; the message says why and what to do."""
