"""``python -m local_cloud.engine``: LocalStack, with the plugins as they are installed now.

LocalStack remembers which plugins there are in the user's cache, and does not notice when the kit
is installed anew in the same place: one that is new would be missing. Here it looks again at each
start, which takes 40 ms.
"""

import tempfile
from pathlib import Path

from local_cloud.engine.lighter import lighten

lighten()

from localstack.runtime.main import main  # noqa: E402
from plux.runtime.cache import EntryPointsCache  # noqa: E402

if __name__ == "__main__":
    # A folder of this engine's own: emptied before each start, or the container's.
    EntryPointsCache.instance()._cache_dir = Path(tempfile.mkdtemp(prefix="plugins-"))
    main()
