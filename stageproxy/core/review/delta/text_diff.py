"""The differences between two texts, line by line, in bounded time.

Lines that either text has exactly once are found first: in the longest run of them that is in the
same order in both, they are the same line (patience diff). Only the gaps between them are compared
line by line, with an amount of work that is bounded for all of them together. What exceeds
it is shown as removed and added as a whole.
"""

import re
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import islice

from stageproxy.core.review.delta.delta import DiffLine
from stageproxy.core.review.printable import printable

MOST_BYTES = 2**20
"""How large a text may be that is compared."""
MOST_LINES_READ = 100_000
"""How many lines a text may have that is compared."""
MOST_LINES = 3000
"""How many lines of a diff are shown, folded ones counted as one."""
CONTEXT = 3
"""How many lines without a change are shown around those that differ."""

_LONGEST_LINE = 300
_MINIFIED = 2000
"""A text with a longer line is shown with other line ends."""
_MOST_WORK = 10_000_000
"""How many pairs of lines are looked at, at most, in all gaps together."""
_AFTER_STATEMENT = re.compile(r"(?<=[;{}])(?!\n)")

_Gap = tuple[range, range]
"""Lines of the text before, and those of the text after, by their index."""


def text_diff(
    before: bytes, after: bytes, *, context: int | None = CONTEXT
) -> tuple[tuple[DiffLine, ...], str]:
    """Return the diff of two texts, and a sentence on what of it is not shown, empty if all is.

    Runs of lines without a change are folded but for *context* lines at their ends; `None` folds
    nothing.
    """
    if before == after:
        return (), ""
    if max(len(before), len(after)) > MOST_BYTES:
        return (), f"It is larger than {MOST_BYTES // 2**20} MiB, so no lines are compared."
    try:
        then, now = _text(before), _text(after)
    except UnicodeDecodeError:
        return (), "It is not a text."
    is_minified = max(_longest_line(then), _longest_line(now)) > _MINIFIED
    if is_minified:
        then, now = _reflowed(then), _reflowed(now)
    if max(then.count("\n"), now.count("\n")) >= MOST_LINES_READ:
        return (), f"It has more than {MOST_LINES_READ:,} lines, so none are compared."
    note = "It has very long lines, which are shown with other line ends." if is_minified else ""
    return _limited(_diff(then.split("\n"), now.split("\n")), context, note)


def _text(content: bytes) -> str:
    if b"\0" in content:
        raise UnicodeDecodeError("utf-8", content, 0, 1, "a zero byte")
    return content.decode().replace("\r\n", "\n")


def _longest_line(text: str) -> int:
    return max(map(len, text.split("\n")))


def _reflowed(text: str) -> str:
    return _AFTER_STATEMENT.sub("\n", text)


def _limited(
    lines: Iterable[DiffLine], context: int | None, note: str
) -> tuple[tuple[DiffLine, ...], str]:
    folded = lines if context is None else _folded(lines, context)
    shown = [*islice(folded, MOST_LINES + 1)]
    if len(shown) > MOST_LINES:
        note = f"Only the first {MOST_LINES:,} lines of the diff are shown. {note}".rstrip()
    if all(one.sign in " ~" for one in shown):
        return (), note or "Only the ends of its lines differ."
    return tuple(_cut(one) for one in shown[:MOST_LINES]), note


def _cut(line: DiffLine) -> DiffLine:
    return replace(line, text=printable(line.text, _LONGEST_LINE))


def _folded(lines: Iterable[DiffLine], context: int) -> Iterator[DiffLine]:
    """Yield lines with the unchanged ones folded that are far from any change."""
    held: deque[DiffLine] = deque()
    folded, first = 0, 0
    since_change = context
    for line in lines:
        if line.sign != " ":
            if folded:
                yield DiffLine("~", str(folded), first)
            yield from held
            held.clear()
            folded, since_change = 0, 0
            yield line
        elif since_change < context:
            since_change += 1
            yield line
        else:
            held.append(line)
            if len(held) > context:
                first = first if folded else held[0].number
                folded += 1
                held.popleft()
    if folded + len(held):
        yield DiffLine("~", str(folded + len(held)), first if folded else held[0].number)


