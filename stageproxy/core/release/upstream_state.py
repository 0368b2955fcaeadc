"""Here is what PyPI would refuse because of what it has already, in its order.

As seen from PyPI on 2026-08-21. What nobody can see from outside, such as
limits that were raised for a project, is told as unknown.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.release.stages import ArtifactKind
from stageproxy.core.verdict.findings import Finding, Level

CLOSED_TO_UPLOADS = frozenset({"archived", "quarantined"})
"""The states of a project in which an index must not take uploads (PEP 792)."""

OPEN_FOR = timedelta(days=14)
"""How long a release takes new files, from its first one on."""

FILE_LIMIT = 100 * 2**20
PROJECT_LIMIT = 10 * 2**30
"""PyPI's limits in bytes, unless they were raised for a project."""

ONE_SDIST = "Only one sdist may be uploaded per release."


class Distribution(Protocol):
    """What counts of a wheel or an sdist here; an `Artifact` has it, and any file can."""

    @property
    def filename(self) -> str:
        """The name it is uploaded under."""

    @property
    def kind(self) -> ArtifactKind:
        """Whether it is a wheel or an sdist."""

    @property
    def sha256(self) -> str:
        """The digest that pages of the index show."""

    @property
    def blake2b_256(self) -> str:
        """The digest that PyPI's sentences show."""

    @property
    def size(self) -> int:
        """How many bytes it has."""


@dataclass(frozen=True, slots=True)
class UpstreamState:
    """What upstream says of a project: no files if it does not have it, or could not be asked.

    `similar` is another project whose name PyPI takes for the same; `unknown`
    says what could not be learned.
    """

    listing: Listing = field(default_factory=Listing)
    similar: str | None = None
    unknown: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Coming:
    """A file that is to be uploaded: of which project, as its form spells it, and of which version.

    *staged*: what else is to be published of the project.
    """

    name: str
    version: str
    file: Distribution
    staged: Sequence[Distribution] = ()


@dataclass(frozen=True, slots=True)
class _Case:
    coming: Coming
    state: UpstreamState
    now: datetime

    @property
    def listing(self) -> Listing:
        return self.state.listing

    @property
    def file(self) -> Distribution:
        return self.coming.file


def is_published(file: Distribution, listing: Listing) -> bool:
    """Say whether upstream has the very file."""
    published = listing.files.get(file.filename)
    return published is not None and published.sha256 == file.sha256


def findings_against(coming: Coming, state: UpstreamState, now: datetime) -> list[Finding]:
    """Return what upstream's state says against a file. One that it has comes as no news."""
    case = _Case(coming, state, now)
    rules = RULES if is_published(coming.file, state.listing) else RULES + RULES_OF_NEW_FILES
    return [*state.unknown, *(finding for rule in rules for finding in rule(case))]


def already_exists(file: Distribution, others: str = "") -> Finding:
    """Return PyPI's refusal of a name or of bytes that it has; *others* says what has them."""
    sentence = f"File already exists ({file.filename!r}, with blake2_256 hash {file.blake2b_256!r})"
    return Finding("content", f"{sentence}. {others}".rstrip())


def _too_similar(case: _Case) -> Iterator[Finding]:
    if case.state.similar:
        name = case.coming.name
        sentence = f"The name {name!r} is too similar to an existing project."
        yield Finding("name", f"{sentence} That is {case.state.similar!r}.")


def _closed(case: _Case) -> Iterator[Finding]:
    if case.listing.status in CLOSED_TO_UPLOADS:
        is_what = f"is {case.listing.status} on PyPI and takes no uploads"
        yield Finding("name", f"The project {case.coming.name} {is_what}.")


def _file_size(case: _Case) -> Iterator[Finding]:
    # That a limit was raised shows in a file that is out, and nowhere else.
    largest = max((one.size or 0 for one in case.listing.files.values()), default=0)
    if case.file.size > max(FILE_LIMIT, largest):
        sentence = f"File too large. Limit for project {case.coming.name!r} is 100 MB"
        has = f"this file has {_shown(case.file.size, _MB)}"
        yield _unknown("content", f"{sentence}, unless PyPI has raised it: {has}.")


def _project_size(case: _Case) -> Iterator[Finding]:
    sizes = [one.size for one in case.listing.files.values() if one.size is not None]
    if len(sizes) < len(case.listing.files):
        return
    known = {*case.listing.files, case.file.filename}
    staged = sum(one.size for one in case.coming.staged if one.filename not in known)
    total = sum(sizes) + staged + case.file.size
    if total > PROJECT_LIMIT:
        name = case.coming.name
        sentence = f"Project size too large. Limit for project {name!r} total size is 10 GB"
        has = f"with this file it has {_shown(total, _GB)}"
        yield _unknown("content", f"{sentence}, unless PyPI has raised it: {has}.")


def _same_name(case: _Case) -> Iterator[Finding]:
    # A page that does not say which bytes it has is not taken for a yes.
    if case.file.filename in case.listing.files:
        yield already_exists(case.file)


def _same_bytes(case: _Case) -> Iterator[Finding]:
    if case.file.filename in case.listing.files:
        return
    for one in case.listing.files.values():
        if one.sha256 == case.file.sha256:
            yield already_exists(case.file, f"PyPI has these bytes as {one.filename!r}.")
            return


def _too_old(case: _Case) -> Iterator[Finding]:
    """Without the time of every file, only a release that is closed already can be told."""
    files = case.listing.files_of(case.coming.version)
    known = [moment for one in files if (moment := _moment(one.upload_time))]
    if not files:
        return
    release = f"{case.coming.name} {case.coming.version}"
    # No release is from the future, whatever a clock says that is ahead of ours.
    closes = min([*known, case.now]) + OPEN_FOR
    if case.now > closes:
        sentence = "Uploading new files to releases older than 14 days is not allowed."
        yield Finding("version", f"{sentence} {release} was closed on {closes:%Y-%m-%d}.")
    elif len(known) < len(files):
        sentence = "PyPI takes no new files for releases older than 14 days"
        yield _unknown("version", f"{sentence}, and does not say how old {release} is.")
    else:
        until = f"{closes:%Y-%m-%d %H:%M} UTC"
        yield _unknown("version", f"PyPI takes files for {release} until {until}, and none later.")


def _second_sdist(case: _Case) -> Iterator[Finding]:
    files = case.listing.files_of(case.coming.version)
    is_sdist = case.file.kind is ArtifactKind.SDIST
    if is_sdist and case.file.filename not in case.listing.files and any(map(_is_sdist, files)):
        yield Finding("content", ONE_SDIST)


Rule = Callable[[_Case], Iterator[Finding]]
RULES: tuple[Rule, ...] = (_too_similar, _closed)
RULES_OF_NEW_FILES: tuple[Rule, ...] = (
    _file_size,
    _project_size,
    _same_name,
    _same_bytes,
    _too_old,
    _second_sdist,
)

_MB = (2**20, "MB")
_GB = (2**30, "GB")


def _unknown(source: str, message: str) -> Finding:
    return Finding(source, message, Level.UNKNOWN)


def _shown(size: int, unit: tuple[int, str]) -> str:
    return f"{size / unit[0]:.1f} {unit[1]}"


def _is_sdist(listed: ListedFile) -> bool:
    return not listed.filename.endswith(".whl")


def _moment(text: str | None) -> datetime | None:
    """Return the time that a page says, in UTC; nothing if it says none that makes sense."""
    try:
        moment = datetime.fromisoformat(text or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
