"""The releases of a project, by what a page lists."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from packaging.version import Version

from stageproxy.core.index.pages import ListedFile, Listing

WHEEL_SUFFIX = ".whl"
SDIST_SUFFIXES = (".tar.gz", ".zip")


@dataclass(frozen=True)
class Release:
    """A release as a page lists it: its version, and the names of its files."""

    version: Version
    filenames: Sequence[str]
    listing: Listing = field(repr=False)

    @cached_property
    def files(self) -> Sequence[ListedFile]:
        """The files that are not yanked, in the order of the page."""
        listed = (self.listing.files[one] for one in self.filenames)
        return [one for one in listed if one.yanked is None]


def releases_in(listing: Listing) -> Sequence[Release]:
    """Return the releases that a page lists, the newest first. All files of one may be yanked.

    Only the versions are read in filenames: pages list thousands of files, of which few count.
    """
    by_version: dict[Version, list[str]] = {}
    for filename in listing.files:
        if version := _find_version(_version_text(filename)):
            by_version.setdefault(version, []).append(filename)
    return [Release(one, by_version[one], listing) for one in sorted(by_version, reverse=True)]


def _version_text(filename: str) -> str:
    """Return the part of a filename that is the version, empty if it is no distribution's."""
    if filename.endswith(WHEEL_SUFFIX):
        return filename.split("-", 2)[1] if "-" in filename else ""
    suffix = next((one for one in SDIST_SUFFIXES if filename.endswith(one)), None)
    return filename.removesuffix(suffix).rpartition("-")[2] if suffix else ""


@lru_cache(maxsize=5000)
def _find_version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:
        return None
