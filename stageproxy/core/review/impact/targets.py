"""Targets: the interpreters on platforms for which an installer chooses a file.

An installer takes the wheel with the first tag in the list that its interpreter and system
have. A target stands for a recent system, which takes wheels for all older ones, too: it has
the versions in `RECENT`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags, mac_platforms

RECENT: Mapping[str, tuple[int, int]] = {
    "manylinux": (2, 43),
    "musllinux": (1, 2),
    "macosx": (26, 0),
}
"""The version of glibc, musl and macOS that a target has."""

_LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
_FIRST_GLIBC = {"x86_64": 5, "i686": 5}
_FIRST_GLIBC_ELSEWHERE = 17
"""The lowest glibc 2 of manylinux, on the oldest machines and on the others."""

_LINUX_MACHINES = ("x86_64", "aarch64", "i686", "armv7l", "ppc64le", "s390x", "riscv64")
_PLATFORMS = frozenset(
    {
        *(f"manylinux {machine}" for machine in _LINUX_MACHINES),
        *(f"musllinux {machine}" for machine in _LINUX_MACHINES),
        *("macosx arm64", "macosx x86_64", "win amd64", "win arm64", "win32"),
    }
)
_NAME = re.compile(r"(?P<letters>cp|pp)3(?P<minor>\d{1,2})(?P<threads>t?)-(?P<platform>\w+)")
_FIRST_THREADED = 13
_ANY_SYSTEM = "any"
_HERE = "here"


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """An interpreter on a platform.

    `implementation` is `cp`, `cpt` (free-threaded CPython) or `pp`; `python` is its version,
    `3.13`. `platform` is a platform tag without the version of the system, as in
    `wheel_coverage`: `manylinux x86_64`, `musllinux aarch64`, `macosx arm64`, `win amd64`.
    """

    implementation: str
    python: str
    platform: str

    @property
    def interpreter(self) -> str:
        """Its interpreter: `cp313t`."""
        letters = self.implementation.removesuffix("t")
        suffix = "t" if self.implementation == "cpt" else ""
        return f"{letters}{self.python.replace('.', '')}{suffix}"

    def __str__(self) -> str:
        """Return its name in settings and on the command line: `cp313-manylinux_x86_64`."""
        return f"{self.interpreter}-{self.platform.replace(' ', '_')}"


def parse_target(text: str) -> Target:
    """Parse the name of a target. Raise `ValueError` if it is none."""
    found = _NAME.fullmatch(text.strip())
    platform = found["platform"].replace("_", " ", 1) if found else ""
    if found is None or platform not in _PLATFORMS:
        msg = (
            f"{text[:80]!r} is no target: write an interpreter and a platform, such as "
            "cp313-manylinux_x86_64, cp314t-macosx_arm64 or pp311-win_amd64"
        )
        raise ValueError(msg)
    implementation = found["letters"] + found["threads"]
    if implementation == "ppt" or (found["threads"] and int(found["minor"]) < _FIRST_THREADED):
        first = f"CPython 3.{_FIRST_THREADED}"
        msg = f"{text[:80]!r} is no target: {first} is the first that can be free-threaded"
        raise ValueError(msg)
    return Target(implementation, f"3.{found['minor']}", platform)


_COMMON = ("manylinux x86_64", "manylinux aarch64", "macosx x86_64", "macosx arm64", "win amd64")
_CPYTHON_ONLY = ("musllinux x86_64", "musllinux aarch64", "win arm64")
_CPYTHONS = (
    *(("cp", f"3.{minor}") for minor in range(9, 16)),
    *(("cpt", f"3.{minor}") for minor in range(_FIRST_THREADED, 16)),
)
_PYPYS = (("pp", "3.10"), ("pp", "3.11"))

DEFAULT_TARGETS: tuple[Target, ...] = tuple(
    Target(*python, platform)
    for python, platform in (
        *product(_CPYTHONS, (*_COMMON, *_CPYTHON_ONLY)),
        *product(_PYPYS, _COMMON),
    )
)
"""CPython 3.9 to 3.15, also free-threaded, and PyPy, on the platforms that most users have."""


PythonTag = tuple[str, str, bool]
"""The interpreter and the ABI of a tag, and whether it is for any platform."""


def python_tag(tag: Tag) -> PythonTag:
    """Return a tag without its platform."""
    return (tag.interpreter, tag.abi, tag.platform == _ANY_SYSTEM)


@dataclass(frozen=True, slots=True)
class TagOrder:
    """The order in which an interpreter prefers tags: by Python and ABI, then by platform.

    This is the order of packaging's list, which has an entry for each Python and platform.
    """

    pythons: Mapping[PythonTag, int]
    platforms: Mapping[str, int]

    def place_of(self, tag: Tag) -> tuple[int, int] | None:
        """Return the place of a tag, the lowest the best; `None` if it does not fit."""
        platform = self.platforms.get(tag.platform)
        if platform is None:
            return None
        python = self.pythons.get(python_tag(tag))
        return None if python is None else (python, platform)


@lru_cache(maxsize=1000)
def tag_order(target: Target) -> TagOrder:
    """Return the order in which the installers of a target prefer tags."""
    tags = dict.fromkeys(_tags(target, [_HERE]))
    pythons = {python_tag(tag): place for place, tag in enumerate(tags)}
    return TagOrder(pythons, _platform_order(target.platform))


def tags_of(target: Target) -> Sequence[Tag]:
    """Return all tags that fit a target, the best first."""
    return list(dict.fromkeys(_tags(target, platform_tags(target.platform))))


def _tags(target: Target, platforms: Sequence[str]) -> Iterator[Tag]:
    version = tuple(int(part) for part in target.python.split("."))
    number = target.python.replace(".", "")
    if target.implementation == "pp":
        yield from generic_tags(f"pp{number}", [f"pypy{number}_pp73"], platforms)
        yield from compatible_tags(version, "pp3", platforms)
        return
    yield from cpython_tags(version, [target.interpreter], platforms)
    yield from compatible_tags(version, f"cp{number}", platforms)


@lru_cache(maxsize=100)
def _platform_order(platform: str) -> Mapping[str, int]:
    tags = (*platform_tags(platform), _ANY_SYSTEM)
    return {tag: place for place, tag in enumerate(tags)}


def platform_tags(platform: str) -> Sequence[str]:
    """Return the platform tags that fit a platform with a recent system, the best first."""
    system, _, machine = platform.partition(" ")
    match system:
        case "manylinux":
            return [f"linux_{machine}", *_manylinux(machine)]
        case "musllinux":
            major, minor = RECENT[system]
            tags = (f"musllinux_{major}_{one}_{machine}" for one in range(minor, -1, -1))
            return [f"linux_{machine}", *tags]
        case "macosx":
            return list(mac_platforms(RECENT[system], machine))
        case _:
            return [platform.replace(" ", "_")]


def _manylinux(machine: str) -> Iterator[str]:
    major, newest = RECENT["manylinux"]
    for minor in range(newest, _FIRST_GLIBC.get(machine, _FIRST_GLIBC_ELSEWHERE) - 1, -1):
        yield f"manylinux_{major}_{minor}_{machine}"
        if legacy := _LEGACY.get((major, minor)):
            yield f"{legacy}_{machine}"
