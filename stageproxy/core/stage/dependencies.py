"""The dependencies of a release, and whether an index has a release of each."""

import hashlib
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
from stageproxy.core.rules.findings import Finding, not_known, suspicious
from stageproxy.core.stage.release_findings import ExaminedFile, requires_python_of
from stageproxy.core.wording import first_few

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
_LONGEST = 1000
"""The longest requirement that is looked up, in characters."""
_LONGEST_OF_ALL = 2**16
"""How many characters the requirements of a release may have together that are looked up."""

NOT_READ = "The dependencies could not be read in time, so none of them was looked up."
"""The sentence on a release whose dependencies take too long."""


@dataclass(frozen=True, slots=True)
class Available:
    """The versions of a project that an index lists, and which of them are yanked."""

    versions: frozenset[Version]
    yanked: frozenset[Version] = frozenset()


@dataclass(frozen=True, slots=True)
class Wishes:
    """The requirements of the files of a release of a project, as texts."""

    project: str
    requires_python: str
    texts: tuple[str, ...]

    @property
    def digest(self) -> str:
        """A digest of all of it."""
        return hashlib.sha256(repr(self).encode(errors="replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The requirements that are looked up, as texts, and the number of those that are too long."""

    texts: tuple[str, ...] = ()
    left_out: int = 0


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


def wishes_of(files: Sequence[ExaminedFile]) -> Wishes:
    """Return what the files of a release require, each text once."""
    name = files[0].upload.name if files else None
    texts = (text for one in files if one.claims for text in sorted(one.claims.values[_FIELD]))
    return Wishes(
        name.project if name else "", requires_python_of(files), tuple(dict.fromkeys(texts))
    )


def wanted_of(wishes: Wishes) -> Wanted:
    """Return the requirements of a release that an installer may have to satisfy.

    Those whose marker holds in no environment, those with a URL, and those on
    the project itself are left out. This takes long for many requirements.
    """
    minors = _minors_of(wishes.requires_python)
    texts: list[str] = []
    size = left_out = 0
    for text in wishes.texts:
        requirement = _parsed(text)
        if requirement is None or canonicalize_name(requirement.name) == wishes.project:
            continue
        if requirement.marker is not None and not _may_hold(requirement.marker, minors):
            continue
        is_judged = len(text) <= _LONGEST and size + len(text) <= _LONGEST_OF_ALL
        size += len(text) if is_judged else 0
        left_out += not is_judged
        texts += [text] if is_judged else []
    return Wanted(tuple(texts), left_out)


def dependencies_in(wanted: Wanted) -> list[Requirement]:
    """Return the requirements that are judged. Their length is bounded."""
    return [Requirement(text) for text in wanted.texts]


def _parsed(text: str) -> Requirement | None:
    try:
        requirement = Requirement(text)
    except (InvalidRequirement, ValueError, RecursionError):
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


def too_long(wanted: Wanted) -> Iterator[Finding]:
    """Return the finding on requirements that are too long to be looked up."""
    if wanted.left_out:
        yield not_known(
            f"{wanted.left_out} of the requirements are too long to be looked up.", _FIELD
        )


def not_looked_up(projects: Collection[NormalizedName]) -> Iterator[Finding]:
    """Return the finding on dependencies about which the index gave no answer."""
    if projects:
        text = first_few(sorted(projects), _MOST_NAMES)
        yield not_known(f"These dependencies could not be looked up on PyPI: {text}.", _FIELD)
