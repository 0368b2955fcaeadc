"""The next step of a promotion, and its pace.

Starting over is the algorithm: a plan is made of what the index lists and what
the journal says, and of nothing else, so that a crash anywhere is no special case.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stageproxy.core.promotion.advice import advice_on
from stageproxy.core.promotion.confirmation import IndexFile, is_other, other_bytes
from stageproxy.core.promotion.journal import Entry, Journal, Progress
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Artifact, ArtifactKind

_SETTLED = frozenset({Progress.SENT, Progress.CONFIRMED})
_TO_SEND = frozenset({Progress.PENDING, Progress.SENDING, Progress.UNKNOWN})
_ENDS = (".", "!", "?")
"""What ends a sentence: the index's own may have nothing there, and ours follow."""

_LONGEST_PAUSE = timedelta(minutes=2)
_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast to go, and when to give up.

    `parallel`: how many files are sent at the same time; `poll`: how long to
    wait before looking or sending again, doubled with each failure in a row;
    `patience`: how long the index may take to show what it accepted;
    `attempts`: how often in a row a file may go unanswered; `renew`: how often
    to give a sign of life while something takes long.
    """

    parallel: int
    poll: timedelta
    patience: timedelta
    attempts: int = 10
    renew: timedelta = timedelta(minutes=1)

    def pause_after(self, failures: int) -> timedelta:
        """Return how long to wait after so many failures in a row."""
        doubled: timedelta = self.poll * 2 ** min(failures, _MOST_DOUBLINGS)
        return min(doubled, _LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class Confirm:
    """The index shows these artifacts with our hash, which the journal does not know yet."""

    files: Mapping[str, str]
    """Where each of them is, by filename."""


@dataclass(frozen=True, slots=True)
class Compare:
    """The index shows these files without a hash: only their bytes can tell."""

    files: Mapping[str, str]
    """Where each of them is, by filename."""


@dataclass(frozen=True, slots=True)
class Send:
    """These artifacts may be sent now, at the same time."""

    artifacts: Sequence[Artifact]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may be sent until the index shows what it has accepted."""

    filenames: Sequence[str]


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing more may be sent, and this is why.

    `refused` are files in doubt that are not out after all: the index says no
    to them, and has not shown them for as long as it may take, or it shows
    other bytes under their names.
    """

    reason: str
    refused: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The index has shown every artifact with our hash, each at some time."""


NextStep = Confirm | Compare | Send | Wait | Stop | Finished


def plan_promotion(
    artifacts: Iterable[Artifact],
    seen: Mapping[str, IndexFile],
    journal: Journal,
    now: datetime,
    *,
    patience: timedelta,
) -> NextStep:
    """Return what is to be done next, from what the index shows and what the journal says.

    *patience*: how long the index may take to show what it has accepted.
    Other bytes under a name of ours stop everything, before anything else.
    """
    ordered = in_promotion_order(artifacts)
    for artifact in ordered:
        if is_other(artifact, seen.get(artifact.filename)):
            reason = other_bytes(artifact, seen[artifact.filename])
            return Stop(reason, _displaced(journal[artifact.filename]))
    unsettled = [one for one in ordered if journal[one.filename].progress is not Progress.CONFIRMED]
    shown = {one.filename: seen[one.filename] for one in unsettled if one.filename in seen}
    if new := {name: it.url for name, it in shown.items() if it.sha256 is not None}:
        return Confirm(new)
    if unhashed := {name: it.url for name, it in shown.items()}:
        return Compare(unhashed)
    if not unsettled:
        return Finished()
    late = [
        entry
        for entry in (journal[one.filename] for one in unsettled)
        # A clock that was set back must not make us wait until it is there again.
        if abs(now - entry.changed_at) >= patience
    ]
    over = _why_it_is_over([journal[one.filename] for one in unsettled], late)
    return Stop(over, _refused_in(late)) if over else _next_wave(ordered, journal)


def _next_wave(ordered: Sequence[Artifact], journal: Journal) -> Send | Wait:
    """Return what may be sent: one artifact alone, then all wheels, then the sdist.

    PyPI makes the release with the first file, and answers 500 to others that
    come meanwhile. The sdist waits until users see every wheel.
    """
    if not any(journal[one.filename].progress in _SETTLED for one in ordered):
        return _sending(ordered[:1], journal)
    wheels = [one for one in ordered if one.kind is ArtifactKind.WHEEL]
    if any(journal[one.filename].progress is not Progress.CONFIRMED for one in wheels):
        return _sending(wheels, journal)
    return _sending(ordered, journal)


def _sending(wave: Sequence[Artifact], journal: Journal) -> Send | Wait:
    to_send = [one for one in wave if journal[one.filename].progress in _TO_SEND]
    if to_send:
        return Send(to_send)
    waiting = (one.filename for one in wave if not _is_confirmed(journal[one.filename]))
    return Wait(list(waiting))


def _is_confirmed(entry: Entry) -> bool:
    return entry.progress is Progress.CONFIRMED


def _why_it_is_over(entries: Sequence[Entry], late: Collection[Entry]) -> str | None:
    """Return why to go no further, if anything was refused or does not show up."""
    for entry in entries:
        is_late = entry in late
        if entry.progress is Progress.REFUSED and (is_late or not entry.in_doubt):
            said = entry.said if entry.said.endswith(_ENDS) else f"{entry.said}."
            return f"{entry.filename} was refused: {said} {advice_on(said)}".rstrip()
        if entry.progress is Progress.SENT and is_late:
            return (
                f"{entry.filename} was accepted, but the index does not list it yet. "
                "Run `stageproxy promote STAGE` again to check again; nothing is sent twice."
            )
    return None


def _displaced(entry: Entry) -> tuple[str, ...]:
    """Return a file whose name has other bytes: a doubt whether it is out is none any more."""
    is_in_doubt = entry.may_be_out and not _is_confirmed(entry)
    return (entry.filename,) if is_in_doubt else ()


def _refused_in(late: Iterable[Entry]) -> tuple[str, ...]:
    """Return which files were in doubt, and are not any more."""
    doubtful = (one for one in late if one.progress is Progress.REFUSED and one.in_doubt)
    return tuple(one.filename for one in doubtful)
