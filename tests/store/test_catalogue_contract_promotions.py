"""The contract of catalogues: promotions and their journals."""

from dataclasses import replace
from functools import partial

import pytest

from stageproxy.catalogue import Catalogue, ConstraintError, Rows
from stageproxy.core.promotion.journal import Entry, Journal, Progress, new_journal
from stageproxy.core.promotion.promotion import (
    Promotion,
    Publisher,
    PublishUrls,
    StopRequest,
)
from stageproxy.core.stage.stage import Status
from tests.store.builders import DAY, HOUR, NOW, a_stage, given
from tests.support.promotion.promotions import a_promotion

ENTRY = Entry(
    "demo.whl",
    Progress.SENT,
    NOW,
    attempts=3,
    in_doubt=True,
    sentence="é ✓",
    url="https://a/demo.whl",
    has_query=True,
)


async def save(catalogue: Catalogue, promotion: Promotion) -> None:
    """Store a promotion in its own transaction."""
    await catalogue.write(lambda rows: rows.promotions.save(promotion))


async def write(catalogue: Catalogue, *entries: Entry, stage_id: str = "id") -> None:
    """Store entries of a journal, each in its own transaction."""
    for entry in entries:
        await catalogue.write(partial(_write, stage_id, entry))


def _write(stage_id: str, entry: Entry, rows: Rows) -> None:
    rows.promotions.save_entry(stage_id, entry)


async def stored(catalogue: Catalogue, stage_id: str = "id") -> Promotion | None:
    """Return the stored promotion."""
    return await catalogue.read(lambda rows: rows.promotions.find(stage_id))


async def journal(catalogue: Catalogue, stage_id: str = "id") -> Journal:
    """Return the stored journal."""
    return await catalogue.read(lambda rows: rows.promotions.find_journal(stage_id))


async def test_removed_entry(catalogue: Catalogue) -> None:
    """The entry of one artifact of one stage is removed; one that is missing is no error."""
    await given(catalogue, a_stage("id"), a_stage("other", version="3.0"))
    other = replace(ENTRY, filename="other.whl")
    await write(catalogue, ENTRY, other)
    await write(catalogue, ENTRY, stage_id="other")

    for _ in range(2):
        await catalogue.write(lambda rows: rows.promotions.remove_entry("id", ENTRY.filename))

    assert await journal(catalogue) == {"other.whl": other}
    assert await journal(catalogue, "other") == {ENTRY.filename: ENTRY}


async def unfinished(catalogue: Catalogue) -> list[str]:
    """Return the stages whose promotions are unfinished."""
    found = await catalogue.read(lambda rows: rows.promotions.list())
    return [one.stage_id for one in found]


@pytest.mark.parametrize("publisher", Publisher)
async def test_every_field_is_stored(catalogue: Catalogue, publisher: Publisher) -> None:
    """Every field of a promotion is stored, times to the microsecond."""
    promotion = replace(
        a_promotion(
            "id", publisher=publisher, acknowledged=("Odd: é.", "Strange."), notices=("One.",)
        ),
        first_sent_at=NOW,
        ended_at=NOW + HOUR,
        fence=2**40,
        stop=StopRequest("t2", NOW + HOUR),
    )
    await given(catalogue, a_stage("id"))

    await save(catalogue, promotion)

    assert await stored(catalogue) == promotion


async def test_empty_fields_are_stored(catalogue: Catalogue) -> None:
    """A promotion that has sent nothing and has not ended is stored so."""
    await given(catalogue, a_stage("id"))

    await save(catalogue, a_promotion("id"))

    assert await stored(catalogue) == a_promotion("id")


async def test_latest_attempt(catalogue: Catalogue) -> None:
    """Saving a promotion again replaces all of its fields."""
    later = replace(
        a_promotion("id", fence=2, publisher=Publisher.CLIENT, acknowledged=("Odd.",)),
        target=PublishUrls("https://other.example.org/", "https://other.example.org/simple/"),
        leased_until=NOW + HOUR,
        first_sent_at=NOW,
    )
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_promotion("id", ended_at=NOW))

    await save(catalogue, later)

    assert await stored(catalogue) == later


