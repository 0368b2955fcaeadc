"""The Pythons for which a release is resolved, and what markers say of them."""

from collections.abc import Mapping, Sequence

from stageproxy.core.review.impact.choices import Offer, admits, candidates_among
from stageproxy.core.review.impact.targets import Target
from stageproxy.core.stage.stage import Artifact

_PLATFORM = "manylinux x86_64"
_CURRENT = ("3.15", "3.14", "3.13", "3.12", "3.11", "3.10")
"""The Pythons that people use, the newest first."""
_OLDER = ("3.9", "3.8")
_PATCH = 99
"""A recent patch of each Python: a marker or Requires-Python that names one means older ones."""


def linux(python: str) -> Target:
    """Return CPython on Linux with glibc."""
    return Target("cp", python, _PLATFORM)


def pythons_for(artifacts: Sequence[Artifact]) -> tuple[str, ...]:
    """Return the newest and the oldest Python that a release is for, and one in between.

    None if none of the artifacts is for Linux with glibc.
    """
    offer = Offer(candidates_among(artifacts))
    for group in (_CURRENT, _OLDER):
        found = [one for one in group if offer.best_for(linux(one))]
        if found:
            return tuple(dict.fromkeys((found[0], found[len(found) // 2], found[-1])))
    return ()


def is_for(requires_python: str | None, python: str) -> bool:
    """Return whether a Requires-Python admits a Python."""
    return admits(requires_python or "", linux(python))


def environment_of(python: str) -> Mapping[str, str]:
    """Return what markers compare, for CPython on Linux; never that of this server."""
    full = f"{python}.{_PATCH}"
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "6.12",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": python,
        "sys_platform": "linux",
    }
