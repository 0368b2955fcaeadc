"""The contract of catalogues: stages and tokens."""

import asyncio
import threading
from dataclasses import replace

import pytest

from stageproxy.catalogue import Catalogue, ConstraintError, Rows
from stageproxy.core.stage.stage import LIVE, Status
from tests.store.builders import DAY, FORM, NOW, a_stage, an_api_token, an_artifact, given

ENDED = sorted(set(Status) - LIVE)


async def test_stage_is_stored(catalogue: Catalogue) -> None:
    """Every field of a stage is stored, times to the microsecond."""
    stage = replace(
        a_stage("id", status=Status.ERROR),
        revision=3,
        rotation=2,
        ended_at=NOW + DAY,
        reason="Why.",
        sent=True,
    )

    await given(catalogue, stage)

    assert await catalogue.read(lambda rows: rows.stages.find("id")) == stage


async def test_unknown_ids_are_not_found(catalogue: Catalogue) -> None:
    """An unknown id or digest finds nothing, without an error."""

    def work(rows: Rows) -> list[object]:
        return [
            rows.stages.find("id"),
            rows.stages.find_by_token("digest"),
            rows.stages.find_live("demo", "1.0"),
            rows.artifacts.find_former("id", "digest", "name"),
            rows.artifacts.find_core_metadata("id", "name"),
            rows.tokens.find("digest"),
            *rows.stages.list(),
            *rows.tokens.list(),
            *rows.files.digests(),
        ]

    assert await catalogue.read(work) == [None] * 6


async def test_saving_a_stage_again_changes_it(catalogue: Catalogue) -> None:
    """A stage is one row, however often it is saved; its artifacts stay."""
    stage = a_stage("id", version=None)
    await given(catalogue, stage)
    await catalogue.write(lambda rows: rows.artifacts.save("id", an_artifact(), FORM, None))

    await given(catalogue, replace(stage, version="1.0", revision=1))

    expected = replace(stage, version="1.0", revision=1, artifacts=(an_artifact(),))
    assert await catalogue.read(lambda rows: rows.stages.list()) == [expected]


async def test_stages_are_listed_latest_first(catalogue: Catalogue) -> None:
    """The latest stage is first; stages of the same time are sorted by id."""
    await given(
        catalogue,
        a_stage("old", version="1.0", opened_at=NOW - DAY),
        a_stage("b", version="2.0"),
        a_stage("a", version="3.0"),
        a_stage("other", project="other", opened_at=NOW + DAY),
    )

    def work(rows: Rows) -> tuple[list[str], list[str]]:
        return [one.id for one in rows.stages.list()], [one.id for one in rows.stages.list("demo")]

    assert await catalogue.read(work) == (["other", "a", "b", "old"], ["a", "b", "old"])


async def test_stages_are_listed_up_to_a_number_of_files(catalogue: Catalogue) -> None:
    """Behind the stage with which there are too many files there is one more."""
    stages = [a_stage(f"s{number}", version=f"{number}.0") for number in range(4)]
    await given(catalogue, *stages)

    def work(rows: Rows) -> None:
        for stage in stages:
            rows.artifacts.save(stage.id, an_artifact(stage.id.encode()), (), None)

    await catalogue.write(work)
    listed = await catalogue.read(lambda rows: rows.stages.list(most_files=1))

    assert [one.id for one in listed] == ["s0", "s1", "s2"]


@pytest.mark.parametrize("spelling", ["1.0", "1", "1.0.0", "v1.0"])
async def test_live_stage_is_found_by_any_spelling(catalogue: Catalogue, spelling: str) -> None:
    """A live stage is found by every spelling of its version."""
    await given(catalogue, a_stage("id", version="1.0"), a_stage("next", version="1.0.1"))

    found = await catalogue.read(lambda rows: rows.stages.find_live("demo", spelling))

    assert found is not None
    assert found.id == "id"


@pytest.mark.parametrize("status", sorted(LIVE))
async def test_one_live_stage_of_a_release(catalogue: Catalogue, status: Status) -> None:
    """The database refuses a second live stage of a release."""
    await given(catalogue, a_stage("first", version="1.0", status=status))

    with pytest.raises(ConstraintError):
        await given(catalogue, a_stage("second", version="1.0.0"))

    assert await catalogue.read(lambda rows: rows.stages.find("second")) is None


@pytest.mark.parametrize("status", ENDED)
async def test_ended_stage_can_be_followed(catalogue: Catalogue, status: Status) -> None:
    """A release whose stage has ended can be staged again; the ended one is not live."""
    await given(catalogue, a_stage("first", status=status), a_stage("second"))

    found = await catalogue.read(lambda rows: rows.stages.find_live("demo", "1.0"))

    assert found == a_stage("second")


