"""Violations of the guarantees of promotion, found in the history of an index."""

from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise

from tests.support.index.history import Attempt, History

YES = "200"
NO = ("400", "401", "403", "404", "409", "413")


def of_project(history: History, project: str) -> History:
    """Return the history of one project, in the same order."""
    start = f"{project.replace('-', '_')}-"
    attempts = [one for one in history.attempts if (one.filename or "").startswith(start)]
    return History(attempts, [one for one in history.views if one.project == project])


def violations_in(
    history: History, hashes: Mapping[str, str], unrecorded: Collection[tuple[str, int]] = ()
) -> list[str]:
    """Return the violations in the history of a release whose files have these *hashes*.

    *unrecorded*: by filename and number, the uploads whose answer could not be recorded.
    """
    return [
        *_not_once(history, hashes),
        *_other_bytes(history, hashes),
        *_not_shown(history, hashes),
        *_early_sdist(history, hashes),
        *_two_at_first(history),
        *_sent_for_nothing(history, unrecorded),
    ]


def _not_once(history: History, hashes: Mapping[str, str]) -> Iterator[str]:
    accepted = history.accepted
    for name in sorted({*hashes, *accepted}):
        times = accepted.count(name)
        if times != (1 if name in hashes else 0):
            yield f"{name} was accepted {times} times."


def _other_bytes(history: History, hashes: Mapping[str, str]) -> Iterator[str]:
    """Return violations by whole files with other bytes."""
    for one in history.attempts:
        if one.sha256 and one.sha256 != hashes.get(one.filename or ""):
            yield f"{one.filename} was sent with other bytes."


def _not_shown(history: History, hashes: Mapping[str, str]) -> Iterator[str]:
    listed = history.views[-1].filenames if history.views else ()
    if set(listed) != set(hashes):
        yield f"In the end the page lists {', '.join(listed) or 'nothing'}."


def _early_sdist(history: History, hashes: Mapping[str, str]) -> Iterator[str]:
    """Return violations by an sdist that was listed or sent before every wheel was accepted."""
    wheels = {name for name in hashes if name.endswith(".whl")}
    for view in history.sdist_before(wheels):
        yield f"The page listed the sdist with these files: {', '.join(view.filenames)}."
    accepted = [one.begun for one in history.attempts if one.place and one.filename in wheels]
    last = max(accepted, default=0)
    for one in history.attempts:
        if one.filename not in wheels and one.order <= last:
            yield f"{one.filename} was sent before the last wheel was accepted."


def _two_at_first(history: History) -> Iterator[str]:
    """Return violations by files that were sent before the first one was accepted."""
    first = min((one for one in history.attempts if one.place), key=_place, default=None)
    if first is None:
        return
    for one in history.attempts:
        if one.order <= first.begun and one.filename != first.filename:
            yield f"{one.filename} was sent before {first.filename} was accepted."


def _sent_for_nothing(history: History, unrecorded: Collection[tuple[str, int]]) -> Iterator[str]:
    """Return violations by files that were sent again after an acceptance or a refusal."""
    for name in sorted({one.filename or "" for one in history.attempts}):
        for before, after in pairwise(one for one in history.attempts if one.filename == name):
            if before.answer in {YES, *NO} and (name, before.number) not in unrecorded:
                yield f"{name} was sent again ({after.number}) after the answer {before.answer}."


def _place(attempt: Attempt) -> int:
    return attempt.place
