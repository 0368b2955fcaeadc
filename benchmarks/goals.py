"""Goals, and the figures that are compared with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median


class Figure(Enum):
    """What is made of the two sides of a measurement."""

    RATIO = "ratio"
    """Stageproxy's number divided by the other one, in each round."""
    DIFFERENCE = "difference"
    """Stageproxy's number minus the other one, in each round."""
    ALONE = "alone"
    """Stageproxy's number."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is measured, beside what, and the bounds of its figure. Without bounds it informs.

    *reason* is what stands in the way where it is known, for when the goal is missed.
    """

    what: str
    beside: str = ""
    unit: str = "/s"
    figure: Figure = Figure.RATIO
    least: float | None = None
    most: float | None = None
    reason: str = ""

    @property
    def has_bounds(self) -> bool:
        """Return whether the figure can miss the goal."""
        return self.least is not None or self.most is not None

    def is_met_by(self, figure: float) -> bool:
        """Return whether a figure is within the bounds."""
        above = self.least is None or figure >= self.least
        return above and (self.most is None or figure <= self.most)

    @property
    def bounds(self) -> str:
        """Return the bounds as in the table."""
        unit = "" if self.figure is Figure.RATIO else f" {self.unit}"
        marks = (("≥", self.least), ("≤", self.most))
        return ", ".join(f"{mark} {bound:g}{unit}" for mark, bound in marks if bound is not None)


@dataclass(frozen=True, slots=True)
class Samples:
    """The numbers of all rounds, for both sides in the same order."""

    ours: Sequence[float]
    beside: Sequence[float] = ()

    def figure(self, kind: Figure) -> float:
        """Return the median of the figures of all rounds.

        The two sides of a round are measured one after the other: what disturbs one of them
        most likely disturbs the other.
        """
        if kind is Figure.ALONE:
            return median(self.ours)
        pairs = zip(self.ours, self.beside, strict=True)
        if kind is Figure.RATIO:
            return median(ours / beside for ours, beside in pairs)
        return median(ours - beside for ours, beside in pairs)


@dataclass(frozen=True, slots=True)
class Row:
    """A measured goal.

    *limit* is what was measured of the machine, *profile* where the time goes. Without samples,
    *limit* says why there are none.
    """

    goal: Goal
    samples: Samples | None
    limit: str = ""
    profile: Sequence[str] = ()

    @property
    def figure(self) -> float | None:
        """Return the figure, or `None` if there are no samples."""
        return self.samples.figure(self.goal.figure) if self.samples else None

    @property
    def is_missed(self) -> bool:
        """Return whether the figure is outside of its bounds, or is needed and missing."""
        if not self.goal.has_bounds:
            return False
        return self.figure is None or not self.goal.is_met_by(self.figure)

    @property
    def verdict(self) -> str:
        """Return `met`, `missed`, `not measured`, or a dash if there are no bounds."""
        if self.figure is None:
            return "not measured"
        if not self.goal.has_bounds:
            return "-"
        return "missed" if self.is_missed else "met"
