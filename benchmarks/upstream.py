"""An index with one small project, in a process of its own.

`python -m benchmarks.upstream` prints its URL.
"""

import asyncio

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex

RELEASES = ("1.0", "1.1", "1.2")


async def serve() -> None:
    """Serve until the process is killed."""
    async with FakeIndex.running() as index:
        for version in RELEASES:
            index.add("demo", a_wheel("demo", version), an_sdist("demo", version))
        print(index.url, flush=True)  # noqa: T201 - read by the parent process
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
