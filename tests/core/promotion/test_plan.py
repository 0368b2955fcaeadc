"""The order of promotion, and the next step from the journal and the index."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.promotion.confirmation import IndexFile
from stageproxy.core.promotion.journal import Entry, Journal, Progress
from stageproxy.core.promotion.plan import (
    Compare,
    Confirm,
    Finished,
    NextStep,
    Pace,
    Send,
    Stop,
    Wait,
    plan_promotion,
)
from stageproxy.core.stage.order import in_promotion_order, promotion_waves
from stageproxy.core.stage.stage import Artifact
from tests.support.builders.stages import an_artifact
from tests.support.ports.clock import NOON

PATIENCE = timedelta(minutes=10)
URL = "https://files.example.org/"
IN_ORDER = [
    an_artifact("demo-2.0-cp311-cp311-win32.whl"),
    an_artifact("demo-2.0-py3-none-any.whl"),
    an_artifact("demo-2.0.tar.gz"),
]
FIRST, SECOND, SDIST = IN_ORDER
PENDING, SENDING, SENT, CONFIRMED, REFUSED, UNKNOWN = Progress
SETTLED = {SENT, CONFIRMED}

PACE = Pace(parallel=4, poll=timedelta(seconds=5), patience=timedelta(minutes=10))
SECONDS = {0: 5, 1: 10, 2: 20, 3: 40, 4: 80, 5: 120, 6: 120, 1_000_000: 120}


def a_journal(*progress: Progress, in_doubt: bool = False, age: float = 0) -> Journal:
    """Return the journal of the first artifacts in order, changed *age* minutes ago."""
    at = NOON - timedelta(minutes=age)
    return {
        artifact.filename: Entry(artifact.filename, one, at, in_doubt=in_doubt, sentence="Why not.")
        for artifact, one in zip(IN_ORDER, progress, strict=False)
    }


def seen_of(*artifacts: Artifact, sha256: str | None = "") -> Mapping[str, IndexFile]:
    """Return artifacts as an index lists them: with their own hash, another one, or none."""
    return {
        one.filename: IndexFile(one.sha256 if sha256 == "" else sha256, URL + one.filename)
        for one in artifacts
    }


def plan(journal: Journal, listed: Mapping[str, IndexFile] | None = None) -> NextStep:
    """Return the next step for the artifacts of a journal."""
    artifacts = [one for one in IN_ORDER if one.filename in journal]
    return plan_promotion(reversed(artifacts), listed or {}, journal, NOON, patience=PATIENCE)


@given(st.permutations(IN_ORDER))
def test_wheels_go_first_and_the_sdist_last(artifacts: Sequence[Artifact]) -> None:
    """For any order of uploads, the sdist is sent after every wheel."""
    assert in_promotion_order(artifacts) == IN_ORDER


STEPS = {
    "nothing was sent: one wheel alone": ([PENDING] * 3, Send([FIRST])),
    "the first is in doubt: it alone, once more": ([UNKNOWN, PENDING, PENDING], Send([FIRST])),
    "the first was cut short: it alone": ([SENDING, PENDING, PENDING], Send([FIRST])),
    "all are in doubt: the first alone": ([UNKNOWN] * 3, Send([FIRST])),
    "the first was taken: the other wheels": ([SENT, PENDING, PENDING], Send([SECOND])),
    "the second was taken: the other wheels": ([PENDING, SENT, PENDING], Send([FIRST])),
    "the first is out: the other wheels": ([CONFIRMED, UNKNOWN, PENDING], Send([SECOND])),
    "all wheels were taken: wait for them": (
        [SENT, SENT, PENDING],
        Wait([FIRST.filename, SECOND.filename]),
    ),
    "one wheel is not shown yet: wait for it": (
        [CONFIRMED, SENT, PENDING],
        Wait([SECOND.filename]),
    ),
    "all wheels are out: the sdist": ([CONFIRMED, CONFIRMED, PENDING], Send([SDIST])),
    "the sdist is in doubt: once more": ([CONFIRMED, CONFIRMED, UNKNOWN], Send([SDIST])),
    "the sdist was taken: wait for it": (
        [CONFIRMED, CONFIRMED, SENT],
        Wait([SDIST.filename]),
    ),
    "all is out: finished": ([CONFIRMED] * 3, Finished()),
    "the sdist came first: the wheels": ([PENDING, PENDING, CONFIRMED], Send([FIRST, SECOND])),
    "a wheel was refused": (
        [CONFIRMED, REFUSED, PENDING],
        Stop(f"{SECOND.filename} was refused: Why not."),
    ),
    "a release of wheels alone": ([CONFIRMED, CONFIRMED], Finished()),
}


@pytest.mark.parametrize(("progress", "expected"), STEPS.values(), ids=STEPS)
def test_next_step(progress: Sequence[Progress], expected: NextStep) -> None:
    """The next step follows from the state of each artifact if the index lists nothing new."""
    assert plan(a_journal(*progress)) == expected


@pytest.mark.parametrize("progress", [PENDING, UNKNOWN])
def test_only_an_sdist(progress: Progress) -> None:
    """A release of an sdist alone waits for no wheel."""
    journal = {SDIST.filename: Entry(SDIST.filename, progress, NOON)}

    assert plan(journal) == Send([SDIST])


@pytest.mark.parametrize("progress", sorted(set(Progress) - {CONFIRMED}))
def test_listed_with_the_staged_hash(progress: Progress) -> None:
    """A file that the index lists with the staged hash is confirmed, whatever the journal has."""
    step = plan(a_journal(PENDING, progress, PENDING), seen_of(SECOND))

    assert step == Confirm({SECOND.filename: URL + SECOND.filename})


@pytest.mark.parametrize("progress", sorted(set(Progress) - {SENT}))
def test_other_bytes_stop_everything(progress: Progress) -> None:
    """Other bytes under any staged filename stop the promotion, even if a file could be sent."""
    step = plan(a_journal(PENDING, PENDING, progress), seen_of(SDIST, sha256="0" * 64))

    in_doubt = progress in {Progress.SENDING, UNKNOWN}
    assert step == Stop(
        f"{SDIST.filename} is already on the index with other bytes: sha256 {'0' * 64}, but "
        f"{SDIST.sha256} is staged. A filename cannot be used twice.",
        (SDIST.filename,) if in_doubt else (),
    )


@pytest.mark.parametrize("progress", sorted(set(Progress) - {CONFIRMED}))
def test_listed_without_a_hash(progress: Progress) -> None:
    """A file that is listed without a hash is compared before anything is sent."""
    step = plan(a_journal(PENDING, progress, PENDING), seen_of(SECOND, sha256=None))

    assert step == Compare({SECOND.filename: URL + SECOND.filename})


def test_confirmed_file_is_not_compared_again() -> None:
    """A file is compared once."""
    step = plan(a_journal(CONFIRMED, CONFIRMED, PENDING), seen_of(FIRST, SECOND, sha256=None))

    assert step == Send([SDIST])


def test_other_files_do_not_matter() -> None:
    """Other files of the project on the index are ignored."""
    older = an_artifact("demo-1.0.tar.gz")

    assert plan(a_journal(*[CONFIRMED] * 3), seen_of(older, sha256=None)) == Finished()


LATE = {
    "taken a moment ago": (SENT, False, 9.9, None),
    "taken long ago": (SENT, False, 10, "was accepted, but the index does not list it yet"),
    "refused just now": (REFUSED, False, 0, "was refused: Why not."),
    "refused in doubt, just now": (REFUSED, True, 9.9, None),
    "refused in doubt, long ago": (REFUSED, True, 10, "was refused: Why not."),
    "in doubt for long": (UNKNOWN, True, 1000, None),
    "confirmed for long": (CONFIRMED, False, 1000, None),
}


@pytest.mark.parametrize(("progress", "in_doubt", "age", "why"), LATE.values(), ids=LATE)
def test_patience(progress: Progress, age: float, why: str | None, *, in_doubt: bool) -> None:
    """An index has some time to list an accepted file; a refusal counts once it is not in doubt."""
    step = plan(a_journal(progress, CONFIRMED, CONFIRMED, in_doubt=in_doubt, age=age))

    reason = step.reason if isinstance(step, Stop) else None
    assert (reason is None) == (why is None)
    assert (why or "") in (reason or "")


@pytest.mark.parametrize("sentence", ["Not allowed to do it", "Not allowed to do it."])
def test_refusal_is_a_sentence(sentence: str) -> None:
    """The sentence of the index ends with a full stop."""
    refused = Entry(FIRST.filename, REFUSED, NOON, sentence=sentence)

    step = plan({FIRST.filename: refused})

    assert step == Stop(f"{FIRST.filename} was refused: Not allowed to do it.")


def test_doubt_ends_with_the_patience() -> None:
    """A refused file that the index does not list in all that time is not in doubt."""
    step = plan(a_journal(REFUSED, CONFIRMED, REFUSED, in_doubt=True, age=10))

    assert isinstance(step, Stop)
    assert step.refused == (FIRST.filename, SDIST.filename)


@pytest.mark.parametrize("age", [60 * 24 * 3, -60 * 24 * 3], ids=["on", "back"])
def test_changed_clock(age: float) -> None:
    """A clock that was set forward or back does not cause a wait of days."""
    step = plan(a_journal(CONFIRMED, SENT, age=age))

    assert isinstance(step, Stop)
    assert "again to check again" in step.reason


entries = st.builds(
    Entry,
    filename=st.just("-"),
    progress=st.sampled_from(Progress),
    changed_at=st.sampled_from([NOON, NOON - PATIENCE]),
    in_doubt=st.booleans(),
)
journals = st.tuples(entries, entries, entries).map(
    lambda three: {
        one.filename: replace(entry, filename=one.filename)
        for one, entry in zip(IN_ORDER, three, strict=True)
    }
)
pages = st.dictionaries(
    st.sampled_from([one.filename for one in IN_ORDER]),
    st.builds(
        IndexFile,
        st.sampled_from([None, "0" * 64, *(one.sha256 for one in IN_ORDER)]),
        st.just(URL),
    ),
)


@given(journals, pages)
def test_sdist_waits_for_every_wheel(journal: Journal, listed: Mapping[str, IndexFile]) -> None:
    """For any journal and page, the sdist is sent alone, after every wheel is confirmed."""
    step = plan(journal, listed)

    if isinstance(step, Send) and SDIST in step.artifacts:
        assert step.artifacts == [SDIST]
        assert {journal[one.filename].progress for one in (FIRST, SECOND)} == {CONFIRMED}


@given(journals, pages)
def test_first_file_is_sent_alone(journal: Journal, listed: Mapping[str, IndexFile]) -> None:
    """For any journal and page, the first file is sent alone."""
    step = plan(journal, listed)

    if isinstance(step, Send) and not {one.progress for one in journal.values()} & SETTLED:
        assert len(step.artifacts) == 1


@given(journals, pages)
def test_no_file_is_sent_twice(journal: Journal, listed: Mapping[str, IndexFile]) -> None:
    """For any journal and page, no file is sent that was accepted, was refused, or is listed."""
    step = plan(journal, listed)

    sent = step.artifacts if isinstance(step, Send) else []
    assert not {journal[one.filename].progress for one in sent} & {SENT, CONFIRMED, REFUSED}
    assert not {one.filename for one in sent} & set(listed)


@given(journals, pages)
def test_finished_if_all_is_confirmed(journal: Journal, listed: Mapping[str, IndexFile]) -> None:
    """For any journal and page, it is finished if and only if every file is confirmed."""
    is_ours = all(
        one.filename not in listed or listed[one.filename].sha256 in {None, one.sha256}
        for one in IN_ORDER
    )
    are_confirmed = {one.progress for one in journal.values()} == {CONFIRMED}

    assert (plan(journal, listed) == Finished()) == (is_ours and are_confirmed)


@given(journals, pages)
def test_confirmed_files_stay_confirmed(journal: Journal, listed: Mapping[str, IndexFile]) -> None:
    """For any journal and page, a file is confirmed once."""
    step = plan(journal, listed)

    if isinstance(step, Confirm):
        done = {name: journal[name].confirmed(url, NOON) for name, url in step.files.items()}
        assert not isinstance(plan({**journal, **done}, listed), Confirm)


@pytest.mark.parametrize(("failures", "seconds"), SECONDS.items())
def test_pauses_double(failures: int, seconds: int) -> None:
    """Each failure in a row doubles the pause, up to two minutes."""
    assert PACE.pause_after(failures) == timedelta(seconds=seconds)


@pytest.mark.parametrize("artifacts", [IN_ORDER, [FIRST, SDIST], [SDIST], [FIRST], IN_ORDER[:2]])
@pytest.mark.parametrize("published", [0, 1])
def test_waves(artifacts: Sequence[Artifact], published: int) -> None:
    """A promotion without a failure sends the waves that a review shows as its moments."""
    names = [one.filename for one in artifacts]
    sent: list[list[str]] = []
    done = names[:published]

    while len(done) < len(names):
        journal = {
            name: Entry(name, CONFIRMED if name in done else PENDING, NOON) for name in names
        }
        step = plan_promotion(artifacts, {}, journal, NOON, patience=PATIENCE)
        assert isinstance(step, Send)
        sent.append([one.filename for one in step.artifacts])
        done = [*done, *sent[-1]]

    waves = promotion_waves(artifacts, names[:published])
    assert [[one.filename for one in wave] for wave in waves] == sent
