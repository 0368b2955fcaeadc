"""The chain of records: what was written is found to be whole, and nothing else is."""

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
def test_a_chain_is_whole(records: list[AuditRecord]) -> None:
    """For any events, their chain is whole, and every digest in it is one that it had once."""
    heads = [None, *(one.digest for one in records)]

    assert {find_broken_record(records, head) for head in heads} == {None}


@given(st.data(), CHAINS)
def test_any_edit_is_found(data: st.DataObject, records: list[AuditRecord]) -> None:
    """Whatever is changed in a record, the chain is broken right there (77)."""
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
    """Who computes the digest anew breaks the chain one further, or the head is another one."""
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
    """Whichever record is missing, the chain is broken there; of the last, the head tells (77)."""
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
    """Whichever two records change places, with or without their numbers, it is found (77)."""
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
def test_any_cut_is_found_with_the_head(data: st.DataObject, records: list[AuditRecord]) -> None:
    """A chain that lost its end looks whole, but not to who knows a digest that was in there."""
    kept = data.draw(st.integers(0, len(records) - 1))
    known = data.draw(st.sampled_from(records[kept:]))

    assert find_broken_record(records[:kept]) is None
    assert find_broken_record(records[:kept], known.digest) == BrokenRecord(
        kept + 1, "The expected head is not in the chain: records were removed or replaced."
    )


@given(CHAINS, DIGESTS)
def test_a_chain_that_is_computed_anew_is_found(records: list[AuditRecord], digest: str) -> None:
    """A digest that the chain never had says that it is another one."""
    assert find_broken_record(records, digest) is not None


@given(CHAINS, st.integers(1, 4))
def test_a_chain_may_be_walked_in_parts(records: list[AuditRecord], size: int) -> None:
    """However a chain is cut for reading, the walk along it is the same."""
    del records[-2]
    walk = ChainCheck()
    for start in range(0, len(records), size):
        walk = walk.extended_with(records[start : start + size])

    assert walk == ChainCheck().extended_with(records)


def test_digest_is_fixed_for_good() -> None:
    """The digest is the SHA-256 of a record's canonical JSON: old trails have to stay whole."""
    text = (
        '{"action":"opened","actor":"t1","at":"2026-11-22T12:00:00.123456Z",'
        '"details":{"a":["\\u00e9",1,true,null]},"number":1,'
        f'"previous":"{"0" * 64}","project":"demo","stage-id":"s1","version":"2.0"}}'
    )

    record = chained_record(START.digest, 1, an_event(a=["é", 1, True, None]))

    assert record.digest == hashlib.sha256(text.encode()).hexdigest()


def test_digest_is_of_all_that_was_before() -> None:
    """The same event after another one has another digest: whoever edits one edits all after it."""
    first, second = (chained_record(previous, 2, an_event()) for previous in ("0" * 64, "1" * 64))

    assert first.digest != second.digest


def test_a_moment_is_the_same_in_all_zones() -> None:
    """What counts is when it happened, not how that is told."""
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))

    assert a_chain(an_event(at=elsewhere))[0].digest == a_chain(an_event(at=NOON))[0].digest


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_tell_is_refused(value: Any) -> None:
    """A value that has no spelling is no detail."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        a_chain(an_event(a=value))


def test_cleaning_reaches_every_text() -> None:
    """Whatever a client may have had a say in goes through, however deep it is."""
    event = an_event(a="x", b=["x", {"c": "x"}], d=1, e=None)

    clean = clean_event(event, str.upper)

    expected: Any = {"a": "X", "b": ["X", {"c": "X"}], "d": 1, "e": None}
    assert clean == replace(event, project="DEMO", details=expected)
