"""Drawings: bars of sizes, and what users get at each moment of a promotion.

They are drawn in units of a picture that is 100 wide; the numbers stand beside them as text.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from stageproxy.core.review.delta.delta import Delta
from stageproxy.core.review.impact.impact import Impact, Moment

_WIDTH = 100
_THINNEST = 0.6


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: where it begins and ends, and its class."""

    start: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class Step:
    """A moment of the promotion: its bar, and its numbers in words."""

    label: str
    files: tuple[str, ...]
    parts: tuple[Part, ...]
    words: str


@dataclass(frozen=True, slots=True)
class SizeBar:
    """The size of a file beside that of its counterpart; 0 if it has none."""

    size: int
    before: int
    parts: tuple[Part, ...]

    @property
    def change(self) -> str:
        """How much the size differs, if it differs by at least one percent."""
        if not self.before:
            return ""
        percent = round(100 * (self.size - self.before) / self.before)
        return f"{percent:+d} %".replace("-", "\N{MINUS SIGN}") if percent else ""


def timeline_of(impact: Impact) -> tuple[Step, ...]:
    """Return the moments of the planned promotion."""
    return tuple(_step(one) for one in impact.moments)


def size_bars(sizes: Iterable[tuple[str, int]], delta: Delta | None) -> dict[str, SizeBar]:
    """Return a bar for each file, all at the scale of the largest one."""
    before = {one.filename: one.size_before for one in delta.artifacts} if delta else {}
    listed = dict(sizes)
    largest = max([1, *listed.values(), *(before.get(name, 0) for name in listed)])
    return {name: _size_bar(size, before.get(name, 0), largest) for name, size in listed.items()}


def _size_bar(size: int, before: int, largest: int) -> SizeBar:
    parts = (
        Part(0, _width(before, largest), "before"),
        Part(0, _width(size, largest), "after"),
    )
    return SizeBar(size, before, parts if before else parts[1:])


def _step(moment: Moment) -> Step:
    source = len(moment.source_builds)
    amounts = (("good", moment.updated - source), ("warn", source), ("info", moment.stays))
    total = max(1, sum(amount for _, amount in amounts))
    parts: list[Part] = []
    start = 0.0
    for kind, amount in amounts:
        width = round(_WIDTH * amount / total, 2)
        parts.extend([Part(start, width, kind)] if amount > 0 else [])
        start = round(start + width, 2)
    return Step(moment.label, moment.published, tuple(parts), _words(moment))


def _words(moment: Moment) -> str:
    source = len(moment.source_builds)
    words = ["1 target gets the release"]
    if moment.updated != 1:
        words = [f"{moment.updated} targets get the release"]
    if source:
        words.append(f"{source} of them from source instead of a wheel")
    if moment.stays:
        words.append(f"{moment.stays} get an older one")
    return ", ".join(words)


def _width(amount: int, largest: int) -> float:
    return max(_THINNEST, round(_WIDTH * amount / largest, 1)) if amount else 0
