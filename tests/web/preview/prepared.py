"""A stage that is read again and again, at a server that asks upstream only now and then."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.preview_reader import PreviewReader
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.clock import FakeClock
from tests.support.promotion.promotion_client import promotion_settings
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(version="2.0", requires_python=">=3.8")
SDIST = an_sdist(version="2.0")
PUBLIC_URL = "http://stageproxy.example"
A_MINUTE = 60
SOON = 0.2
"""After so many seconds, upstream is asked again by tests that wait for it."""


def serving(
    folder: Path,
    index: FakeIndex,
    fresh_for: float = A_MINUTE,
    clock: FakeClock | None = None,
    database: str = "",
    **upstream: int,
) -> AbstractAsyncContextManager[RunningService]:
    """Run a server. All servers in one folder share the data, and the public URL.

    *database*: the URL of a PostgreSQL database, instead of one in the folder.
    """
    return running_service(
        folder / "data",
        index,
        clock=clock,
        server={"port": 0, "public_url": PUBLIC_URL},
        upstream={"fresh_for": fresh_for, **upstream},
        storage={"database": database},
        promotion=promotion_settings(index),
    )


@asynccontextmanager
async def reading(
    folder: Path,
    index: FakeIndex,
    fresh_for: float = A_MINUTE,
    database: str = "",
    **upstream: int,
) -> AsyncIterator[PreviewReader]:
    """Return a reader of the stage of demo 2.0, with demo 1.0 and other 1.0 on the index.

    *upstream*: more settings of this section.
    """
    index.add("demo", a_wheel(version="1.0"), an_sdist(version="1.0"))
    index.add("other", a_wheel("other"))
    async with serving(folder, index, fresh_for, None, database, **upstream) as service:
        index.uploads.use(service.clock)
        yield PreviewReader.of(service, await service.staged(WHEEL, SDIST))
