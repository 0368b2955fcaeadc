"""Concurrent promotions, and changes of a stage during its promotion."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from tests.batteries.promotion_races import Race, Races, another_wheel, changed_wheel
from tests.batteries.report import SEED, BatteryReport
from tests.support.clients.http import Answer
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


async def upload_another(race: Race) -> Answer:
    """Add a wheel to the release."""
    return await race.service.upload(another_wheel(race))


async def delete_one(race: Race) -> Answer:
    """Remove the first file of the release."""
    name = next(iter(race.hashes))
    return await race.service.api("DELETE", f"stages/{race.stage_id}/files/{name}")


async def replace_one(race: Race) -> Answer:
    """Replace a wheel of the release."""
    return await race.service.upload(changed_wheel(race))


CHANGES: Mapping[str, Callable[[Race], Awaitable[Answer]]] = {
    "upload": upload_another,
    "delete": delete_one,
    "replace": replace_one,
}


@pytest.fixture
async def races(tmp_path: Path, index: FakeIndex) -> AsyncIterator[Races]:
    """Return a service on which many releases are published."""
    async with Races.open(tmp_path / "data", index) as races:
        yield races


@rounds(5, 100)
async def test_concurrent_promotions_by_the_server(races: Races, rounds: int) -> None:
    """Of two promotions of a stage one is refused, and no file is sent twice."""
    for _ in range(rounds):
        race = await races.new_race()

        answers = await asyncio.gather(race.promote(), race.promote())

        assert sorted(one.status for one in answers) == [202, 409]
        assert (await race.until_over(), race.violations(), race.uploads) == ("published", [], 3)

    BatteryReport("promotion-races: servers", SEED, {"rounds": rounds}).check()


@rounds(5, 100)
async def test_concurrent_promotions_by_clients(races: Races, rounds: int) -> None:
    """Of two clients that publish a stage one is refused, and the other publishes it."""
    for _ in range(rounds):
        race = await races.new_race()

        answers = await asyncio.gather(
            race.promote(publisher="client"), race.promote(publisher="client")
        )
        (winner,) = (one.document for one in answers if one.status == 202)
        is_held = await race.publish_as_client(winner["fence"])

        assert (sorted(one.status for one in answers), is_held) == ([202, 409], True)
        assert (await race.status(), race.violations(), race.uploads) == ("published", [], 3)

    BatteryReport("promotion-races: clients", SEED, {"rounds": rounds}).check()


@rounds(5, 100)
async def test_takeover_of_a_silent_client(races: Races, rounds: int) -> None:
    """The client that takes over publishes the stage; the silent one changes nothing."""
    for _ in range(rounds):
        race = await races.new_race()
        races.service.index.uploads.faults = [races.a_hanging_upload(race)]
        first = (await race.promote(publisher="client")).document["fence"]

        async with asyncio.TaskGroup() as group:
            silent = group.create_task(race.publish_as_client(first))
            await race.until_it_hangs()
            races.service.clock.advance(minutes=16)
            second = (await race.promote(publisher="client")).document["fence"]
            unrecorded = await race.unrecorded()
            is_held = await race.publish_as_client(second)

        assert (silent.result(), is_held, second) == (False, True, first + 1)
        assert (await race.status(), race.violations(unrecorded)) == ("published", [])

    BatteryReport("promotion-races: silent clients", SEED, {"rounds": rounds}).check()


@rounds(20, 200)
async def test_changes_during_a_promotion(races: Races, rounds: int) -> None:
    """Either the plan is published or nothing, whatever changes meanwhile."""
    outcomes: Counter[tuple[str, int, int]] = Counter()
    for number in range(rounds):
        race = await races.new_race()
        kind = list(CHANGES)[number % len(CHANGES)]
        change = CHANGES[kind]

        promoted, changed = await asyncio.gather(
            races.at_random_time(race.promote), races.at_random_time(partial(change, race))
        )

        outcomes[kind, promoted.status, changed.status] += 1
        status = await race.until_over()
        if promoted.status == 202:
            assert (status, race.on_index, race.violations()) == ("published", race.hashes, [])
        else:
            assert (status, race.on_index, race.uploads) == ("open", {}, 0)

    counts = {" ".join(map(str, one)): times for one, times in sorted(outcomes.items())}
    BatteryReport("promotion-races: changes", SEED, {"rounds": rounds, **counts}).check()
    assert {promoted for _, promoted, _ in outcomes} == {202, 409}
