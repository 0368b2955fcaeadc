"""The contract of catalogues: leases of workers."""

from dataclasses import replace
from functools import partial

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.leases import Lease
from tests.store.builders import HOUR, NOW

LEASE = Lease("background", "a worker", fence=3, until=NOW)


async def save(catalogue: Catalogue, *leases: Lease) -> None:
    """Store leases, each in its own transaction."""
    for lease in leases:
        await catalogue.write(partial(_save, lease))


def _save(lease: Lease, rows: Rows) -> None:
    rows.leases.save(lease)


async def test_every_field_is_stored(catalogue: Catalogue) -> None:
    """Every field of a lease is stored, its time to the microsecond."""
    await save(catalogue, LEASE)

    assert await catalogue.read(lambda rows: rows.leases.find("background")) == LEASE
    assert await catalogue.read(lambda rows: rows.leases.find("other")) is None


async def test_one_of_a_name(catalogue: Catalogue) -> None:
    """A lease takes the place of the one of its name; all are listed by name."""
    other = replace(LEASE, name="another")
    later = replace(LEASE, holder="other worker", fence=4, until=NOW + HOUR)

    await save(catalogue, LEASE, other, later)

    assert [*await catalogue.read(lambda rows: rows.leases.list())] == [other, later]


async def test_removed(catalogue: Catalogue) -> None:
    """A lease whose work is done is removed, and no other one."""
    await save(catalogue, LEASE, replace(LEASE, name="another"))

    await catalogue.write(lambda rows: rows.leases.remove("another"))
    await catalogue.write(lambda rows: rows.leases.remove("unknown"))

    assert [*await catalogue.read(lambda rows: rows.leases.list())] == [LEASE]


async def test_time(catalogue: Catalogue) -> None:
    """The time of the database goes on within a transaction, where it has a clock of its own."""

    def work(rows: Rows) -> bool:
        first, second = rows.now(), rows.now()
        return first is None or second is None or first <= second

    assert await catalogue.write(work)


async def test_renewed(catalogue: Catalogue) -> None:
    """A lease is renewed for its holder, and for nobody else."""
    await save(catalogue, LEASE, replace(LEASE, name="another"))
    later = NOW + HOUR

    is_renewed = await catalogue.write_aside(
        lambda rows: rows.leases.renew("background", "a worker", later)
    )
    by_another = await catalogue.write_aside(
        lambda rows: rows.leases.renew("another", "other worker", later)
    )

    assert (is_renewed, by_another) == (True, False)
    assert [*await catalogue.read(lambda rows: rows.leases.list())] == [
        replace(LEASE, name="another"),
        replace(LEASE, until=later),
    ]
