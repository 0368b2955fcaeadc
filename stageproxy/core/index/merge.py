"""The staged files that a page does not list yet, and their order on the page."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from packaging.version import Version

from stageproxy.core.index.pages import ListedFile, Listing, StagedFile, version_in

QUARANTINED = "quarantined"


def additions(listing: Listing, staged: Iterable[StagedFile]) -> list[StagedFile]:
    """Return the *staged* files that a page does not list yet, as PyPI would show them, in order.

    Nothing is added to a quarantined project, which must not be installed (PEP 792).
    """
    if listing.status == QUARANTINED:
        return []
    return in_order(_as_in_release(missing_from(listing.files, staged), listing))


def missing_from(listed: Container[str], staged: Iterable[StagedFile]) -> list[StagedFile]:
    """Return the *staged* files whose filenames are not *listed*.

    A filename that PyPI lists is PyPI's: its files are immutable, so a staged
    file of the same name is either the same file or cannot be published.
    """
    return [one for one in staged if one.filename not in listed]


def in_order(files: Iterable[StagedFile]) -> list[StagedFile]:
    """Return files as PyPI sorts them: by version, then by filename."""
    return sorted(files, key=lambda one: (Version(one.version), one.filename))


def place_for(filename: str, listed: Sequence[str]) -> int:
    """Return how many of the *listed* files precede a staged one.

    The search starts at the end, as the staged release is usually the newest. PyPI
    lists filenames without a version first. The order of the listed files is not
    changed, even if it is another one.
    """
    version = version_in(filename)
    for position in range(len(listed), 0, -1):
        other = listed[position - 1]
        if version is None or not _is_after(other, version, filename):
            return position
    return 0


def _as_in_release(staged: Iterable[StagedFile], listing: Listing) -> Iterable[StagedFile]:
    """Return the *staged* files as PyPI would list them beside published files of the release.

    Requires-Python and yanked apply to a whole release on PyPI, and a later file
    does not change them.
    """
    published: dict[str, Sequence[ListedFile]] = {}
    for one in staged:
        if one.version not in published:
            published[one.version] = listing.files_of(one.version)
        yield _like_published(one, published[one.version])


def _like_published(staged: StagedFile, published: Sequence[ListedFile]) -> StagedFile:
    if not published:
        return staged
    first = published[0]
    return replace(staged, requires_python=first.requires_python, yanked=first.yanked)


def _is_after(other: str, version: Version, filename: str) -> bool:
    other_version = version_in(other)
    return other_version is not None and (other_version, other) > (version, filename)
