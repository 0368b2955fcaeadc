"""What the wheels of a release serve, and what those of the release before served as well.

A wheel serves an interpreter on a platform from a version of the system on: a wheel for
macOS 11 serves macOS 15, one with abi3 serves later versions of CPython, and one for any
platform serves all of them.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from stageproxy.core.rules.form import FILETYPES
from stageproxy.core.wording import first_few

_GLIBC = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_PLATFORM = re.compile(
    r"(?P<legacy>manylinux(?:1|2010|2014))_(?P<legacy_machine>.+)"
    r"|(?P<system>manylinux|musllinux|macosx|ios|android|pyemscripten)"
    r"_(?P<major>\d+)(?:_(?P<minor>\d+))?_(?P<machine>.+)"
)
_BOTH = {
    "macosx universal2": ("macosx arm64", "macosx x86_64"),
    "macosx intel": ("macosx i386", "macosx x86_64"),
}
"""Platforms that stand for several others."""

_FIRST_SYSTEMS = {"macosx arm64": (11, 0)}
"""The first version of a system on a machine: universal2 names that of the other machine."""

_NEEDS = {"macosx": "macOS", "manylinux": "glibc", "musllinux": "musl"}
"""What the version in a platform tag is the version of."""

_INTERPRETER = re.compile(r"([a-z]+?)3_?(\d*)")
_CPYTHON, _FREE_THREADED, _ANY_PYTHON = "cp", "cpt", "py"
_CPYTHONS = frozenset({_CPYTHON, _FREE_THREADED, _ANY_PYTHON})
_NO_ABI = "none"
_PATCHES = (0, 99)
ANY = "any"
_MOST_NAMED = 5
_LONGEST_SPECIFIER = 1000
"""A longer Requires-Python is taken to exclude nothing: it takes long to compare."""

Platform = str
"""A platform tag without the version of the system: `musllinux aarch64`."""

SystemVersion = tuple[int, int]
_NO_SYSTEM: SystemVersion = (0, 0)


@dataclass(frozen=True, slots=True, order=True)
class Interpreter:
    """An implementation of Python 3, and its minor version: `cp`, 13 is CPython 3.13.

    A free-threaded CPython is an implementation of its own, `cpt`: its ABI is another one.
    """

    implementation: str
    minor: int

    def __str__(self) -> str:
        """Return its tag: `cp313t`."""
        letters = self.implementation.removesuffix("t")
        suffix = "t" if self.implementation == _FREE_THREADED else ""
        return f"{letters}3{self.minor or ''}{suffix}"


EVERYWHERE = Interpreter(_ANY_PYTHON, 0)
"""Every Python 3, which `py3` wheels serve."""

_MISSING: Mapping[str, tuple[str, Collection[tuple[Interpreter, Platform]]]] = {
    "are no wheels": ("bdist_wheel", [(EVERYWHERE, ANY)]),
    "is no sdist": ("sdist", []),
}


@dataclass(frozen=True, slots=True, order=True)
class Served:
    """What one tag of a wheel serves: an interpreter, or also its later versions."""

    interpreter: Interpreter
    or_later: bool
    platform: Platform
    system: SystemVersion

    def serves(self, interpreter: Interpreter) -> bool:
        """Return whether an interpreter is served."""
        implementation = self.interpreter.implementation
        if implementation not in {_ANY_PYTHON, interpreter.implementation}:
            return False
        if self.or_later:
            return self.interpreter.minor <= interpreter.minor
        return self.interpreter.minor == interpreter.minor


@dataclass(frozen=True)
class Coverage:
    """What the wheels of a release serve."""

    served: Collection[Served]

    @cached_property
    def platforms(self) -> Collection[Platform]:
        """The platforms that wheels are for, in order; `any` stands for all of them."""
        return sorted({one.platform for one in self.served})

    def system_for(self, interpreter: Interpreter, platform: Platform) -> SystemVersion | None:
        """Return the lowest version of the system that is served, `None` if none is."""
        versions = (
            one.system
            for one in self.served
            if one.platform in {platform, ANY} and one.serves(interpreter)
        )
        return min(versions, default=None)

    def serves(self, interpreter: Interpreter) -> bool:
        """Return whether an interpreter is served on some platform."""
        return any(one.serves(interpreter) for one in self.served)


def coverage_of(filenames: Iterable[str]) -> Coverage:
    """Return what the wheels among *filenames* serve. Python 2 is left out."""
    return Coverage(frozenset(one for tag in _tags_of(filenames) for one in _served_by(tag)))


def _tags_of(filenames: Iterable[str]) -> Iterable[Tag]:
    for filename in filenames:
        try:
            yield from parse_wheel_filename(filename)[3]
        except InvalidWheelFilename:
            continue


def _served_by(tag: Tag) -> Iterable[Served]:
    found = _INTERPRETER.fullmatch(tag.interpreter)
    if found is None:
        return
    minor = int(found[2] or 0)
    platform, system = platform_of(tag.platform)
    for name in _BOTH.get(platform, (platform,)):
        for implementation, or_later in _implementations(found[1], tag.abi):
            lowest = system_needed(name, system)
            yield Served(Interpreter(implementation, minor), or_later, name, lowest)


def system_needed(platform: Platform, system: SystemVersion) -> SystemVersion:
    """Return the version of the system that a tag with *system* needs on a platform at least."""
    return max(system, _FIRST_SYSTEMS.get(platform, system))


def _implementations(name: str, abi: str) -> Iterable[tuple[str, bool]]:
    """Return the implementations that a tag serves, and whether their later versions, too."""
    if name == _CPYTHON and abi == "abi3t":
        return [(_FREE_THREADED, True)]
    if name == _CPYTHON and re.fullmatch(r"cp\d+t", abi):
        return [(_FREE_THREADED, False)]
    if name == _CPYTHON and abi == _NO_ABI:
        return [(_CPYTHON, False), (_FREE_THREADED, False)]
    return [(name, abi == "abi3" or name == _ANY_PYTHON)]


def platform_of(tag: str) -> tuple[Platform, SystemVersion]:
    """Return the platform of a platform tag, and the lowest version of the system."""
    found = _PLATFORM.fullmatch(tag)
    if found is None:
        return tag.replace("_", " ", 1), _NO_SYSTEM
    if found["legacy"]:
        return f"manylinux {found['legacy_machine']}", _GLIBC[found["legacy"]]
    return f"{found['system']} {found['machine']}", (int(found["major"]), int(found["minor"] or 0))


@dataclass(frozen=True, slots=True)
class Regression:
    """Something that a release serves no longer, or only with a newer system: `is_floor`.

    `served` is what it is about: interpreters on platforms, none for the sdist.
    """

    sentence: str
    served: Collection[tuple[Interpreter, Platform]] = ()
    is_floor: bool = False


def regressions(
    filenames: Collection[str],
    before: Collection[str],
    release: str,
    *,
    requires_python: str | None = None,
) -> list[str]:
    """Return a sentence on all that the files of *release*, the one before, serve and these do not.

    *requires_python*: a Python that it excludes is not missed.
    """
    found = find_regressions(filenames, before, release, requires_python=requires_python)
    return [one.sentence for one in found]


def find_regressions(
    filenames: Collection[str],
    before: Collection[str],
    release: str,
    *,
    requires_python: str | None = None,
) -> list[Regression]:
    """Return all that the files of *release*, the one before, serve and these do not."""
    lost_kinds = [
        Regression(f"There {what}, unlike in {release}.", served)
        for what, (filetype, served) in _MISSING.items()
        if _has(filetype, before) and not _has(filetype, filenames)
    ]
    if not _has("bdist_wheel", filenames):
        return lost_kinds
    comparison = _compared(filenames, before, requires_python)
    return [*lost_kinds, *comparison.lost(release), *comparison.raised(release)]


def wheel_matrix(
    filenames: Collection[str], before: Collection[str], *, requires_python: str | None = None
) -> list[tuple[Interpreter, Platform]]:
    """Return the interpreters on platforms that the files of the release *before* serve.

    They are those that are compared with *filenames*. What is served on any platform is that
    for `EVERYWHERE`.
    """
    comparison = _compared(filenames, before, requires_python)
    return [
        cell
        for platform in comparison.then.platforms
        for cell in (
            [(EVERYWHERE, ANY)]
            if platform == ANY
            else [(one, platform) for one in comparison.served_on(platform, comparison.then)]
        )
    ]


def _compared(
    filenames: Collection[str], before: Collection[str], requires_python: str | None
) -> "_Comparison":
    wanted = python_specifier(requires_python or "")
    return _Comparison(coverage_of(filenames), coverage_of(before), wanted)


def python_specifier(requires_python: str) -> SpecifierSet:
    """Return a Requires-Python as installers take it: one that is invalid excludes nothing."""
    if len(requires_python) > _LONGEST_SPECIFIER:
        return SpecifierSet()
    try:
        return SpecifierSet(requires_python)
    except InvalidSpecifier:
        return SpecifierSet()


def _has(filetype: str, filenames: Iterable[str]) -> bool:
    return any(one.endswith(FILETYPES[filetype]) for one in filenames)


@dataclass(frozen=True)
class _Comparison:
    """The wheels of a release, and those of the release before."""

    now: Coverage
    then: Coverage
    wanted: SpecifierSet

    @cached_property
    def interpreters(self) -> Sequence[Interpreter]:
        """The interpreters to compare: all that a wheel names, and CPython without gaps."""
        named = {one.interpreter for one in (*self.now.served, *self.then.served)}
        exact = {one for one in named if one.minor and one.implementation != _ANY_PYTHON}
        minors = [one.minor for one in named if one.minor and one.implementation in _CPYTHONS]
        between = range(min(minors, default=0), max(minors, default=0) + 1)
        pythons = exact | {Interpreter(_CPYTHON, minor) for minor in between}
        return sorted(one for one in pythons if self._is_wanted(one))

    def _is_wanted(self, interpreter: Interpreter) -> bool:
        versions = (f"3.{interpreter.minor}.{patch}" for patch in _PATCHES)
        return not interpreter.minor or any(self.wanted.contains(one) for one in versions)

    @cached_property
    def _gone(self) -> Sequence[Interpreter]:
        """The interpreters that are served nowhere any more."""
        then, now = self.then, self.now
        return [one for one in self.interpreters if then.serves(one) and not now.serves(one)]

    def lost(self, release: str) -> Iterable[Regression]:
        """Return which interpreters and platforms are no longer served, unlike in *release*."""
        if self._gone:
            yield _lost(_named(self._gone), release, self._served_then(self._gone))
        for platform in self.then.platforms:
            then = self.served_on(platform, self.then)
            now = self.served_on(platform, self.now)
            if not now and (then or platform == ANY):
                what = "all platforms (py3-none-any)" if platform == ANY else platform
                yield _lost(what, release, [(one, platform) for one in then or [EVERYWHERE]])
            elif lost := [one for one in then if one not in now and one not in self._gone]:
                served = [(one, platform) for one in lost]
                yield _lost(f"{_named(lost)} on {platform}", release, served)

    def _served_then(
        self, interpreters: Sequence[Interpreter]
    ) -> Sequence[tuple[Interpreter, Platform]]:
        return [
            (one, platform)
            for platform in self.then.platforms
            for one in self.served_on(platform, self.then)
            if one in interpreters
        ]

    def raised(self, release: str) -> Iterable[Regression]:
        """Return on which platforms a newer system is needed than for *release*."""
        for platform in self.then.platforms:
            systems = self._systems_on(platform)
            changes = {pair for pair in systems.values() if _NO_SYSTEM < pair[0] < pair[1]}
            for then, now in sorted(changes):
                pythons = [one for one, pair in systems.items() if pair == (then, now)]
                is_all = len(pythons) == len(systems)
                which = platform if is_all else f"{_named(pythons)} on {platform}"
                yield Regression(
                    f"The wheels for {which} need {system_name(platform, now)}, "
                    f"those of {release} only {system_name(platform, then)}.",
                    [(one, platform) for one in pythons],
                    is_floor=True,
                )

    def _systems_on(
        self, platform: Platform
    ) -> Mapping[Interpreter, tuple[SystemVersion, SystemVersion]]:
        """Return the lowest system then and now for each interpreter that both serve."""
        systems: dict[Interpreter, tuple[SystemVersion, SystemVersion]] = {}
        for one in self.interpreters:
            then, now = self.then.system_for(one, platform), self.now.system_for(one, platform)
            if then is not None and now is not None:
                systems[one] = then, now
        return systems

    def served_on(self, platform: Platform, coverage: Coverage) -> Sequence[Interpreter]:
        """Return the interpreters that are served on a platform."""
        return [one for one in self.interpreters if coverage.system_for(one, platform) is not None]


def _lost(what: str, release: str, served: Collection[tuple[Interpreter, Platform]]) -> Regression:
    return Regression(f"There is no wheel for {what}, unlike in {release}.", served)


def system_name(platform: Platform, version: SystemVersion) -> str:
    """Return a version of the system of a platform for people: `glibc 2.28`."""
    family = platform.partition(" ")[0]
    return f"{_NEEDS.get(family, family)} {version[0]}.{version[1]}"


def release_before(version: Version, releases: Iterable[Version]) -> Version | None:
    """Return the newest of *releases* before *version*, a final one if there is one."""
    older = [one for one in releases if one < version]
    final = [one for one in older if not one.is_prerelease]
    return max(final or older, default=None)


def _named(interpreters: Sequence[Interpreter]) -> str:
    return first_few([str(one) for one in interpreters], _MOST_NAMED)
