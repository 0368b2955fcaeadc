"""The platforms and Pythons that the wheels of a release cover."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

_LINUX = re.compile(r"(manylinux|musllinux|linux)(?:\d+|_\d+_\d+)?_(.+)")
_OTHERS = re.compile(r"(macosx|ios|android|pyemscripten)_\d+(?:_\d+)?_(.+)")
_BOTH = {"macosx universal2": ("macosx arm64", "macosx x86_64")}
"""Platforms that stand for several others."""

_ANY = "any"
_MOST_NAMED = 5

Platform = str
"""A platform tag without the version of the system: `musllinux aarch64`."""


def platform_of(tag: str) -> Platform:
    """Return the platform of a platform tag."""
    found = _LINUX.fullmatch(tag) or _OTHERS.fullmatch(tag)
    return " ".join(found.groups()) if found else tag.replace("_", " ")


def pythons_by_platform(filenames: Iterable[str]) -> Mapping[Platform, frozenset[str]]:
    """Return the Python tags of the wheels among *filenames*, by platform."""
    covered: dict[Platform, set[str]] = defaultdict(set)
    for filename in filenames:
        try:
            _, _, _, tags = parse_wheel_filename(filename)
        except InvalidWheelFilename:
            continue
        for tag in tags:
            platform = platform_of(tag.platform)
            for one in _BOTH.get(platform, (platform,)):
                covered[one].add(tag.interpreter)
    return {platform: frozenset(pythons) for platform, pythons in covered.items()}


def lost_wheels(filenames: Iterable[str], before: Iterable[str]) -> list[str]:
    """Return which platforms the wheels of an earlier release cover and these do not.

    A wheel for any platform covers all of them. A Python that no platform has any
    more is not reported: releases drop old Pythons. A platform that is missing, or a
    Python that is missing on one platform only, suggests a CI job that failed.
    """
    now, then = pythons_by_platform(filenames), pythons_by_platform(before)
    if not now or _ANY in now:
        return []
    known = frozenset[str]().union(*now.values())
    return [
        sentence
        for platform in sorted(then)
        if (sentence := _lost_on(platform, then[platform] & known, now.get(platform)))
    ]


def _lost_on(
    platform: Platform, expected: frozenset[str], found: frozenset[str] | None
) -> str | None:
    if found is None:
        return f"no wheel for {'all platforms' if platform == _ANY else platform}"
    lost = expected - found
    return f"no wheel for {_first_few(lost)} on {platform}" if lost else None


def release_before(version: Version, filenames: Mapping[str, Version | None]) -> Version | None:
    """Return the newest release before *version* that has wheels, a final one if there is one."""
    older = [
        found
        for name, found in filenames.items()
        if found is not None and found < version and name.endswith(".whl")
    ]
    final = [one for one in older if not one.is_prerelease]
    return max(final or older, default=None)


def _first_few(pythons: Iterable[str]) -> str:
    ordered = sorted(pythons, key=_natural)
    more = len(ordered) - _MOST_NAMED
    return ", ".join(ordered[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _natural(text: str) -> tuple[str, int]:
    letters = text.rstrip("0123456789")
    return letters, int(text[len(letters) :] or 0)
