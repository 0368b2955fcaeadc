"""What is known while a release is resolved, and what has to be found out first."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.review.impact.choices import (
    Candidate,
    Offer,
    Offered,
    candidates_among,
    offered_in,
)
from stageproxy.core.review.impact.targets import Target
from stageproxy.core.review.resolving.metadata import Required


@dataclass(frozen=True, slots=True)
class Pick:
    """A release, and the file of it that an installer chooses."""

    project: NormalizedName
    version: Version
    filename: str

    def __str__(self) -> str:
        """Return the release as it is asked for."""
        return f"{self.project}=={self.version}"


class NeededError(Exception):
    """Something has to be found out before a release can be resolved."""

    def __init__(
        self, pages: Collection[NormalizedName] = (), metadata: Collection[Pick] = ()
    ) -> None:
        super().__init__()
        self.pages = pages
        self.metadata = metadata


class NotKnownError(Exception):
    """A release cannot be resolved, and whether it could be installed is not known: the reason."""


@dataclass(slots=True)
class Facts:
    """Pages of projects, `None` for what the index does not have, and what files require."""

    pages: dict[NormalizedName, Listing | None] = field(default_factory=dict)
    required: dict[Pick, Required] = field(default_factory=dict)
    _releases: dict[NormalizedName, Sequence[Offered]] = field(default_factory=dict)

    def listed(self, pick: Pick) -> ListedFile | None:
        """Return a file as its page lists it."""
        page = self.pages.get(pick.project)
        return page.files.get(pick.filename) if page else None

    def picks(
        self, project: NormalizedName, wanted: SpecifierSet, target: Target
    ) -> Iterator[Pick]:
        """Yield the releases that an installer may choose, the best first.

        A yanked one counts if its version is asked for with `==`, a pre-release if one is asked
        for or there is nothing else. Raise `NeededError` if the page is not known.
        """
        releases = {one.version: one for one in self._releases_of(project)}
        chosen = sorted(wanted.filter(releases), reverse=True)
        is_pinned = any(one.operator in {"==", "==="} for one in wanted)
        for version in chosen:
            found = _file_of(releases[version], target, with_yanked=is_pinned)
            if found is not None:
                yield Pick(project, version, found.filename)

    def _releases_of(self, project: NormalizedName) -> Sequence[Offered]:
        if project not in self.pages:
            raise NeededError(pages={project})
        if project not in self._releases:
            page = self.pages[project]
            self._releases[project] = offered_in(page) if page else ()
        return self._releases[project]


def _file_of(offered: Offered, target: Target, *, with_yanked: bool) -> Candidate | None:
    found = offered.offer.best_for(target)
    if found or not with_yanked:
        return found
    release = offered.release
    files = [release.listing.files[one] for one in release.filenames]
    return Offer(candidates_among(files)).best_for(target)
