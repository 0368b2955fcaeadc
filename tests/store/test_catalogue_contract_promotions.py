"""What every catalogue promises of promotions and their journals, each kind of it."""

from dataclasses import replace
from functools import partial

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.core.promotion.journal import Entry, Journal, Progress, new_journal
from stageproxy.core.promotion.promotion import Promotion, Publisher, PublishUrls
from stageproxy.core.stage.stage import Status
from stageproxy.ports import Catalogue, Rows
from tests.store.builders import DAY, HOUR, NOW, a_stage, given
from tests.support.promotion.promotions import a_promotion

ENTRY = Entry(
    "demo.whl", Progress.SENT, NOW, attempts=3, in_doubt=True, said="é ✓", url="https://a/demo.whl"
)


async def save(catalogue: Catalogue, promotion: Promotion) -> None:
    """Keep a promotion in a transaction of its own."""
    await catalogue.write(lambda rows: rows.promotions.save(promotion))


async def write(catalogue: Catalogue, *entries: Entry, stage_id: str = "id") -> None:
    """Keep entries of a journal, each in a transaction of its own."""
    for entry in entries:
        await catalogue.write(partial(_write, stage_id, entry))


def _write(stage_id: str, entry: Entry, rows: Rows) -> None:
    rows.promotions.save_entry(stage_id, entry)


async def kept(catalogue: Catalogue, stage_id: str = "id") -> Promotion | None:
    """Return a promotion as it was kept."""
    return await catalogue.read(lambda rows: rows.promotions.find(stage_id))


async def journal(catalogue: Catalogue, stage_id: str = "id") -> Journal:
    """Return a journal as it was kept."""
    return await catalogue.read(lambda rows: rows.promotions.find_journal(stage_id))


async def unfinished(catalogue: Catalogue) -> list[str]:
    """Return the stages whose promotions may need somebody."""
    found = await catalogue.read(lambda rows: rows.promotions.list())
    return [one.stage_id for one in found]


@pytest.mark.parametrize("publisher", Publisher)
async def test_every_field_comes_back(catalogue: Catalogue, publisher: Publisher) -> None:
    """A promotion is kept as it is, to the microsecond."""
    promotion = replace(
        a_promotion(
            "id", publisher=publisher, acknowledged=("Odd: é.", "Strange."), notices=("One.",)
        ),
        first_sent_at=NOW,
        ended_at=NOW + HOUR,
        fence=2**40,
    )
    await given(catalogue, a_stage("id"))

    await save(catalogue, promotion)

    assert await kept(catalogue) == promotion


async def test_nothing_that_has_not_happened(catalogue: Catalogue) -> None:
    """A promotion that has sent nothing and goes on says so."""
    await given(catalogue, a_stage("id"))

    await save(catalogue, a_promotion("id"))

    assert await kept(catalogue) == a_promotion("id")


async def test_latest_attempt(catalogue: Catalogue) -> None:
    """Kept again, a promotion is as it is now, of all its fields."""
    later = replace(
        a_promotion("id", fence=2, publisher=Publisher.CLIENT, acknowledged=("Odd.",)),
        target=PublishUrls("https://other.example.org/", "https://other.example.org/simple/"),
        leased_until=NOW + HOUR,
        first_sent_at=NOW,
    )
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_promotion("id", ended_at=NOW))

    await save(catalogue, later)

    assert await kept(catalogue) == later


async def test_found_by_its_own_stage(catalogue: Catalogue) -> None:
    """A promotion and a journal are their stage's; others have none."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0"))
    await save(catalogue, a_promotion("id"))
    await write(catalogue, ENTRY)

    assert await kept(catalogue, "other") is None
    assert await journal(catalogue, "other") == {}
    assert await journal(catalogue, "nobody") == {}


async def test_list_of_what_may_need_somebody(catalogue: Catalogue) -> None:
    """Promotions of stages that are neither published nor given up are listed, by stage."""
    for number, status in enumerate(reversed(Status)):
        stage = a_stage(f"{number} {status}", version=f"{number}.0", status=status)
        await given(catalogue, stage)
        await save(catalogue, a_promotion(stage.id, ended_at=NOW))
    await given(catalogue, a_stage("never promoted", version="9", status=Status.ERROR))

    assert await unfinished(catalogue) == ["1 error", "3 processing"]


@pytest.mark.parametrize("progress", Progress)
async def test_every_entry_comes_back(catalogue: Catalogue, progress: Progress) -> None:
    """An entry is kept as it is, in any state."""
    await given(catalogue, a_stage("id"))
    entry = replace(ENTRY, progress=progress)
    plain = Entry("plain.whl", progress, NOW)

    await write(catalogue, plain, entry)

    assert await journal(catalogue) == {"demo.whl": entry, "plain.whl": plain}
    assert list(await journal(catalogue)) == ["demo.whl", "plain.whl"]


async def test_entry_is_changed_in_place(catalogue: Catalogue) -> None:
    """Written again, an entry is as it is now; others stay as they were."""
    await given(catalogue, a_stage("id"))
    await write(catalogue, *new_journal(["a.whl", "demo.whl"], NOW).values())

    await write(catalogue, ENTRY)

    expected = {"a.whl": Entry("a.whl", Progress.PENDING, NOW), "demo.whl": ENTRY}
    assert await journal(catalogue) == expected


async def test_journal_is_forgotten(catalogue: Catalogue) -> None:
    """A journal that is forgotten is gone, the promotion and other journals stay."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0"))
    await save(catalogue, a_promotion("id"))
    await write(catalogue, ENTRY)
    await write(catalogue, ENTRY, stage_id="other")

    await catalogue.write(lambda rows: rows.promotions.remove_journal("id"))

    assert (await journal(catalogue), await kept(catalogue)) == ({}, a_promotion("id"))
    assert await journal(catalogue, "other") == {"demo.whl": ENTRY}


async def test_gone_with_the_stage(catalogue: Catalogue) -> None:
    """Promotion and journal are gone with their stage, and nobody else's."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0", opened_at=NOW + DAY))
    for stage_id in ("id", "other"):
        await save(catalogue, a_promotion(stage_id))
        await write(catalogue, ENTRY, stage_id=stage_id)

    await catalogue.write(lambda rows: rows.stages.remove("id"))

    assert (await kept(catalogue), await journal(catalogue)) == (None, {})
    assert await journal(catalogue, "other") == {"demo.whl": ENTRY}


async def test_no_promotion_without_a_stage(catalogue: Catalogue) -> None:
    """Neither a promotion nor an entry of a stage that is not there can be kept."""
    with pytest.raises(sqlite3.IntegrityError):
        await save(catalogue, a_promotion("nobody"))
    with pytest.raises(sqlite3.IntegrityError):
        await write(catalogue, ENTRY, stage_id="nobody")


async def test_all_or_nothing(catalogue: Catalogue) -> None:
    """A transaction that fails leaves promotion and journal as they were."""
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_promotion("id"))

    def fails(rows: Rows) -> None:
        rows.promotions.save(a_promotion("id", fence=2))
        rows.promotions.save_entry("id", ENTRY)
        raise LookupError

    with pytest.raises(LookupError):
        await catalogue.write(fails)

    assert (await kept(catalogue), await journal(catalogue)) == (a_promotion("id"), {})
