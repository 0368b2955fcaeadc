"""The impact of a release as a table of platforms by Pythons, and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stageproxy.core.review.impact.findings import worse_rows
from stageproxy.core.review.impact.impact import Change, Impact, TargetImpact
from stageproxy.core.review.impact.targets import Target
from stageproxy.core.wording import first_few
from stageproxy.web.preview.views.tones import Shape, Tone

_MOST_TARGETS = 8
_SYSTEMS = {"manylinux": "Linux", "musllinux": "Linux musl", "macosx": "macOS", "win": "Windows"}
_USUAL = frozenset({"x86_64", "amd64"})
_PYTHONS = {"cp": "", "cpt": "", "pp": "PyPy "}


@dataclass(frozen=True, slots=True)
class Kind:
    """How a change is shown: its word in a cell, its shape, and what it means for users."""

    word: str
    shape: Shape
    tone: Tone
    meaning: str


KINDS: Mapping[Change, Kind] = {
    Change.LOSES_WHEEL: Kind(
        "lost", Shape.CROSS, Tone.BAD, "lose their wheel: an older version stays"
    ),
    Change.SOURCE_BUILD: Kind(
        "source", Shape.TRIANGLE, Tone.BAD, "build from source instead of a wheel"
    ),
    Change.PURE_WHEEL: Kind(
        "pure", Shape.DOWN, Tone.WARN, "get a wheel for any platform instead of a compiled one"
    ),
    Change.STAYS: Kind("stays", Shape.DIAMOND, Tone.WARN, "stay on an older version"),
    Change.NEW_FLOOR: Kind("floor", Shape.UP, Tone.WARN, "need a newer system than today"),
    Change.SDIST: Kind("sdist", Shape.SQUARE, Tone.INFO, "build from source, as before"),
    Change.UPDATED: Kind("updated", Shape.DOT, Tone.GOOD, "get a wheel, as before"),
    Change.GAINS_WHEEL: Kind("gains", Shape.PLUS, Tone.GOOD, "get a wheel for the first time"),
    Change.NOT_CHOSEN: Kind(
        "newer", Shape.RING, Tone.INFO, "get a newer release unless they ask for this"
    ),
    Change.NOTHING: Kind("none", Shape.LINE, Tone.PLAIN, "find no file, today or afterwards"),
}
_LOUD = (
    Change.LOSES_WHEEL,
    Change.SOURCE_BUILD,
    Change.PURE_WHEEL,
    Change.STAYS,
    Change.NEW_FLOOR,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A platform, with one kind for each Python; `None` where it is no target."""

    platform: str
    cells: tuple[Kind | None, ...]


@dataclass(frozen=True, slots=True)
class Loud:
    """A change that somebody should decide about, the targets, and files as an example."""

    kind: Kind
    count: int
    targets: str
    example: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """The table, its legend, and its loud cells in words."""

    pythons: tuple[str, ...]
    rows: tuple[Row, ...]
    counts: tuple[tuple[Kind, int], ...]
    loud: tuple[Loud, ...]
    sentence: str


def matrix_of(impact: Impact, version: str) -> Matrix:
    """Return the impact for a page."""
    pythons = sorted({_python_key(one.target) for one in impact.rows})
    platforms = sorted({one.target.platform for one in impact.rows}, key=_platform_key)
    by_place = {(one.target.platform, _python_key(one.target)): one for one in impact.rows}
    rows = tuple(
        Row(
            platform_name(platform),
            tuple(_kind_at(by_place.get((platform, python))) for python in pythons),
        )
        for platform in platforms
    )
    worse = worse_rows(impact)
    counted = {change: [one for one in impact.rows if one.change is change] for change in Change}
    return Matrix(
        pythons=tuple(label for _, _, label in pythons),
        rows=rows,
        counts=tuple((KINDS[change], len(ones)) for change, ones in counted.items() if ones),
        loud=tuple(
            _loud(change, those)
            for change in _LOUD
            if (those := [one for one in worse if one.change is change])
        ),
        sentence=users_get(impact, version),
    )


def users_get(impact: Impact, version: str) -> str:
    """Return in a sentence what users get once the release is published."""
    served = [one for one in impact.rows if one.after.filename or one.today.filename]
    new = [one for one in served if one.after.version == version]
    built = [one for one in new if not one.after.is_wheel]
    fallen = sum(one.change is Change.SOURCE_BUILD for one in built)
    total = len(served)
    if not impact.is_latest:
        return (
            f"Installers choose {impact.newer} unless {version} is asked for. "
            f"Then {len(new)} of {total} targets get it."
        )
    source = f", {len(built)} of them from source" if built else ""
    instead = f" ({fallen} instead of a wheel)" if fallen else ""
    return f"{len(new)} of {total} targets get {version}{source}{instead}."


def platform_name(platform: str) -> str:
    """Return a platform as people call it: `Linux musl aarch64`."""
    system, _, machine = platform.partition(" ")
    return f"{_SYSTEMS.get(system, system)} {machine}".rstrip()


def target_name(target: Target) -> str:
    """Return a target as people call it: `3.13t on macOS arm64`."""
    return f"{_python_key(target)[2]} on {platform_name(target.platform)}"


def _loud(change: Change, rows: Sequence[TargetImpact]) -> Loud:
    names = first_few([target_name(one.target) for one in rows], _MOST_TARGETS)
    return Loud(KINDS[change], len(rows), names, _example(rows[0]))


def _example(row: TargetImpact) -> str:
    today = row.today.filename or "nothing"
    after = row.after.filename or "nothing"
    if row.change is Change.NEW_FLOOR:
        return f"{row.today.system or 'any system'} today, {row.after.system} afterwards"
    return f"{today} today, {after} afterwards" if today != after else f"{today} as today"


def _kind_at(row: TargetImpact | None) -> Kind | None:
    return KINDS[row.change] if row else None


def _python_key(target: Target) -> tuple[str, tuple[int, ...], str]:
    """Return where a Python comes, and its label: CPython, the free-threaded ones, PyPy."""
    number = tuple(int(part) for part in target.python.split(".") if part.isdigit())
    suffix = "t" if target.implementation == "cpt" else ""
    name = _PYTHONS.get(target.implementation, f"{target.implementation} ")
    return target.implementation, number, f"{name}{target.python}{suffix}"


def _platform_key(platform: str) -> tuple[int, bool, str]:
    """Return where a platform comes: by system, the usual machine of old first."""
    order = list(_SYSTEMS)
    system, _, machine = platform.partition(" ")
    place = order.index(system) if system in order else len(order)
    return place, machine not in _USUAL, machine
