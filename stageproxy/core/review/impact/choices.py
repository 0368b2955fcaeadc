"""The file that an installer chooses: what pip and uv do with the files that a page lists."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from packaging.tags import Tag
from packaging.utils import BuildTag, parse_wheel_filename
from packaging.version import Version

from stageproxy.core.archives.filenames import MOST_TAGS, WHEEL_SUFFIX, number_of_tags
from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.index.releases import SDIST_SUFFIXES, Release, releases_in
from stageproxy.core.review.impact.targets import PythonTag, Target, python_tag, tag_order
from stageproxy.core.stage.stage import Artifact
from stageproxy.core.stage.wheel_coverage import (
    ANY,
    SystemVersion,
    platform_of,
    python_specifier,
    system_needed,
)

_LATEST_PATCH = 99
"""Users have a late patch release of their Python: `>=3.9.2` does not exclude it."""

Rank = tuple[int, int, BuildTag, int]
"""How much a wheel is preferred: by Python, platform, build number, and place on the page."""

NO_SYSTEM: SystemVersion = (0, 0)
"""The version of the system that a wheel needs which needs none."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file of a release that an installer may choose; an sdist has no tags."""

    filename: str
    requires_python: str = ""
    build: BuildTag = ()
    tags: Sequence[Tag] = field(default=(), repr=False)

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel."""
        return bool(self.tags)

    @property
    def is_for_any_platform(self) -> bool:
        """Whether it is a wheel without compiled code."""
        return any(tag.platform == ANY for tag in self.tags)

    def system_for(self, target: Target) -> SystemVersion:
        """Return the lowest version of the system of a target that it needs.

        It is `NO_SYSTEM` for an sdist, a wheel for any platform, and where versions do not matter.
        """
        place_of = tag_order(target).place_of
        fitting = {tag.platform for tag in self.tags if place_of(tag)}
        return min((_system_of(tag, target.platform) for tag in fitting), default=NO_SYSTEM)


def _system_of(tag: str, platform: str) -> SystemVersion:
    _, system = platform_of(tag)
    return system_needed(platform, system) if system > NO_SYSTEM else system


def find_candidate(filename: str, requires_python: str | None) -> Candidate | None:
    """Return a file as a candidate, `None` if installers pass it over whatever the target is."""
    if not filename.endswith(WHEEL_SUFFIX):
        is_sdist = filename.endswith(SDIST_SUFFIXES)
        return Candidate(filename, requires_python or "") if is_sdist else None
    parsed = _find_tags(filename)
    return Candidate(filename, requires_python or "", *parsed) if parsed else None


@lru_cache(maxsize=20_000)
def _find_tags(filename: str) -> tuple[BuildTag, Sequence[Tag]] | None:
    """Return the build number and the tags in a wheel's filename, `None` if it is invalid."""
    if number_of_tags(filename) > MOST_TAGS:
        return None
    try:
        _, _, build, tags = parse_wheel_filename(filename)
    except ValueError:
        return None
    return build, tuple(tags)


def candidates_among(files: Iterable[ListedFile | Artifact]) -> list[Candidate]:
    """Return the files that an installer may choose."""
    found = (find_candidate(one.filename, one.requires_python) for one in files)
    return [one for one in found if one]


def admits(requires_python: str, target: Target) -> bool:
    """Return whether a Requires-Python admits the Python of a target."""
    return not requires_python or _admits(requires_python, target.python)


@lru_cache(maxsize=5000)
def _admits(requires_python: str, python: str) -> bool:
    return python_specifier(requires_python).contains(f"{python}.{_LATEST_PATCH}", prereleases=True)


@dataclass(frozen=True)
class Offer:
    """The files of one release that an installer can choose from, in the order of the page."""

    candidates: Sequence[Candidate]

    def best_for(self, target: Target) -> Candidate | None:
        """Return the file that an installer chooses, `None` if none fits.

        A wheel is better than an sdist, and tags count before build numbers. Of files that are
        alike, pip takes the last one.
        """
        if not any(admits(one, target) for one in self._pythons):
            return None
        ranked = ((rank, one) for rank, one in self._fitting(target))
        best = max(ranked, default=None, key=lambda pair: pair[0])
        sdists = (one for one in self._sdists if admits(one.requires_python, target))
        return best[1] if best else next(sdists, None)

    def lowest_system(self, target: Target) -> SystemVersion:
        """Return the lowest version of the system of a target for which there is a wheel."""
        order, systems = tag_order(target), []
        for platform, _ in self._fitting_platforms(target):
            if any(one in order.pythons for one, _, _ in self._wheels[platform]):
                systems.append(_system_of(platform, target.platform))
        return min(systems, default=NO_SYSTEM)

    @cached_property
    def _pythons(self) -> frozenset[str]:
        return frozenset(one.requires_python for one in self.candidates)

    @cached_property
    def _sdists(self) -> Sequence[Candidate]:
        return [one for one in reversed(self.candidates) if not one.is_wheel]

    @cached_property
    def _wheels(self) -> Mapping[str, Sequence[tuple[PythonTag, int, Candidate]]]:
        """The wheels by platform tag: there are few of these, and they exclude the most."""
        found: dict[str, list[tuple[PythonTag, int, Candidate]]] = {}
        for place, one in enumerate(self.candidates):
            for tag in one.tags:
                found.setdefault(tag.platform, []).append((python_tag(tag), place, one))
        return found

    def _fitting_platforms(self, target: Target) -> Iterator[tuple[str, int]]:
        places = tag_order(target).platforms
        return ((one, places[one]) for one in self._wheels if one in places)

    def _fitting(self, target: Target) -> Iterator[tuple[Rank, Candidate]]:
        """Return the wheels that fit a target, with a rank that is the higher the better."""
        pythons = tag_order(target).pythons
        for platform, platform_place in self._fitting_platforms(target):
            for python, place, one in self._wheels[platform]:
                python_place = pythons.get(python)
                if python_place is not None and admits(one.requires_python, target):
                    yield (-python_place, -platform_place, one.build, place), one


@dataclass(frozen=True)
class Offered:
    """A release as installers see it."""

    release: Release

    @property
    def version(self) -> Version:
        """Its version."""
        return self.release.version

    @cached_property
    def offer(self) -> Offer:
        """The files that an installer can choose from."""
        return Offer(candidates_among(self.release.files))


def offered_in(listing: Listing) -> Sequence[Offered]:
    """Return the releases that a page lists as installers see them, the newest first."""
    return [Offered(one) for one in releases_in(listing)]


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


def choose(target: Target, releases: Iterable[Offered], wish: Wish) -> Chosen | None:
    """Return what an installer chooses of *releases*, the newest first, `None` if nothing fits."""
    fallback = None
    for release in releases:
        is_second = release.version.is_prerelease and not wish.wants_pre_releases
        if not wish.admits(release.version) or (is_second and fallback):
            continue
        found = release.offer.best_for(target)
        if found and not is_second:
            return Chosen(release.version, found)
        fallback = fallback or (Chosen(release.version, found) if found else None)
    return fallback
