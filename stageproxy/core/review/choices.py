"""The file that an installer chooses: what pip and uv do with the files that a page lists."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from packaging.tags import Tag
from packaging.utils import BuildTag, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from stageproxy.core.archives.filenames import MOST_TAGS, WHEEL_SUFFIX, number_of_tags
from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.review.targets import Target, tag_order
from stageproxy.core.stage.wheel_coverage import (
    SystemVersion,
    platform_of,
    python_specifier,
    system_needed,
)

_SDIST_SUFFIXES = (".tar.gz", ".zip")
_LATEST_PATCH = 99
"""Users have a late patch release of their Python: `>=3.9.2` does not exclude it."""

NO_SYSTEM: SystemVersion = (0, 0)
"""The version of the system that a wheel needs which needs none."""

Place = tuple[int, int]
"""The place of a tag in the order of a target, the lowest the best."""


@dataclass(frozen=True, slots=True)
class WheelTags:
    """The build number and the tags in a wheel's filename."""

    build: BuildTag
    tags: Sequence[Tag]

    def place_for(self, target: Target) -> Place | None:
        """Return the place of the best tag for a target, `None` if none fits."""
        place_of = tag_order(target).place_of
        return min((place for tag in self.tags if (place := place_of(tag))), default=None)

    def system_for(self, target: Target) -> SystemVersion | None:
        """Return the lowest version of the system that a target needs, `None` if no tag fits.

        It is 0.0 for a wheel for any platform, and on systems whose version does not matter.
        """
        place_of = tag_order(target).place_of
        fitting = {tag.platform for tag in self.tags if place_of(tag)}
        return min((_system_of(tag, target.platform) for tag in fitting), default=None)


def _system_of(tag: str, platform: str) -> SystemVersion:
    _, system = platform_of(tag)
    return system_needed(platform, system) if system > NO_SYSTEM else system


@lru_cache(maxsize=20_000)
def find_wheel_tags(filename: str) -> WheelTags | None:
    """Return what a wheel's filename says, `None` if installers do not take it for a wheel's."""
    if not filename.endswith(WHEEL_SUFFIX) or number_of_tags(filename) > MOST_TAGS:
        return None
    try:
        _, _, build, tags = parse_wheel_filename(filename)
    except ValueError:
        return None
    return WheelTags(build, tuple(tags))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file of a release that an installer may choose. *wheel* is `None` for an sdist."""

    filename: str
    requires_python: str = ""
    wheel: WheelTags | None = field(default=None, repr=False)

    def rank_for(self, target: Target) -> tuple[bool, int, int, BuildTag] | None:
        """Return a rank that is the higher the better, `None` if it does not fit a target.

        Wheels are better than an sdist; tags count before build numbers.
        """
        if self.wheel is None:
            return (False, 0, 0, ())
        place = self.wheel.place_for(target)
        return None if place is None else (True, -place[0], -place[1], self.wheel.build)


def admits(requires_python: str, target: Target) -> bool:
    """Return whether a Requires-Python admits the Python of a target."""
    return not requires_python or _admits(requires_python, target.python)


@lru_cache(maxsize=5000)
def _admits(requires_python: str, python: str) -> bool:
    return python_specifier(requires_python).contains(f"{python}.{_LATEST_PATCH}", prereleases=True)


def candidate(filename: str, requires_python: str | None) -> Candidate | None:
    """Return a file as a candidate, `None` if installers pass it over whatever the target is."""
    if filename.endswith(WHEEL_SUFFIX):
        wheel = find_wheel_tags(filename)
        return Candidate(filename, requires_python or "", wheel) if wheel else None
    is_sdist = filename.endswith(_SDIST_SUFFIXES)
    return Candidate(filename, requires_python or "") if is_sdist else None


def best_for(target: Target, candidates: Iterable[Candidate]) -> Candidate | None:
    """Return the file of one release that an installer chooses, `None` if none fits.

    Of files that are alike, pip takes the last one.
    """
    ranked = [
        (rank, place, one)
        for place, one in enumerate(candidates)
        if admits(one.requires_python, target) and (rank := one.rank_for(target)) is not None
    ]
    return max(ranked, key=lambda one: one[:2])[2] if ranked else None


def lowest_system(target: Target, candidates: Iterable[Candidate]) -> SystemVersion:
    """Return the lowest version of the system for which there is a wheel for a target."""
    wheels = [one for one in candidates if one.wheel and admits(one.requires_python, target)]
    systems = [one.wheel.system_for(target) for one in wheels if one.wheel]
    return min((one for one in systems if one is not None), default=NO_SYSTEM)


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

    @cached_property
    def candidates(self) -> Sequence[Candidate]:
        """The files that an installer may choose, in the order of the page."""
        found = (candidate(one.filename, one.requires_python) for one in self.files)
        return [one for one in found if one]


def releases_in(listing: Listing) -> Sequence[Release]:
    """Return the releases that a page lists, the newest first.

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
    suffix = next((one for one in _SDIST_SUFFIXES if filename.endswith(one)), None)
    return filename.removesuffix(suffix).rpartition("-")[2] if suffix else ""


@lru_cache(maxsize=5000)
def _find_version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asks an installer for: nothing, or a version that is not exceeded.

    A pre-release is chosen if it is asked for, as `<=2.0rc1` does, or nothing else fits.
    """

    up_to: Version | None = None

    def admits(self, version: Version) -> bool:
        """Return whether a release meets it."""
        return self.up_to is None or version <= self.up_to

    @property
    def wants_pre_releases(self) -> bool:
        """Whether pre-releases are as good as final ones."""
        return self.up_to is not None and self.up_to.is_prerelease


@dataclass(frozen=True, slots=True)
class Chosen:
    """The file that an installer chooses, and its release."""

    version: Version
    file: Candidate

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel."""
        return self.file.wheel is not None


def choose(target: Target, releases: Iterable[Release], wish: Wish) -> Chosen | None:
    """Return what an installer chooses of *releases*, the newest first, `None` if nothing fits."""
    fallback = None
    for release in releases:
        is_second = release.version.is_prerelease and not wish.wants_pre_releases
        if not wish.admits(release.version) or (is_second and fallback):
            continue
        found = best_for(target, release.candidates)
        if found and not is_second:
            return Chosen(release.version, found)
        fallback = fallback or (Chosen(release.version, found) if found else None)
    return fallback