def _diff(then: Sequence[str], now: Sequence[str]) -> Iterator[DiffLine]:
    work = _MOST_WORK
    for gap in _gaps(then, now):
        old, new = gap
        cost = _cost(then[old.start : old.stop], now[new.start : new.stop])
        is_compared = bool(old) and bool(new) and cost <= work
        work -= cost if is_compared else 0
        yield from _compared(then, now, gap) if is_compared else _replaced(then, now, gap)
        if new.stop < len(now):
            yield DiffLine(" ", now[new.stop], new.stop + 1)


def _cost(then: Sequence[str], now: Sequence[str]) -> int:
    """Return how many pairs of lines difflib looks at, at most: once for each block it finds."""
    counts = Counter(then)
    alike = sum(counts[line] for line in now)
    return (len(then) + alike) * min(len(then), len(now), alike)


def _compared(then: Sequence[str], now: Sequence[str], gap: _Gap) -> Iterator[DiffLine]:
    old, new = gap
    a, b = then[old.start : old.stop], now[new.start : new.stop]
    codes = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    for tag, a_start, a_stop, b_start, b_stop in codes:
        olds = range(old.start + a_start, old.start + a_stop)
        news = range(new.start + b_start, new.start + b_stop)
        if tag == "equal":
            yield from (DiffLine(" ", now[at], at + 1) for at in news)
        else:
            yield from _replaced(then, now, (olds, news))


def _replaced(then: Sequence[str], now: Sequence[str], gap: _Gap) -> Iterator[DiffLine]:
    old, new = gap
    yield from (DiffLine("-", then[at], at + 1) for at in old)
    yield from (DiffLine("+", now[at], at + 1) for at in new)


def _gaps(then: Sequence[str], now: Sequence[str]) -> Iterator[_Gap]:
    """Yield the lines between those that are the same line in both texts; each gap ends at one.

    The last gap ends at the ends of both.
    """
    old = new = 0
    for old_at, new_at in (*_same_lines(then, now), (len(then), len(now))):
        yield range(old, old_at), range(new, new_at)
        old, new = old_at + 1, new_at + 1


def _same_lines(then: Sequence[str], now: Sequence[str]) -> list[tuple[int, int]]:
    """Return the lines at the start and the end that are the same, and those in between."""
    shorter = min(len(then), len(now))
    start = next((at for at in range(shorter) if then[at] != now[at]), shorter)
    left = shorter - start
    end = next((at for at in range(left) if then[-1 - at] != now[-1 - at]), left)
    inner = _in_order(_unique_in_both(then, now, start, end))
    return [
        *((at, at) for at in range(start)),
        *inner,
        *((len(then) - at, len(now) - at) for at in range(end, 0, -1)),
    ]


def _unique_in_both(
    then: Sequence[str], now: Sequence[str], start: int, end: int
) -> list[tuple[int, int]]:
    """Return where the lines are that either text has once between *start* and *end*."""
    old = _unique(then, start, len(then) - end)
    new = _unique(now, start, len(now) - end)
    return [(at, new[line]) for line, at in old.items() if line in new]


def _unique(lines: Sequence[str], start: int, stop: int) -> dict[str, int]:
    counts = Counter(islice(lines, start, stop))
    return {lines[at]: at for at in range(start, stop) if counts[lines[at]] == 1}


def _in_order(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the most of these pairs, sorted by the first number, whose second ones ascend."""
    ends: list[int] = []
    last_of: list[int] = []
    before: list[int] = []
    for index, (_, new) in enumerate(pairs):
        length = bisect_left(ends, new)
        ends[length : length + 1] = [new]
        last_of[length : length + 1] = [index]
        before.append(last_of[length - 1] if length else -1)
    found: list[tuple[int, int]] = []
    at = last_of[-1] if last_of else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]
