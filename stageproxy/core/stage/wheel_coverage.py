"""Here is for which machines a release has wheels, and which of them another release served."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

_LINUX = re.compile(r"(manylinux|musllinux|linux)(?:\d+|_\d+_\d+)?_(.+)")
_OTHERS = re.compile(r"(macosx|ios|android|pyemscripten)_\d+(?:_\d+)?_(.+)")
_BOTH = {"macosx universal2": ("macosx arm64", "macosx x86_64")}
"""What is for several machines at once."""

_EVERY = "any"
_MOST_NAMED = 5

Machine = str
"""What a platform tag is for, whatever the version of its system: `musllinux aarch64`."""


def machine_of(platform: str) -> Machine:
    """Return which machines a platform tag is for."""
    found = _LINUX.fullmatch(platform) or _OTHERS.fullmatch(platform)
    return " ".join(found.groups()) if found else platform.replace("_", " ")


def pythons_by_machine(filenames: Iterable[str]) -> Mapping[Machine, frozenset[str]]:
    """Return for which Pythons the wheels among *filenames* are, by machine."""
    served: dict[Machine, set[str]] = defaultdict(set)
    for filename in filenames:
        try:
            _, _, _, tags = parse_wheel_filename(filename)
        except InvalidWheelFilename:
            continue
        for tag in tags:
            machine = machine_of(tag.platform)
            for one in _BOTH.get(machine, (machine,)):
                served[one].add(tag.interpreter)
    return {machine: frozenset(pythons) for machine, pythons in served.items()}


def lost_wheels(filenames: Iterable[str], before: Iterable[str]) -> list[str]:
    """Return what the wheels of an earlier release served and these do not, by machine.

    A wheel for any machine serves all of them. That a Python is not served any
    more says little: releases drop old ones. That a machine is not, or a
    Python on one machine alone, is what a forgotten CI job looks like.
    """
    now, then = pythons_by_machine(filenames), pythons_by_machine(before)
    if not now or _EVERY in now:
        return []
    known = frozenset[str]().union(*now.values())
    return [
        sentence
        for machine in sorted(then)
        if (sentence := _lost_on(machine, then[machine] & known, now.get(machine)))
    ]


def _lost_on(machine: Machine, wanted: frozenset[str], there: frozenset[str] | None) -> str | None:
    if there is None:
        return f"no wheel for {'all platforms' if machine == _EVERY else machine}"
    lost = wanted - there
    return f"no wheel for {_some(lost)} on {machine}" if lost else None


def release_before(version: Version, filenames: Mapping[str, Version | None]) -> Version | None:
    """Return the newest release below a *version* that has wheels, by the versions of files."""
    older = [
        found
        for name, found in filenames.items()
        if found is not None and found < version and name.endswith(".whl")
    ]
    final = [one for one in older if not one.is_prerelease]
    return max(final or older, default=None)


def _some(pythons: Iterable[str]) -> str:
    ordered = sorted(pythons, key=_natural)
    more = len(ordered) - _MOST_NAMED
    return ", ".join(ordered[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _natural(text: str) -> tuple[str, int]:
    letters = text.rstrip("0123456789")
    return letters, int(text[len(letters) :] or 0)
