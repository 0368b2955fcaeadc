"""The contract of catalogues: the audit trail."""

from datetime import UTC, datetime

import pytest

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import START, Event, find_broken_record
from stageproxy.core.rights import TokenKind, make_token
from tests.store.builders import a_stage
from tests.support.builders.trails import a_chain, an_event

TOKEN = make_token(TokenKind.STAGE, b"\x07" * 32).reveal()
EVENTS = (
    an_event("opened", stage_id="a", number=1, text="é\x00\ud800", nested={"list": [True, None]}),
    an_event("token-made", stage_id=None),
    an_event("canceled", stage_id="a", at=datetime(2026, 1, 1, tzinfo=UTC)),
    an_event("opened", stage_id="b"),
)


async def given(catalogue: Catalogue, *events: Event) -> None:
    """Store events in one transaction."""

    def work(rows: Rows) -> None:
        for event in events:
            rows.audit.add(event)

    await catalogue.write(work)


async def test_events_are_chained(catalogue: Catalogue) -> None:
    """Events are stored in order as one chain, whose end is the head."""
    await given(catalogue, *EVENTS[:2])
    await given(catalogue, *EVENTS[2:])

    records = await catalogue.read(lambda rows: rows.audit.list())

    assert records == a_chain(*EVENTS)
    assert await catalogue.read(lambda rows: rows.audit.head()) == records[-1].end
    assert find_broken_record(records) is None


async def test_adding_returns_the_record(catalogue: Catalogue) -> None:
    """Adding an event returns its record, with number and digest."""
    (expected,) = a_chain(EVENTS[0])

    assert await catalogue.write(lambda rows: rows.audit.add(EVENTS[0])) == expected


async def test_empty_trail(catalogue: Catalogue) -> None:
    """Before the first event the trail is empty, and its head is the start of the chain."""
    assert await catalogue.read(lambda rows: rows.audit.list()) == []
    assert await catalogue.read(lambda rows: rows.audit.head()) == START


@pytest.mark.parametrize(
    ("stage_id", "after", "limit", "expected"),
    [
        (None, 0, None, [1, 2, 3, 4]),
        (None, 1, 2, [2, 3]),
        (None, 4, None, []),
        ("a", 0, None, [1, 3]),
        ("a", 1, None, [3]),
        ("a", 0, 1, [1]),
        ("c", 0, None, []),
    ],
)
async def test_parts_of_the_trail(
    catalogue: Catalogue, stage_id: str | None, after: int, limit: int | None, expected: list[int]
) -> None:
    """The trail can be read by stage, and in parts."""
    await given(catalogue, *EVENTS)

    found = await catalogue.read(lambda rows: rows.audit.list(stage_id, after=after, limit=limit))

    assert [one.number for one in found] == expected


async def test_failed_change_leaves_no_event(catalogue: Catalogue) -> None:
    """An event is stored with its change, or not at all."""

    def work(rows: Rows) -> None:
        rows.stages.save(a_stage("a"))
        rows.audit.add(EVENTS[0])
        raise LookupError

    with pytest.raises(LookupError):
        await catalogue.write(work)

    assert await catalogue.read(lambda rows: rows.audit.list()) == []
    await given(catalogue, *EVENTS)
    assert await catalogue.read(lambda rows: rows.audit.list()) == a_chain(*EVENTS)


async def test_trail_outlives_the_stage(catalogue: Catalogue) -> None:
    """Removing a stage does not remove its events."""
    await catalogue.write(lambda rows: rows.stages.save(a_stage("a")))
    await given(catalogue, EVENTS[0])

    await catalogue.write(lambda rows: rows.stages.remove("a"))

    assert await catalogue.read(lambda rows: rows.audit.list("a")) == a_chain(EVENTS[0])


async def test_tokens_are_redacted(catalogue: Catalogue) -> None:
    """A token is not stored in any text of an event."""
    await given(catalogue, an_event(a=f"of {TOKEN}", b=[{"c": f"/tmp/demo/{TOKEN}/x"}]))

    records = await catalogue.read(lambda rows: rows.audit.list())

    clean = an_event(a="of stgv_***", b=[{"c": "/tmp/demo/***/x"}])
    assert records == a_chain(clean)


async def test_records_without_a_stage(catalogue: Catalogue) -> None:
    """The records that are about no stage are found by themselves, page by page."""
    await given(
        catalogue,
        an_event("token-made", stage_id=None),
        an_event("opened"),
        an_event("refused", stage_id=None),
        an_event("token-revoked", stage_id=None),
    )

    def pages(rows: Rows) -> list[list[int]]:
        first = rows.audit.list_without_stage(limit=2)
        rest = rows.audit.list_without_stage(after=first[-1].number)
        return [[one.number for one in page] for page in (first, rest)]

    assert await catalogue.read(pages) == [[1, 3], [4]]
