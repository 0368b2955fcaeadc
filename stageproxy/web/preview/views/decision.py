"""The decision strip: what somebody needs first to say yes or no to a release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.judgment import NOTHING_AGAINST, Compared, how_compared
from stageproxy.core.review.review import Review
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.stage import Stage, Status, Step
from stageproxy.web.preview.views.matrix import users_get
from stageproxy.web.preview.views.tones import Tone

_LEVELS: Mapping[Level, tuple[str, str]] = {
    Level.REFUSE: ("reason to refuse", "reasons to refuse"),
    Level.WARN: ("warning", "warnings"),
    Level.NOTE: ("note", "notes"),
    Level.UNKNOWN: ("not checked", "not checked"),
}
_TONES: Mapping[Compared, Tone] = {
    Compared.UNFINISHED: Tone.INFO,
    Compared.FAILED: Tone.WARN,
    Compared.NOT: Tone.INFO,
    Compared.WHOLE: Tone.GOOD,
}
_UPLOAD_FILES = "Upload its files with one of the commands below."
_UNITS = (("days", timedelta(days=1)), ("hours", timedelta(hours=1)))


@dataclass(frozen=True, slots=True)
class State:
    """What a stage is to people: a word with its tone, and sentences."""

    word: str
    tone: Tone
    sentence: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """The number of findings of a level, in words."""

    level: Level
    words: str


@dataclass(frozen=True, slots=True)
class Judgment:
    """What the findings come to, in one sentence."""

    sentence: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Tries:
    """What people have tried of exactly these files."""

    words: str
    tone: Tone
    superseded: str = ""


def state_of(stage: Stage, index_name: str) -> State:
    """Return what a stage is: each status with its truth and the next step."""
    if stage.status is Status.PUBLISHED:
        return State("published", Tone.GOOD, f"This release is on {index_name}.")
    if stage.status is Status.PROCESSING:
        sentence = (
            "This release is being published right now. The index at this URL answers as if all of "
            "its files were published."
        )
        return State("being published", Tone.INFO, sentence)
    if stage.status is Status.ERROR and stage.sent:
        sentence = (
            f"Some files of this release may already be on {index_name}. The index at this URL "
            "answers as if all of them were."
        )
        step = (
            "Its release manager runs `stageproxy promote` again to publish the rest, or gives up "
            "what is left with `--give-up`."
        )
        return State("partially published", Tone.BAD, sentence, step)
    staged = (
        f"This release is not on {index_name} yet. The index at this URL answers as if it were."
    )
    if stage.is_empty:
        return State("empty", Tone.INFO, "No files have been uploaded yet.", _UPLOAD_FILES)
    if stage.status is Status.ERROR:
        step = "Nothing of it is published. Its release manager can publish it again, or cancel it."
        return State("not published", Tone.WARN, staged, step)
    return State("staged", Tone.INFO, staged)


def judgment_of(review: Review, index_name: str) -> Judgment:
    """Return what the findings of a review come to."""
    levels = [one.level for one in review.findings]
    refusals, warnings = levels.count(Level.REFUSE), levels.count(Level.WARN)
    if refusals:
        reasons = "a reason" if refusals == 1 else f"{refusals} reasons"
        return Judgment(f"{index_name} would refuse this release, for {reasons}.", Tone.BAD)
    if warnings:
        things = "One thing needs" if warnings == 1 else f"{warnings} things need"
        return Judgment(f"{things} a decision before this is published.", Tone.WARN)
    compared = how_compared(review)
    return Judgment(NOTHING_AGAINST[compared], _TONES[compared])


def counts_of(findings: Sequence[ReviewFinding]) -> tuple[Count, ...]:
    """Return how many findings there are of each level that has any."""
    counted = [(level, sum(one.level is level for one in findings)) for level in Level]
    return tuple(
        Count(level, f"{number} {_LEVELS[level][number != 1]}")
        for level, number in counted
        if number
    )


def expiry_words(stage: Stage, now: datetime) -> str:
    """Return in how long a stage expires, empty if it does not."""
    if Step.CANCEL not in stage.steps():
        return ""
    left = stage.expires_at - now
    return f"in {_in_words(left)}" if left > timedelta() else "now"


def outcome_words(review: Review) -> str:
    """Return what users get, as far as it is known."""
    if review.impact is None:
        return "Not known while the index does not answer."
    if not review.impact.rows:
        return "Not known: no target is set."
    return users_get(review.impact, review.version)


def baseline_words(review: Review) -> str:
    """Return the release that the stage is compared with."""
    if review.baseline is None:
        return "no earlier release"
    return f"{review.baseline.version} ({review.baseline.channel})"


def tries_of(review: Review) -> Tries:
    """Return the tries of exactly these files, and how many are of earlier ones."""
    current = [one for one in review.evidence if one.manifest_digest == review.manifest_digest]
    older = len(review.evidence) - len(current)
    superseded = f"{older} of earlier files" if older else ""
    passed = sum(one.passed for one in current)
    failed = len(current) - passed
    if not current:
        return Tries("none yet", Tone.PLAIN, superseded)
    words = f"{passed} passed" + (f", {failed} failed" if failed else "")
    return Tries(words, Tone.BAD if failed else Tone.GOOD, superseded)


def _in_words(left: timedelta) -> str:
    """Return a duration as people plan by it: days, hours or minutes."""
    for unit, length in _UNITS:
        if left >= 2 * length:
            return f"{left // length} {unit}"
    return f"{max(1, left // timedelta(minutes=1))} min"
