"""Promotions at the same time as others, or as changes of what they publish."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from tests.batteries.promotion_races import Arena, Bout, another_wheel, same_wheel_anew
from tests.support.clients.asking import Answer
from tests.support.index.fake_index import FakeIndex


def rounds(short: int, long: int) -> pytest.MarkDecorator:
    """Run a test in a short form with every change, and in a long one before releases."""
    return pytest.mark.parametrize(
        "rounds",
        [
            pytest.param(short, id=f"{short} rounds", marks=pytest.mark.journey),
            pytest.param(
                long, id=f"{long} rounds", marks=[pytest.mark.battery, pytest.mark.timeout(3600)]
            ),
        ],
    )


async def upload_another(bout: Bout) -> Answer:
    """Add a wheel to the release."""
    return await bout.service.upload(another_wheel(bout))


async def delete_one(bout: Bout) -> Answer:
    """Remove the first file of the release."""
    name = next(iter(bout.hashes))
    return await bout.service.api("DELETE", f"stages/{bout.stage_id}/files/{name}")


async def replace_one(bout: Bout) -> Answer:
    """Put other bytes in place of a wheel of the release."""
    return await bout.service.upload(same_wheel_anew(bout))


CHANGES: Mapping[str, Callable[[Bout], Awaitable[Answer]]] = {
    "upload": upload_another,
    "delete": delete_one,
    "replace": replace_one,
}


@pytest.fixture
async def arena(tmp_path: Path, index: FakeIndex) -> AsyncIterator[Arena]:
    """Return a service where many releases are published."""
    async with Arena.open(tmp_path / "data", index) as arena:
        yield arena


@rounds(5, 100)
async def test_two_orders_for_the_server(arena: Arena, rounds: int) -> None:
    """Of two that order the same stage to be published one is told no, and nothing goes twice."""
    for _ in range(rounds):
        bout = await arena.bout()

        answers = await asyncio.gather(bout.promote(), bout.promote())

        assert sorted(one.status for one in answers) == [202, 409]
        assert (await bout.until_over(), bout.broken(), bout.uploads) == ("published", [], 3)


@rounds(5, 100)
async def test_two_orders_from_elsewhere(arena: Arena, rounds: int) -> None:
    """Of two that want to publish a stage themselves one may, and does."""
    for _ in range(rounds):
        bout = await arena.bout()

        answers = await asyncio.gather(*(bout.promote(publisher="client") for _ in range(2)))
        (won,) = (one.document for one in answers if one.status == 202)
        is_kept = await bout.publish_here(won["fence"])

        assert (sorted(one.status for one in answers), is_kept) == ([202, 409], True)
        assert (await bout.status(), bout.broken(), bout.uploads) == ("published", [], 3)


@rounds(5, 100)
async def test_holder_that_was_silent(arena: Arena, rounds: int) -> None:
    """Whoever takes over publishes to the end; who comes back from its silence writes nothing."""
    for _ in range(rounds):
        bout = await arena.bout()
        arena.service.index.uploads.faults = [arena.hang(bout)]
        first = (await bout.promote(publisher="client")).document["fence"]

        async with asyncio.TaskGroup() as group:
            silent = group.create_task(bout.publish_here(first))
            await bout.until_it_hangs()
            arena.service.clock.advance(minutes=16)
            second = (await bout.promote(publisher="client")).document["fence"]
            unheard = await bout.unheard()
            is_kept = await bout.publish_here(second)

        assert (silent.result(), is_kept, second) == (False, True, first + 1)
        assert (await bout.status(), bout.broken(unheard)) == ("published", [])


@rounds(20, 200)
async def test_changes_while_it_is_frozen(
    arena: Arena, rounds: int, record_property: Callable[[str, object], None]
) -> None:
    """What is published is what was looked at, or nothing is, whatever comes in between."""
    outcomes: Counter[tuple[str, int, int]] = Counter()
    for number in range(rounds):
        bout = await arena.bout()
        kind = list(CHANGES)[number % len(CHANGES)]
        change = CHANGES[kind]

        promoted, changed = await asyncio.gather(
            arena.at_some_moment(bout.promote), arena.at_some_moment(partial(change, bout))
        )

        outcomes[kind, promoted.status, changed.status] += 1
        status = await bout.until_over()
        if promoted.status == 202:
            assert (status, bout.on_index, bout.broken()) == ("published", bout.hashes, [])
        else:
            assert (status, bout.on_index, bout.uploads) == ("open", {}, 0)

    record_property("changes while it is frozen", str(outcomes))
    print(outcomes)  # noqa: T201 - what this is run for
    assert {promoted for _, promoted, _ in outcomes} == {202, 409}
