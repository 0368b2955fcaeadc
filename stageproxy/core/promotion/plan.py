"""The next step of a promotion, and its pace.

Each step is planned anew from what the index lists and what the journal contains,
and from nothing else. A crash is therefore not a special case.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stageproxy.core.promotion.confirmation import (
    IndexFile,
    has_other_bytes,
    other_bytes_message,
    swapped_message,
)
from stageproxy.core.promotion.journal import Entry, Journal, Progress
from stageproxy.core.promotion.replies import advice_on
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Artifact, ArtifactKind

_SETTLED = frozenset({Progress.SENT, Progress.CONFIRMED})
_TO_SEND = frozenset({Progress.PENDING, Progress.SENDING, Progress.UNKNOWN})
_ENDS = (".", "!", "?")
"""What ends a sentence. An index may leave it out, and our sentences follow."""

_LONGEST_PAUSE = timedelta(minutes=2)
_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of a promotion, and when it gives up.

    `parallel`: how many files are sent at the same time. `poll`: how long to wait
    before the next request, doubled with each consecutive failure. `patience`: how
    long the index may take to list a file it accepted. `attempts`: how often in a
    row a file may get no answer. `renew`: how often the lease is renewed.
    """

    parallel: int
    poll: timedelta
    patience: timedelta
    attempts: int = 10
    renew: timedelta = timedelta(minutes=1)

    def pause_after(self, failures: int) -> timedelta:
        """Return how long to wait after a number of consecutive failures."""
        doubled: timedelta = self.poll * 2 ** min(failures, _MOST_DOUBLINGS)
        return min(doubled, _LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class Confirm:
    """The index lists these artifacts with our hash, and the journal has to record it."""

    files: Mapping[str, str]
    """Their URLs by filename."""


@dataclass(frozen=True, slots=True)
class Compare:
    """The index lists these files without a hash, so their bytes have to be compared."""

    files: Mapping[str, str]
    """Their URLs by filename."""


@dataclass(frozen=True, slots=True)
class Send:
    """These artifacts can be sent now, in parallel."""

    artifacts: Sequence[Artifact]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be sent until the index lists these accepted files."""

    filenames: Sequence[str]


@dataclass(frozen=True, slots=True)
class Stop:
    """The promotion cannot continue, for this *reason*.

    `refused` are files in doubt that are not published: the index refused them
    and has not listed them in time, or lists their filenames with other bytes.
    """

    reason: str
    refused: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The index has listed every artifact with our hash at some time."""


NextStep = Confirm | Compare | Send | Wait | Stop | Finished


def plan_promotion(
    artifacts: Iterable[Artifact],
    listed: Mapping[str, IndexFile],
    journal: Journal,
    now: datetime,
    *,
    patience: timedelta,
) -> NextStep:
    """Return the next step, from what the index lists and what the journal contains.

    *patience*: how long the index may take to list a file it accepted. Other
    bytes under the filename of an artifact stop the promotion first of all.
    """
    ordered = in_promotion_order(artifacts)
    for artifact in ordered:
        if has_other_bytes(artifact, listed.get(artifact.filename)):
            return _stop_at_other_bytes(
                artifact, listed[artifact.filename], journal[artifact.filename]
            )
    unsettled = [one for one in ordered if journal[one.filename].progress is not Progress.CONFIRMED]
    found = {one.filename: listed[one.filename] for one in unsettled if one.filename in listed}
    if hashed := {name: file.url for name, file in found.items() if file.sha256 is not None}:
        return Confirm(hashed)
    if unhashed := {name: file.url for name, file in found.items()}:
        return Compare(unhashed)
    if not unsettled:
        return Finished()
    late = [
        entry
        for entry in (journal[one.filename] for one in unsettled)
        # After a clock was set back, the difference is negative and must not extend the wait.
        if abs(now - entry.changed_at) >= patience
    ]
    reason_to_stop = _find_reason_to_stop([journal[one.filename] for one in unsettled], late)
    if reason_to_stop:
        return Stop(reason_to_stop, _refused_in(late))
    return _next_wave(ordered, journal)


def _next_wave(ordered: Sequence[Artifact], journal: Journal) -> Send | Wait:
    """Return what can be sent: one artifact alone, then all wheels, then the sdist.

    PyPI creates the release with the first file, and answers 500 to files that
    arrive meanwhile. The sdist waits until the index lists every wheel.
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


def _find_reason_to_stop(entries: Sequence[Entry], late: Collection[Entry]) -> str | None:
    """Return why to stop, if a file was refused or is not listed in time."""
    for entry in entries:
        is_late = entry in late
        if entry.progress is Progress.REFUSED and (is_late or not entry.in_doubt):
            end = "" if entry.sentence.endswith(_ENDS) else "."
            sentence = f"{entry.sentence}{end}"
            return f"{entry.filename} was refused: {sentence} {advice_on(sentence)}".rstrip()
        if entry.progress is Progress.SENT and is_late:
            return (
                f"{entry.filename} was accepted, but the index does not list it yet. "
                "Run `stageproxy promote STAGE` again to check again; nothing is sent twice."
            )
    return None


def _stop_at_other_bytes(artifact: Artifact, listed: IndexFile, entry: Entry) -> Stop:
    """Return the end of a promotion whose file has other bytes on the index.

    A file in doubt is then not published, as its name is taken. One that the index
    has accepted was replaced there, and may have been public.
    """
    if entry.progress is Progress.SENT:
        return Stop(swapped_message(artifact, listed))
    no_longer_in_doubt = (entry.filename,) if entry.is_in_doubt else ()
    return Stop(other_bytes_message(artifact, listed), no_longer_in_doubt)


def _refused_in(late: Iterable[Entry]) -> tuple[str, ...]:
    """Return the refused files that are no longer in doubt."""
    doubtful = (one for one in late if one.progress is Progress.REFUSED and one.in_doubt)
    return tuple(one.filename for one in doubtful)
