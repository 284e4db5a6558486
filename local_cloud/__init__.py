"""The whole cloud of a WebSocket agent on one laptop: the embedded mode and its command line."""

import sys

# botocore would load PyOpenSSL, a fifth of what its import takes, only to find out the standard
# library's SSLContext by it. It does without where it is missing.
sys.modules.setdefault("urllib3.contrib.pyopenssl", None)  # type: ignore[arg-type]
