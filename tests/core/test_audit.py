"""The chain of audit records: any change to it is found."""

import hashlib
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.audit import (
    START,
    AuditRecord,
    BrokenRecord,
    ChainCheck,
    Event,
    chained_record,
    clean_event,
    find_broken_record,
)
from tests.support.builders.trails import a_chain, an_event
from tests.support.ports.clock import NOON

TEXTS = st.text(max_size=8)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
EVENTS = st.builds(
    Event,
    at=st.integers(0, 10**9).map(lambda number: NOON + timedelta(microseconds=number)),
    actor=TEXTS,
    action=TEXTS,
    project=st.none() | TEXTS,
    version=st.none() | TEXTS,
    stage_id=st.none() | TEXTS,
    details=st.dictionaries(TEXTS, PLAIN, max_size=3),
)
CHAINS = st.lists(EVENTS, min_size=2, max_size=8).map(lambda events: a_chain(*events))
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
OTHER_VALUES = {
    "at": st.just(NOON - timedelta(days=1)),
    "actor": TEXTS,
    "action": TEXTS,
    "project": st.none() | TEXTS,
    "version": st.none() | TEXTS,
    "stage_id": st.none() | TEXTS,
    "details": st.dictionaries(TEXTS, PLAIN, max_size=3),
}


@given(CHAINS)
def test_chain_is_whole(records: list[AuditRecord]) -> None:
    """For any events, their chain is whole and contains each of its digests."""
    heads = [None, *(one.digest for one in records)]

    assert {find_broken_record(records, head) for head in heads} == {None}


@given(st.data(), CHAINS)
def test_any_edit_is_found(data: st.DataObject, records: list[AuditRecord]) -> None:
    """For any change to a record, the chain is broken at that record."""
    place = data.draw(st.integers(0, len(records) - 1))
    name = data.draw(st.sampled_from(sorted(OTHER_VALUES)))
    before = records[place]
    edited: Any = {name: data.draw(OTHER_VALUES[name])}
    event = replace(before.event, **edited)
    records[place] = replace(before, event=event)

    is_same = chained_record(before.previous, before.number, event) == before
    broken = BrokenRecord(place + 1, f"Record {place + 1} was changed.")
    assert find_broken_record(records) == (None if is_same else broken)


@given(st.data(), CHAINS)
def test_any_edit_with_a_new_digest_is_found(
    data: st.DataObject, records: list[AuditRecord]
) -> None:
    """With a recomputed digest, the chain is broken one record later, or its head differs."""
    head = records[-1].digest
    place = data.draw(st.integers(0, len(records) - 1))
    before = records[place]
    event = replace(before.event, actor=f"not {before.event.actor}")
    records[place] = chained_record(before.previous, before.number, event)

    found = find_broken_record(records, head)

    assert found is not None
    assert found.number == place + 2


@given(st.data(), CHAINS)
def test_any_deletion_is_found(data: st.DataObject, records: list[AuditRecord]) -> None:
    """For any missing record, the chain is broken there; for the last one, the head differs."""
    head = records[-1].digest
    place = data.draw(st.integers(0, len(records) - 1))
    is_last = place == len(records) - 1
    del records[place]

    number = place + 1
    missing = f"Record {number} is missing: record {number + 1} is in its place."
    cut = "The expected head is not in the chain: records were removed or replaced."
    assert find_broken_record(records) == (None if is_last else BrokenRecord(number, missing))
    assert find_broken_record(records, head) == BrokenRecord(number, cut if is_last else missing)


@given(st.data(), CHAINS)
def test_any_swap_is_found(data: st.DataObject, records: list[AuditRecord]) -> None:
    """For any two swapped records, with or without their numbers, the chain is broken."""
    one, other = data.draw(
        st.lists(st.integers(0, len(records) - 1), min_size=2, max_size=2, unique=True)
    )
    keep_numbers = data.draw(st.booleans())
    first, second = records[one], records[other]
    records[one] = replace(second, number=first.number) if keep_numbers else second
    records[other] = replace(first, number=second.number) if keep_numbers else first

    found = find_broken_record(records)

    assert found is not None
    assert found.number == min(one, other) + 1


@given(st.data(), CHAINS)
def test_any_truncation_is_found(data: st.DataObject, records: list[AuditRecord]) -> None:
    """A truncated chain looks whole, except to a reader with a digest of the removed part."""
    length = data.draw(st.integers(0, len(records) - 1))
    known = data.draw(st.sampled_from(records[length:]))

    assert find_broken_record(records[:length]) is None
    assert find_broken_record(records[:length], known.digest) == BrokenRecord(
        length + 1, "The expected head is not in the chain: records were removed or replaced."
    )


@given(CHAINS, DIGESTS)
def test_recomputed_chain_is_found(records: list[AuditRecord], digest: str) -> None:
    """A digest that the chain does not contain shows that it is another chain."""
    assert find_broken_record(records, digest) is not None


@given(CHAINS, st.integers(1, 4))
def test_chain_can_be_checked_in_parts(records: list[AuditRecord], size: int) -> None:
    """For any parts in which a chain is read, the result of the check is the same."""
    del records[-2]
    walk = ChainCheck()
    for start in range(0, len(records), size):
        walk = walk.extended_with(records[start : start + size])

    assert walk == ChainCheck().extended_with(records)


def test_digest_never_changes() -> None:
    """The digest is the SHA-256 of a record's canonical JSON, so that old trails stay valid."""
    text = (
        '{"action":"opened","actor":"t1","at":"2026-11-22T12:00:00.123456Z",'
        '"details":{"a":["\\u00e9",1,true,null]},"number":1,'
        f'"previous":"{"0" * 64}","project":"demo","stage-id":"s1","version":"2.0"}}'
    )

    record = chained_record(START.digest, 1, an_event(a=["é", 1, True, None]))

    assert record.digest == hashlib.sha256(text.encode()).hexdigest()


def test_digest_covers_all_records_before() -> None:
    """The same event after another one has another digest."""
    first, second = (chained_record(previous, 2, an_event()) for previous in ("0" * 64, "1" * 64))

    assert first.digest != second.digest


def test_time_is_independent_of_the_zone() -> None:
    """The same time in two zones has the same digest."""
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))

    assert a_chain(an_event(at=elsewhere))[0].digest == a_chain(an_event(at=NOON))[0].digest


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_without_json_are_refused(value: Any) -> None:
    """A detail must have one spelling in JSON."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        a_chain(an_event(a=value))


def test_every_text_is_cleaned() -> None:
    """Every text that a client may have chosen is cleaned, at any depth."""
    event = an_event(a="x", b=["x", {"c": "x"}], d=1, e=None)

    clean = clean_event(event, str.upper)

    expected: Any = {"a": "X", "b": ["X", {"c": "X"}], "d": 1, "e": None}
    assert clean == replace(event, project="DEMO", details=expected)
