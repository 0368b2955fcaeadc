"""States of a journal entry, and the events that change it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.promotion.journal import (
    Entry,
    Progress,
    anything_may_be_published,
    confirmed_in,
    final_files,
    new_journal,
)
from stageproxy.core.promotion.replies import Accepted, Refused, Unanswered
from tests.support.ports.clock import NOON

LATER = NOON + timedelta(minutes=1)
URL = "https://files.example.org/demo.whl"
PENDING, SENDING, SENT, CONFIRMED, REFUSED, UNKNOWN = Progress

EVENTS: Mapping[str, Callable[[Entry], Entry]] = {
    "sending": lambda entry: entry.sending(LATER),
    "accepted": lambda entry: entry.answered(Accepted("OK"), LATER),
    "refused": lambda entry: entry.answered(Refused(400, "No."), LATER),
    "unanswered": lambda entry: entry.answered(Unanswered("Hm."), LATER),
    "withheld": lambda entry: entry.interrupted(LATER),
    "confirmed": lambda entry: entry.confirmed(URL, LATER),
    "resumed": lambda entry: entry.resumed(LATER),
    "denied": lambda entry: entry.refused_in_doubt(LATER),
}
ALWAYS = {
    "sending": SENDING,
    "accepted": SENT,
    "refused": REFUSED,
    "unanswered": UNKNOWN,
    "withheld": PENDING,
    "confirmed": CONFIRMED,
    "denied": REFUSED,
}
RESUMED = {
    PENDING: PENDING,
    SENDING: UNKNOWN,
    SENT: SENT,
    CONFIRMED: CONFIRMED,
    REFUSED: PENDING,
    UNKNOWN: UNKNOWN,
}
CELLS = [
    pytest.param(state, event, ALWAYS.get(event, RESUMED[state]), id=f"{state}-{event}")
    for state in Progress
    for event in EVENTS
]
MAKES_DOUBT = {
    "unanswered": set(Progress),
    "resumed": {SENDING, UNKNOWN},
    "denied": set(Progress) - {REFUSED},
}

FOLLOWING = [
    *((state, event) for state in (PENDING, SENDING, REFUSED, UNKNOWN) for event in EVENTS),
    *((state, event) for state in (SENT, CONFIRMED) for event in ("confirmed", "resumed")),
]
"""The events that can happen in each state: an accepted file is not sent again."""


def an_entry(progress: Progress, *, in_doubt: bool = False) -> Entry:
    """Return the entry of a file that was sent once."""
    return Entry("demo.whl", progress, NOON, attempts=1, in_doubt=in_doubt, sentence="Before.")


@pytest.mark.parametrize(("state", "event", "expected"), CELLS)
def test_each_event_has_the_outcome_of_the_table(
    state: Progress, event: str, expected: Progress
) -> None:
    """Each event has one outcome in each state; an upload without an answer sets doubt."""
    after = EVENTS[event](an_entry(state))

    is_doubtful = state in MAKES_DOUBT.get(event, set())
    assert (after.progress, after.in_doubt) == (expected, is_doubtful)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", Progress)
def test_doubt_stays(state: Progress, event: str) -> None:
    """A file that may have been accepted once stays in doubt, whatever a later attempt returns."""
    after = EVENTS[event](an_entry(state, in_doubt=True))

    assert after.in_doubt
    assert after.may_be_published


@pytest.mark.parametrize("state", Progress)
def test_reported_file_counts_as_sent(state: Progress) -> None:
    """A file that was only reported as published counts as sent until the index lists it."""
    entry = replace(an_entry(state), url=URL)

    expected = replace(entry, progress=SENT, url="", changed_at=LATER)
    assert entry.unconfirmed(LATER) == (expected if state is CONFIRMED else entry)


def test_doubtful_file_is_not_pending_again() -> None:
    """A file in doubt does not become pending if its stored copy is damaged."""
    assert an_entry(SENDING, in_doubt=True).interrupted(LATER).progress is UNKNOWN


SAID = {
    "accepted": "OK",
    "refused": "No.",
    "unanswered": "Hm.",
    "sending": "Before.",
    "withheld": "Before.",
    "confirmed": "Before.",
}


@pytest.mark.parametrize(("event", "sentence"), SAID.items())
def test_last_answer_is_stored(event: str, sentence: str) -> None:
    """An entry has the last answer of the index and the time of its last change."""
    after = EVENTS[event](an_entry(SENDING))

    assert (after.sentence, after.changed_at) == (sentence, LATER)


def test_attempts_are_counted() -> None:
    """Each upload of a file is counted, and nothing else is."""
    entry = an_entry(PENDING).sending(LATER).answered(Unanswered("Hm."), LATER).sending(LATER)

    assert entry.confirmed(URL, LATER).attempts == 3


def test_confirmed_entry_has_a_url() -> None:
    """A confirmed entry has the URL of the file."""
    expected = replace(an_entry(CONFIRMED), url=URL, changed_at=LATER)

    assert an_entry(SENT).confirmed(URL, LATER) == expected


@pytest.mark.parametrize("state", [SENT, REFUSED, UNKNOWN, SENDING])
def test_resuming_restarts_the_patience(state: Progress) -> None:
    """A promotion that resumes waits for the index from the start."""
    assert an_entry(state).resumed(LATER).changed_at == LATER


@pytest.mark.parametrize("state", [PENDING, CONFIRMED])
def test_resuming_keeps_settled_entries(state: Progress) -> None:
    """Resuming does not change entries that are pending or confirmed."""
    assert an_entry(state).resumed(LATER) == an_entry(state)


MAY_BE_PUBLISHED = {
    PENDING: False,
    SENDING: True,
    SENT: True,
    CONFIRMED: True,
    REFUSED: False,
    UNKNOWN: True,
}


@pytest.mark.parametrize(("state", "expected"), MAY_BE_PUBLISHED.items())
def test_visible_files(state: Progress, *, expected: bool) -> None:
    """A file may be visible unless it was not sent, or was refused without doubt."""
    journal = {**new_journal(["a", "b"], NOON), "demo.whl": an_entry(state)}

    assert an_entry(state).may_be_published == expected
    assert anything_may_be_published(journal) == expected


def test_new_journal() -> None:
    """A new journal has every file, all of them pending."""
    journal = new_journal(["a", "b"], NOON)

    assert journal == {"a": Entry("a", PENDING, NOON), "b": Entry("b", PENDING, NOON)}
    assert not anything_may_be_published(journal)


def test_confirmed_by_filename() -> None:
    """Confirmed files are listed in the order of filenames."""
    journal = {**{name: Entry(name, CONFIRMED, NOON) for name in "ba"}, **new_journal("c", NOON)}

    assert [entry.filename for entry in confirmed_in(journal)] == ["a", "b"]


@pytest.mark.parametrize("in_doubt", [False, True])
@pytest.mark.parametrize(("state", "event"), FOLLOWING)
def test_possible_reports(state: Progress, event: str, *, in_doubt: bool) -> None:
    """An entry can be reported in every state that can follow its last one."""
    before = an_entry(state, in_doubt=in_doubt or state is UNKNOWN)

    assert before.is_followed_by(EVENTS[event](before))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (an_entry(CONFIRMED), an_entry(PENDING)),
        (an_entry(CONFIRMED), an_entry(UNKNOWN, in_doubt=True)),
        (an_entry(SENT), an_entry(PENDING)),
        (an_entry(SENT), an_entry(REFUSED)),
        (an_entry(SENDING, in_doubt=True), an_entry(PENDING)),
        (an_entry(UNKNOWN, in_doubt=True), an_entry(REFUSED)),
        (an_entry(REFUSED, in_doubt=True), an_entry(PENDING)),
    ],
)
def test_impossible_reports(before: Entry, after: Entry) -> None:
    """A file that is or may be published cannot become pending again."""
    assert not before.is_followed_by(after)


def test_final_files() -> None:
    """Files that may be published are final, each with its reason; others are not."""
    journal = {
        one: Entry(one, one, NOON, in_doubt=one is Progress.REFUSED)
        for one in (*Progress,)
        if one is not Progress.PENDING
    }
    certain = {"a": Entry("a", Progress.PENDING, NOON), "b": Entry("b", Progress.REFUSED, NOON)}

    unanswered = "may be published, because the index has not answered"
    assert final_files({**journal, **certain}) == {
        Progress.SENDING: unanswered,
        Progress.SENT: "was accepted by the index",
        Progress.CONFIRMED: "is published",
        Progress.REFUSED: unanswered,
        Progress.UNKNOWN: unanswered,
    }


AT = "https://files.example"
KEPT = {
    "plain": (f"{AT}/a.whl", f"{AT}/a.whl", False),
    "signed": (
        f"{AT}/a.whl?X-Amz-Signature=b",
        f"{AT}/a.whl",
        True,
    ),
    "an empty query": (f"{AT}/a.whl?", f"{AT}/a.whl", True),
    "a fragment": (f"{AT}/a.whl#sha256=c?d", f"{AT}/a.whl", False),
    "a user": (
        "https://user:secret@files.example/p@q/a.whl",
        f"{AT}/p@q/a.whl",
        False,
    ),
    "no URL": ("../a.whl?token=b", "../a.whl", True),
    "an invalid host": ("https://[::1/a.whl?token=b", "https://[::1/a.whl", True),
}


@pytest.mark.parametrize(("url", "kept", "has_query"), KEPT.values(), ids=KEPT)
def test_kept_url(url: str, kept: str, *, has_query: bool) -> None:
    """Of a file's URL, neither query nor user nor fragment is kept, whoever found it."""
    entry = Entry("a.whl", Progress.SENT, NOON)

    confirmed = entry.confirmed(url, LATER)
    reported = replace(entry, progress=Progress.CONFIRMED, url=url).reported(LATER)

    assert confirmed == reported
    assert (confirmed.url, confirmed.has_query) == (kept, has_query)
