"""The impact of a release: the matrix of platforms and Pythons, and the moments of promotion."""

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from stageproxy.cli.output.screen import table_lines
from stageproxy.core.review.impact.impact import Change, Impact, Moment, TargetImpact
from stageproxy.core.review.impact.targets import Target

_MARKS: Mapping[Change, tuple[str, str, str]] = {
    Change.LOSES_WHEEL: ("LOST", "bold red", "has no file in this release: an older version stays"),
    Change.SOURCE_BUILD: ("BUILD", "bold red", "falls back to a build from source"),
    Change.PURE_WHEEL: (
        "PURE",
        "bold yellow",
        "falls back from a compiled wheel to one for any platform",
    ),
    Change.STAYS: (
        "OLD",
        "bold yellow",
        "stays on an older version, as Requires-Python or its files want",
    ),
    Change.NEW_FLOOR: ("FLOOR", "bold yellow", "needs a newer system than today"),
    Change.SDIST: ("sdist", "dim", "builds from source, as before"),
    Change.UPDATED: ("ok", "green", "gets a wheel, as of the release before"),
    Change.GAINS_WHEEL: ("new", "green", "gets a wheel where there was none"),
    Change.NOT_CHOSEN: ("-", "dim", "gets a newer release unless this one is asked for"),
    Change.NOTHING: (".", "dim", "has no file, today or afterwards"),
}
"""The mark of each change in the matrix, its style, and what it means."""
_COLUMNS = 10
"""How many Pythons fit beside the platforms in 80 columns."""
_MOST_TARGETS = 6


def impact_lines(impact: Impact) -> Iterator[Text]:
    """Yield the matrix, the meaning of its marks, and the moments of promotion."""
    yield Text("\nWhat users get, by platform and Python", "bold")
    if not impact.is_latest:
        yield Text(f"  Installers choose {impact.newer} by themselves.")
        yield Text("  This is for those who ask for the staged release.")
    pythons = sorted({_python_key(one.target) for one in impact.rows})
    usual = [one for one in pythons if not one[0]]
    for columns in (*_parts(usual), *_parts(pythons[len(usual) :])):
        yield from _matrix(impact.rows, columns)
    present = {one.change for one in impact.rows}
    for change, (mark, style, meaning) in _MARKS.items():
        if change in present:
            yield Text.assemble("  ", (f"{mark:<6}", style), meaning)
    yield from _moment_lines(impact.moments)


PythonKey = tuple[int, int, str]
"""The order of a column, and what is written above it."""


def _parts(columns: Sequence[PythonKey]) -> Iterator[Sequence[PythonKey]]:
    """Yield columns in parts that fit into 80 columns."""
    for start in range(0, len(columns), _COLUMNS):
        yield columns[start : start + _COLUMNS]


def _python_key(target: Target) -> PythonKey:
    implementations = ("cp", "cpt", "pp")
    minor = int("".join(filter(str.isdigit, target.python.partition(".")[2])) or 0)
    suffix = "t" if target.implementation == "cpt" else ""
    prefix = "pp" if target.implementation == "pp" else ""
    known = target.implementation in implementations
    rank = implementations.index(target.implementation) if known else len(implementations)
    return rank, minor, f"{prefix}{target.python}{suffix}"


def _matrix(rows: Sequence[TargetImpact], columns: Sequence[PythonKey]) -> Iterator[Text]:
    """Yield the rows of the matrix with these columns."""
    cells = {(one.target.platform, _python_key(one.target)): one.change for one in rows}
    platforms = dict.fromkeys(one.target.platform for one in rows)
    table: list[list[str | Text]] = [
        [f"  {platform}", *(_cell(cells.get((platform, column))) for column in columns)]
        for platform in platforms
    ]
    yield from table_lines(["", *(name for _, _, name in columns)], table, gap=1)


def _cell(change: Change | None) -> Text:
    if change is None:
        return Text("")
    mark, style, _ = _MARKS[change]
    return Text(mark, style)


def _moment_lines(moments: Sequence[Moment]) -> Iterator[Text]:
    if moments:
        yield Text("\nWhile it is published, step by step", "bold")
    for number, moment in enumerate(moments, 1):
        loud = f", {len(moment.source_builds)} build from source" if moment.source_builds else ""
        late = f", {moment.stays} stay on an older version" if moment.stays else ""
        get = "1 target gets" if moment.updated == 1 else f"{moment.updated} targets get"
        text = f"{get} it{late}{loud}"
        yield Text.assemble(f"  {number:>2}. {moment.label}: ", text)
        if moment.source_builds:
            yield Text(f"      from source then: {_targets(moment.source_builds)}", "yellow")


def _targets(targets: Sequence[Target]) -> str:
    shown = ", ".join(map(str, targets[:_MOST_TARGETS]))
    more = len(targets) - _MOST_TARGETS
    return f"{shown} and {more} more" if more > 0 else shown
