"""How old and how used the new dependencies of a release are, as far as an index lists it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from packaging.utils import NormalizedName, canonicalize_name

from stageproxy.core.index.pages import Listing
from stageproxy.core.index.releases import releases_in
from stageproxy.core.review.delta.delta import Delta, RequirementChange
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.rules.findings import Level

_YOUNG = timedelta(weeks=8)
_PYTHON = "python"
_LOOK = "Make sure that this is the project that is meant, and that you know who publishes it."


def new_dependencies(deltas: Iterable[Delta]) -> Sequence[NormalizedName]:
    """Return the projects that a release requires and the last one did not."""
    names = (
        one.name
        for delta in deltas
        for one in delta.requirements
        if one.change is RequirementChange.ADDED and not one.is_direct and one.name != _PYTHON
    )
    return [*dict.fromkeys(canonicalize_name(one) for one in names)]


def newcomer_findings(
    pages: Mapping[NormalizedName, Listing | None], now: datetime
) -> Iterator[ReviewFinding]:
    """Yield what the *pages* of new dependencies say of them; `None` is a project not there."""
    for project, page in pages.items():
        if page is not None:
            yield _finding(project, page, now)


def _finding(project: NormalizedName, page: Listing, now: datetime) -> ReviewFinding:
    releases = len(releases_in(page))
    many = f"{releases} release{'s' * (releases != 1)}"
    first = min(_times(page), default=None)
    if first is None:
        return _on(
            Level.UNKNOWN,
            "new-dependency",
            f"{project} is a new dependency with {many}. How old it is is not known: the index "
            "lists no upload times.",
        )
    said = f"{project} is a new dependency with {many}, the first of {first:%Y-%m-%d}."
    if now - first < _YOUNG:
        days = max(0, (now - first).days)
        return _on(Level.WARN, "young-dependency", f"{said} It is only {days} days old.", _LOOK)
    return _on(Level.NOTE, "new-dependency", said)


def _on(level: Level, code: str, message: str, advice: str = "") -> ReviewFinding:
    return ReviewFinding(Section.SUPPLY_CHAIN, level, code, message, advice)


def _times(page: Listing) -> Iterator[datetime]:
    for file in page.files.values():
        try:
            time = datetime.fromisoformat(file.upload_time or "")
        except ValueError:
            continue
        yield time if time.tzinfo else time.replace(tzinfo=UTC)