async def test_stages_without_version_do_not_collide(catalogue: Catalogue) -> None:
    """A project may have several stages without a version."""
    await given(catalogue, a_stage("a", version=None), a_stage("b", version=None))

    assert len(await catalogue.read(lambda rows: rows.stages.list())) == 2


async def test_old_tokens_are_found(catalogue: Catalogue) -> None:
    """Each token finds its stage and the rotation that it belongs to."""
    stage = replace(a_stage("id"), rotation=1)
    await given(catalogue, stage)

    def work(rows: Rows) -> None:
        rows.stages.save_token("old", "id", 0)
        rows.stages.save_token("new", "id", 1)

    await catalogue.write(work)

    assert await catalogue.read(lambda rows: rows.stages.find_by_token("old")) == (stage, 0)
    assert await catalogue.read(lambda rows: rows.stages.find_by_token("new")) == (stage, 1)


async def test_api_tokens(catalogue: Catalogue) -> None:
    """API tokens are stored whole, listed latest first, and changed in place."""
    old = an_api_token("old", created_at=NOW - DAY, version="1.0", expires_at=NOW + DAY)
    new = an_api_token("new")

    revoked = replace(old, revoked_at=NOW)

    def work(rows: Rows) -> None:
        for token in (old, new, revoked):
            rows.tokens.save(token)

    await catalogue.write(work)

    assert await catalogue.read(lambda rows: rows.tokens.list()) == [new, revoked]
    assert await catalogue.read(lambda rows: rows.tokens.find(old.digest)) == revoked


async def test_names_of_api_tokens(catalogue: Catalogue) -> None:
    """The names of tokens are found by their ids, also of revoked ones; some tokens have none."""
    named = replace(an_api_token("a"), name="ci-linux")
    revoked = replace(an_api_token("b"), name="old", revoked_at=NOW)

    def work(rows: Rows) -> None:
        for token in (named, revoked, an_api_token("c")):
            rows.tokens.save(token)

    await catalogue.write(work)

    names = await catalogue.read(lambda rows: rows.tokens.names())
    assert names == {"a": "ci-linux", "b": "old"}
    assert await catalogue.read(lambda rows: rows.tokens.find(named.digest)) == named


async def test_api_tokens_have_unique_digests(catalogue: Catalogue) -> None:
    """Two API tokens cannot have the same digest."""
    await catalogue.write(lambda rows: rows.tokens.save(an_api_token("a", digest="same")))

    with pytest.raises(ConstraintError):
        await catalogue.write(lambda rows: rows.tokens.save(an_api_token("b", digest="same")))


async def test_failed_transaction_leaves_nothing(catalogue: Catalogue) -> None:
    """A transaction that raises changes nothing, and the next one is not disturbed."""

    def fails(rows: Rows) -> None:
        rows.stages.save(a_stage("id"))
        rows.artifacts.save("id", an_artifact(), FORM, None)
        raise LookupError

    with pytest.raises(LookupError):
        await catalogue.write(fails)

    await given(catalogue, a_stage("next"))
    assert await catalogue.read(lambda rows: rows.stages.list()) == [a_stage("next")]
    assert await catalogue.read(lambda rows: rows.files.digests()) == frozenset()


async def test_writing_aside_is_stored_as_a_whole(catalogue: Catalogue) -> None:
    """What is written beside other transactions is stored, or nothing of it."""

    def fails(rows: Rows) -> None:
        rows.tokens.save(an_api_token("lost"))
        raise LookupError

    stored = an_api_token("stored")
    await catalogue.write_aside(lambda rows: rows.tokens.save(stored))
    with pytest.raises(LookupError):
        await catalogue.write_aside(fails)

    assert await catalogue.read(lambda rows: rows.tokens.list()) == [stored]


async def test_reads_see_committed_rows_only(shared: Catalogue) -> None:
    """Rows of a transaction cannot be read before it is committed."""
    begun, may_end = threading.Event(), threading.Event()

    def slow(rows: Rows) -> None:
        rows.stages.save(a_stage("id"))
        begun.set()
        may_end.wait(10)

    writing = threading.Thread(target=lambda: asyncio.run(shared.write(slow)))
    writing.start()
    begun.wait(10)
    before = await shared.read(lambda rows: rows.stages.find("id"))
    may_end.set()
    writing.join(10)

    assert before is None
    assert await shared.read(lambda rows: rows.stages.find("id")) == a_stage("id")


async def test_read_is_a_snapshot(shared: Catalogue) -> None:
    """A commit between two look-ups of one read does not show in the second.

    It did once: a stage could be read with newer artifacts than itself.
    """

    def work(rows: Rows) -> tuple[int, int]:
        before = len(rows.stages.list())
        writing = threading.Thread(target=lambda: asyncio.run(given(shared, a_stage("id"))))
        writing.start()
        writing.join(10)
        return before, len(rows.stages.list())

    assert await shared.read(work) == (0, 0)
    assert await shared.read(lambda rows: len(rows.stages.list())) == 1
