"""The dependencies of a release, and whether an index has a release of each."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from stageproxy.core.index.pages import Listing, version_in
from stageproxy.core.names import first_few
from stageproxy.core.rules.findings import Finding, not_known, suspicious
from stageproxy.core.stage.release_findings import ExaminedFile, requires_python_of

_FIELD = "requires_dist"
_MINORS = range(6, 20)
_SYSTEMS = (
    {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"},
    {"os_name": "posix", "sys_platform": "darwin", "platform_system": "Darwin"},
    {"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows"},
)
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
_PINNED = re.compile(r"==(?!=)[^*,]+|===[^,]+")
_MOST_NAMES = 5
_LONGEST_MARKER = 300
"""The longest marker that is judged, in characters. The time grows with the square of it."""


@dataclass(frozen=True, slots=True)
class Available:
    """The versions of a project that an index lists, and which of them are yanked."""

    versions: frozenset[Version]
    yanked: frozenset[Version] = frozenset()


def available_in(listing: Listing) -> Available | None:
    """Return the versions on a page; `None` if the index has no such project."""
    if not listing.exists:
        return None
    yanked: set[Version] = set()
    others: set[Version] = set()
    for file in listing.files.values():
        version = version_in(file.filename)
        if version is not None:
            (others if file.yanked is None else yanked).add(version)
    return Available(frozenset(yanked | others), frozenset(yanked - others))


def dependencies_of(files: Sequence[ExaminedFile]) -> list[Requirement]:
    """Return the requirements of a release that an installer may have to satisfy, each once.

    Those whose marker holds in no environment, those with a URL, and those on
    the project itself are left out. This takes long for many requirements.
    """
    found: dict[str, Requirement] = {}
    for file in files:
        project = file.upload.name.project if file.upload.name else ""
        for text in sorted(file.claims.values[_FIELD]) if file.claims else ():
            requirement = _parsed(text)
            if requirement and canonicalize_name(requirement.name) != project:
                found.setdefault(text, requirement)
    minors = _minors_of(requires_python_of(files))
    return [one for one in found.values() if one.marker is None or _may_hold(one.marker, minors)]


def _parsed(text: str) -> Requirement | None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    return None if requirement.url else requirement


def _minors_of(requires_python: str) -> tuple[int, ...]:
    try:
        wanted = SpecifierSet(requires_python)
    except InvalidSpecifier:
        wanted = SpecifierSet()
    return tuple(one for one in _MINORS if wanted.contains(f"3.{one}.99"))


@lru_cache(maxsize=4096)
def _may_hold(marker: Marker, minors: tuple[int, ...]) -> bool:
    """Return whether a marker holds in some environment. One that is too long may."""
    text = str(marker)
    if len(text) > _LONGEST_MARKER:
        return True
    extras = ["", *_EXTRA.findall(text)]
    return any(
        marker.evaluate(
            {
                **system,
                "python_version": f"3.{minor}",
                "python_full_version": f"3.{minor}.0",
                "extra": extra,
            }
        )
        for minor in minors
        for system in _SYSTEMS
        for extra in extras
    )


def unsatisfied(requirement: Requirement, available: Available | None) -> Finding | None:
    """Return the finding on a requirement that no release on the index satisfies.

    As for pip, a pre-release counts if there is nothing else, and a yanked release
    if it is pinned.
    """
    name = requirement.name
    if available is None:
        return suspicious(f"Requires-Dist {requirement}: PyPI has no project {name}.", _FIELD)
    versions = available.versions
    if not _PINNED.fullmatch(str(requirement.specifier)):
        versions -= available.yanked
    if any(True for _ in requirement.specifier.filter(versions)):
        return None
    wanted = f"satisfies {requirement.specifier}" if requirement.specifier else "can be installed"
    return suspicious(
        f"Requires-Dist {requirement}: no release of {name} {wanted} on PyPI.", _FIELD
    )


def not_looked_up(projects: Collection[NormalizedName]) -> Iterator[Finding]:
    """Return the finding on dependencies about which the index gave no answer."""
    if projects:
        text = first_few(sorted(projects), _MOST_NAMES)
        yield not_known(f"These dependencies could not be looked up on PyPI: {text}.", _FIELD)
