"""What an index may have seen of a release that was published, whatever went wrong meanwhile."""

from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise

from tests.support.index.history import Attempt, History

YES = "200"
NO = ("400", "401", "403", "404", "409", "413")


def of_project(history: History, project: str) -> History:
    """Return what concerns one project of an index, in the same order."""
    start = f"{project.replace('-', '_')}-"
    attempts = [one for one in history.attempts if (one.filename or "").startswith(start)]
    return History(attempts, [one for one in history.views if one.project == project])


def broken_promises(
    history: History, hashes: Mapping[str, str], unheard: Collection[tuple[str, int]] = ()
) -> list[str]:
    """Return what went wrong with a release whose files have these *hashes*.

    *unheard*: by filename and number, the uploads whose answer nobody could write down.
    """
    return [
        *_not_once(history, hashes),
        *_other_bytes(history, hashes),
        *_not_shown(history, hashes),
        *_early_sdist(history, hashes),
        *_two_at_first(history),
        *_sent_for_nothing(history, unheard),
    ]


def _not_once(history: History, hashes: Mapping[str, str]) -> Iterator[str]:
    accepted = history.accepted
    for name in sorted({*hashes, *accepted}):
        times = accepted.count(name)
        if times != (1 if name in hashes else 0):
            yield f"{name} was taken {times} times."


def _other_bytes(history: History, hashes: Mapping[str, str]) -> Iterator[str]:
    """Tell of files that came as a whole, with bytes that are not ours."""
    for one in history.attempts:
        if one.sha256 and one.sha256 != hashes.get(one.filename or ""):
            yield f"{one.filename} was sent with other bytes."


def _not_shown(history: History, hashes: Mapping[str, str]) -> Iterator[str]:
    shown = history.views[-1].filenames if history.views else ()
    if set(shown) != set(hashes):
        yield f"In the end the page shows {', '.join(shown) or 'nothing'}."


def _early_sdist(history: History, hashes: Mapping[str, str]) -> Iterator[str]:
    """Tell of an sdist that could be seen, or was sent, before every wheel was there."""
    wheels = {name for name in hashes if name.endswith(".whl")}
    for view in history.sdist_before(wheels):
        yield f"The page showed the sdist with these files: {', '.join(view.filenames)}."
    taken = [one.begun for one in history.attempts if one.place and one.filename in wheels]
    last = max(taken, default=0)
    for one in history.attempts:
        if one.filename not in wheels and one.order <= last:
            yield f"{one.filename} was sent before the last wheel was taken."


def _two_at_first(history: History) -> Iterator[str]:
    """Tell of files that were under way before the first one was taken."""
    first = min((one for one in history.attempts if one.place), key=_place, default=None)
    if first is None:
        return
    for one in history.attempts:
        if one.order <= first.begun and one.filename != first.filename:
            yield f"{one.filename} was sent before {first.filename} was taken."


def _sent_for_nothing(history: History, unheard: Collection[tuple[str, int]]) -> Iterator[str]:
    """Tell of files that were sent again although the last answer was a yes or a no."""
    for name in sorted({one.filename or "" for one in history.attempts}):
        for before, after in pairwise(one for one in history.attempts if one.filename == name):
            if before.told in {YES, *NO} and (name, before.number) not in unheard:
                yield f"{name} was sent again ({after.number}) after the answer {before.told}."


def _place(attempt: Attempt) -> int:
    return attempt.place