async def test_found_by_stage(catalogue: Catalogue) -> None:
    """A promotion and a journal are found by their stage only."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0"))
    await save(catalogue, a_promotion("id"))
    await write(catalogue, ENTRY)

    assert await stored(catalogue, "other") is None
    assert await journal(catalogue, "other") == {}
    assert await journal(catalogue, "nobody") == {}


async def test_unfinished_promotions_are_listed(catalogue: Catalogue) -> None:
    """Promotions of stages that are neither published nor canceled are listed, by stage."""
    for number, status in enumerate(reversed(Status)):
        stage = a_stage(f"{number} {status}", version=f"{number}.0", status=status)
        await given(catalogue, stage)
        await save(catalogue, a_promotion(stage.id, ended_at=NOW))
    await given(catalogue, a_stage("never promoted", version="9", status=Status.ERROR))

    assert await unfinished(catalogue) == ["1 error", "3 processing"]


@pytest.mark.parametrize("progress", Progress)
async def test_every_entry_is_stored(catalogue: Catalogue, progress: Progress) -> None:
    """Every field of an entry is stored, in every state."""
    await given(catalogue, a_stage("id"))
    entry = replace(ENTRY, progress=progress)
    plain = Entry("plain.whl", progress, NOW)

    await write(catalogue, plain, entry)

    assert await journal(catalogue) == {"demo.whl": entry, "plain.whl": plain}
    assert list(await journal(catalogue)) == ["demo.whl", "plain.whl"]


async def test_entry_is_changed_in_place(catalogue: Catalogue) -> None:
    """Saving an entry again replaces it; other entries are unchanged."""
    await given(catalogue, a_stage("id"))
    await write(catalogue, *new_journal(["a.whl", "demo.whl"], NOW).values())

    await write(catalogue, ENTRY)

    expected = {"a.whl": Entry("a.whl", Progress.PENDING, NOW), "demo.whl": ENTRY}
    assert await journal(catalogue) == expected


async def test_journal_is_removed(catalogue: Catalogue) -> None:
    """Removing a journal leaves the promotion and other journals."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0"))
    await save(catalogue, a_promotion("id"))
    await write(catalogue, ENTRY)
    await write(catalogue, ENTRY, stage_id="other")

    await catalogue.write(lambda rows: rows.promotions.remove_journal("id"))

    assert (await journal(catalogue), await stored(catalogue)) == ({}, a_promotion("id"))
    assert await journal(catalogue, "other") == {"demo.whl": ENTRY}


async def test_removed_with_the_stage(catalogue: Catalogue) -> None:
    """Promotion and journal are removed with their stage; those of others stay."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0", opened_at=NOW + DAY))
    for stage_id in ("id", "other"):
        await save(catalogue, a_promotion(stage_id))
        await write(catalogue, ENTRY, stage_id=stage_id)

    await catalogue.write(lambda rows: rows.stages.remove("id"))

    assert (await stored(catalogue), await journal(catalogue)) == (None, {})
    assert await journal(catalogue, "other") == {"demo.whl": ENTRY}


async def test_no_promotion_without_a_stage(catalogue: Catalogue) -> None:
    """A promotion or an entry of an unknown stage cannot be stored."""
    with pytest.raises(ConstraintError):
        await save(catalogue, a_promotion("nobody"))
    with pytest.raises(ConstraintError):
        await write(catalogue, ENTRY, stage_id="nobody")


async def test_all_or_nothing(catalogue: Catalogue) -> None:
    """A transaction that fails leaves promotion and journal unchanged."""
    await given(catalogue, a_stage("id"))
    await save(catalogue, a_promotion("id"))

    def fails(rows: Rows) -> None:
        rows.promotions.save(a_promotion("id", fence=2))
        rows.promotions.save_entry("id", ENTRY)
        raise LookupError

    with pytest.raises(LookupError):
        await catalogue.write(fails)

    assert (await stored(catalogue), await journal(catalogue)) == (a_promotion("id"), {})
