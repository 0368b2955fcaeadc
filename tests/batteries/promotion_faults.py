"""Faults while releases are published: where, when, how, and which of them at random."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import product
from random import Random
from typing import Any

from tests.batteries.report import SEED
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.uploads.fake_uploads import Lag
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint

PLACES = ("first wheel", "second wheel", "third wheel", "last wheel", "sdist", "release")
FILES = range(5)
RELEASE = 5
TAGS = ("cp311-cp311", "cp312-cp312", "cp313-cp313", "cp314-cp314")
LONGEST_LIFE = 0.8
FEW, SMALL, LARGE = 20_000, 300_000, 14_000_000
"""File sizes.

Half of a small upload is still in the client's buffers; half of a large one is not.
"""


NO_LAG = Lag()


class Kind(StrEnum):
    """Kinds of faults: the first two stop the server, the others are faults of the index."""

    KILL = "kill -9"
    STOP = "SIGTERM"
    RESET = "reset"
    FAILURE = "5xx"
    SILENCE = "timeout"
    TOO_MANY = "429"
    SHORT = "short body"

    @property
    def stops_server(self) -> bool:
        """Return whether the server is stopped."""
        return self in {Kind.KILL, Kind.STOP}


class When(StrEnum):
    """The progress of an upload."""

    BEFORE = "before"
    MIDWAY = "mid-body"
    ACCEPTED = "after accept, before the answer"
    ANSWERED = "after the answer, before the row"
    ANYTIME = "at any moment"


STEPS = (When.BEFORE, When.MIDWAY, When.ACCEPTED, When.ANSWERED)
POINTS = {
    When.BEFORE: FaultPoint.BEFORE,
    When.MIDWAY: FaultPoint.MIDWAY,
    When.ACCEPTED: FaultPoint.ACCEPTED,
}
KINDS = {
    Kind.KILL: FaultKind.HANG,
    Kind.STOP: FaultKind.HANG,
    Kind.RESET: FaultKind.RESET,
    Kind.FAILURE: FaultKind.ANSWER,
    Kind.SILENCE: FaultKind.HANG,
    Kind.TOO_MANY: FaultKind.ANSWER,
    Kind.SHORT: FaultKind.CUT,
}


@dataclass(frozen=True, slots=True)
class Incident:
    """A fault in one upload of one file, counted from 1.

    The server may also be stopped at any time: *seconds* after it started or resumed.
    """

    place: int
    when: When
    kind: Kind
    attempt: int = 1
    status: int = 503
    seconds: float = 0

    @property
    def cell(self) -> str:
        """Return its cell in the table of all faults."""
        return f"{PLACES[self.place]} | {self.when} | {self.kind}"

    @property
    def text(self) -> str:
        """Return the fault as a line of a report."""
        if self.when is When.ANYTIME:
            return f"{self.cell} | {self.seconds:.3f} s"
        return f"{self.cell} | attempt {self.attempt}"

    def fault(self, filename: str) -> Fault | None:
        """Return the fault of the upload API, or nothing if it answers as usual."""
        if self.when not in POINTS:
            return None
        is_pause = self.kind is Kind.TOO_MANY
        return Fault(
            POINTS[self.when],
            KINDS[self.kind],
            filename,
            (self.attempt,),
            status=429 if is_pause else self.status,
            headers={"Retry-After": "1"} if is_pause else {},
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A release that is published, and the faults of its run.

    *cut*: the size of a file whose upload is interrupted.
    """

    number: int
    incidents: tuple[Incident, ...]
    lag: Lag = NO_LAG
    cut: int = SMALL

    @property
    def project(self) -> str:
        """Return the name of its project, which no other run uses."""
        return f"fault-{self.number}"

    def release(self) -> Sequence[Distribution]:
        """Return its files in the order of promotion."""
        return [*self._wheels(), an_sdist(self.project, extra=self._noise(len(TAGS)))]

    def described(self) -> dict[str, Any]:
        """Return the run for a report."""
        return {
            "project": self.project,
            "incidents": [one.text for one in self.incidents],
            "lag": asdict(self.lag),
        }

    def _wheels(self) -> Iterator[Distribution]:
        for place, tag in enumerate(TAGS):
            yield a_wheel(self.project, tag=f"{tag}-win_amd64", extra=self._noise(place))

    def _noise(self, place: int) -> dict[str, bytes]:
        is_cut = any(one.place == place and one.when is When.MIDWAY for one in self.incidents)
        random = Random(f"{SEED} {self.number} {place}")
        return {"noise": random.randbytes(self.cut if is_cut else FEW)}


def all_runs() -> list[Run]:
    """Return a run for each cell alone, and one with additional random faults."""
    random = Random(SEED)
    cells = [Incident(*cell) for cell in product(FILES, STEPS, Kind)]
    plain = [Run(number, (cell,), cut=LARGE) for number, cell in enumerate(cells, 1)]
    worse = [
        Run(number, (cell, *_second(random, cell)), _lag(random))
        for number, cell in enumerate(cells, 1 + len(cells))
    ]
    ends = [
        Run(number, _ends(random, kind), _lag(random))
        for number, kind in enumerate([Kind.KILL] * 20 + [Kind.STOP] * 10, 1 + 2 * len(cells))
    ]
    runs = [*plain, *worse, *ends]
    return random.sample(runs, len(runs))


def short_runs() -> list[Run]:
    """Return a run for each kind of fault at each time, with different files."""
    random = Random(SEED)
    cells = list(product(Kind, STEPS))
    faults = [
        Run(
            number,
            (Incident(number % len(FILES), when, kind),),
            Lag(pages=number % 3),
            cut=LARGE if number % 8 == 2 else SMALL,
        )
        for number, (kind, when) in enumerate(cells, 1)
    ]
    stops = [Kind.KILL, Kind.STOP]
    ends = [Run(number, _ends(random, kind)) for number, kind in enumerate(stops, 1 + len(cells))]
    return [*faults, *ends]


def _second(random: Random, first: Incident) -> list[Incident]:
    """Return a fault of the next upload of the same file, in most cases."""
    if random.random() < 0.25:
        return []
    when, kind = random.choice(list(POINTS)), random.choice(list(Kind))
    status = random.choice((500, 502, 503, 504))
    return [Incident(first.place, when, kind, attempt=2, status=status)]


def _ends(random: Random, kind: Kind) -> tuple[Incident, ...]:
    """Return two random times at which the server is stopped."""
    lives = (random.uniform(0, LONGEST_LIFE) for _ in range(2))
    return tuple(Incident(RELEASE, When.ANYTIME, kind, seconds=life) for life in lives)


def _lag(random: Random) -> Lag:
    return random.choice((NO_LAG, Lag(pages=1), Lag(pages=3), Lag(seconds=0.3)))
