"""The contract of catalogues: what servers count together."""

import asyncio
from datetime import timedelta

from stageproxy.catalogue import Catalogue
from tests.store.builders import NOW

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


async def add(catalogue: Catalogue, used: timedelta, at: timedelta = timedelta(0)) -> timedelta:
    """Take from a bucket that is refilled in a minute, some time after `NOW`."""
    return await catalogue.write_aside(lambda rows: rows.rates.add("one", used, MINUTE, NOW + at))


async def test_what_is_missing(catalogue: Catalogue) -> None:
    """A bucket loses what is used, is refilled with time, and never lacks more than it holds."""
    first = await add(catalogue, 20 * SECOND)
    second = await add(catalogue, 20 * SECOND, at=10 * SECOND)
    emptied = await add(catalogue, 50 * SECOND, at=10 * SECOND)
    full_again = await add(catalogue, 2 * MINUTE, at=5 * MINUTE)

    assert (first, second) == (20 * SECOND, 30 * SECOND)
    assert (emptied, full_again) == (MINUTE, MINUTE)


async def test_used_by_many(catalogue: Catalogue) -> None:
    """What several servers use at the same time all counts."""
    missing = await asyncio.gather(*(add(catalogue, SECOND) for _ in range(10)))

    assert sorted(missing) == [n * SECOND for n in range(1, 11)]


async def test_full_buckets(catalogue: Catalogue) -> None:
    """Buckets that are full again are removed, and no others."""
    await add(catalogue, SECOND)
    await catalogue.write_aside(lambda rows: rows.rates.add("two", 2 * SECOND, MINUTE, NOW))

    await catalogue.write(lambda rows: rows.rates.remove_full(NOW + SECOND))

    missing = await catalogue.write_aside(lambda rows: rows.rates.add("two", SECOND, MINUTE, NOW))
    assert await add(catalogue, SECOND) == SECOND
    assert missing == 3 * SECOND
