"""An inspector without a process of its own, for thousands of tests."""

import asyncio
from pathlib import Path

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents, read_contents


class InProcessInspector:
    """Reads archives on a thread of this process; see `store.files.Inspector`."""

    async def read_contents(self, path: Path, name: DistributionName) -> Contents:
        """Return the contents of the archive at *path*, or its problems."""
        return await asyncio.to_thread(self._read, path, name)

    def _read(self, path: Path, name: DistributionName) -> Contents:
        with path.open("rb") as file:
            return read_contents(file, name)
