"""Wheels that the release before had and this one lacks."""

import pytest
from packaging.version import Version

from stageproxy.core.stage.wheel_coverage import (
    lost_wheels,
    platform_of,
    pythons_by_platform,
    release_before,
)

PLATFORMS = {
    "any": "any",
    "linux_armv7l": "linux armv7l",
    "manylinux1_x86_64": "manylinux x86_64",
    "manylinux2010_i686": "manylinux i686",
    "manylinux2014_aarch64": "manylinux aarch64",
    "manylinux_2_17_ppc64le": "manylinux ppc64le",
    "musllinux_1_2_aarch64": "musllinux aarch64",
    "macosx_10_9_universal2": "macosx universal2",
    "macosx_11_0_arm64": "macosx arm64",
    "win32": "win32",
    "win_amd64": "win amd64",
    "android_21_arm64_v8a": "android arm64_v8a",
    "android_24_x86_64": "android x86_64",
    "ios_13_0_arm64_iphoneos": "ios arm64_iphoneos",
    "pyemscripten_2024_0_wasm32": "pyemscripten wasm32",
}


@pytest.mark.parametrize(("tag", "platform"), PLATFORMS.items(), ids=PLATFORMS)
def test_platform_of_a_tag(tag: str, platform: str) -> None:
    """The platform of a tag is the tag without the version of the system."""
    assert platform_of(tag) == platform


def test_wheel_for_several_machines() -> None:
    """A wheel serves all platforms in its tags, and universal2 both macOS machines."""
    served = pythons_by_platform(
        [
            "demo-2.0-py2.py3-none-any.whl",
            "demo-2.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "demo-2.0-cp311-cp311-macosx_10_9_universal2.whl",
            "demo-2.0.tar.gz",
            "no distribution.whl",
        ]
    )

    assert served == {
        "any": {"py2", "py3"},
        "manylinux x86_64": {"cp311"},
        "macosx arm64": {"cp311"},
        "macosx x86_64": {"cp311"},
    }


def wheels(*tags: str) -> list[str]:
    """Return filenames: `311 win32` is a wheel of CPython 3.11 for that platform."""
    pairs = (one.split() for one in tags)
    return [f"demo-2.0-cp{python}-cp{python}-{platform}.whl" for python, platform in pairs]


BEFORE = (
    "310 manylinux_2_17_x86_64",
    "311 manylinux_2_17_x86_64",
    "310 musllinux_1_1_aarch64",
    "311 musllinux_1_1_aarch64",
)
CASES = {
    "the same": (BEFORE, []),
    "for a newer system": (
        (*BEFORE[:2], "310 musllinux_1_2_aarch64", "311 musllinux_1_2_aarch64"),
        [],
    ),
    "a machine": (BEFORE[:2], ["no wheel for musllinux aarch64"]),
    "a Python on one machine": (BEFORE[:3], ["no wheel for cp311 on musllinux aarch64"]),
    "an old Python everywhere": ((BEFORE[1], BEFORE[3]), []),
    "a new Python on one machine": ((*BEFORE, "312 manylinux_2_17_x86_64"), []),
    "all wheels": ((), []),
}


@pytest.mark.parametrize(("now", "lost"), CASES.values(), ids=CASES)
def test_missing_wheels(now: tuple[str, ...], lost: list[str]) -> None:
    """Wheels that a CI job may have failed to build are reported; a dropped Python is not."""
    assert lost_wheels(wheels(*now), wheels(*BEFORE)) == lost


def test_wheel_for_any_machine() -> None:
    """A wheel for any machine serves every platform."""
    assert lost_wheels(["demo-2.0-py3-none-any.whl"], wheels(*BEFORE)) == []


def test_no_wheel_for_any_machine() -> None:
    """The loss of a wheel for any machine is reported."""
    before = ["demo-1.0-py3-none-any.whl"]

    assert lost_wheels(wheels(*BEFORE), before) == ["no wheel for all platforms"]


def test_no_wheels_before() -> None:
    """A release before without wheels misses nothing."""
    assert lost_wheels(wheels(*BEFORE), ["demo-1.0.tar.gz"]) == []


def test_universal2_in_parts() -> None:
    """Wheels for both macOS machines replace universal2; a wheel for one does not."""
    before = wheels("311 macosx_10_9_universal2")

    assert lost_wheels(wheels("311 macosx_11_0_arm64", "311 macosx_10_9_x86_64"), before) == []
    assert lost_wheels(wheels("311 macosx_11_0_arm64"), before) == ["no wheel for macosx x86_64"]


def test_many_pythons() -> None:
    """Pythons are named in numeric order, at most five."""
    pythons = ["39", "310", "311", "312", "313", "314"]
    now = wheels(*(f"{one} win32" for one in pythons), "315 win_amd64")
    before = wheels(*(f"{one} {on}" for one in pythons for on in ("win32", "win_amd64")))

    assert lost_wheels(now, before) == [
        "no wheel for cp39, cp310, cp311, cp312, cp313 and 1 more on win amd64"
    ]


RELEASES = {
    "the newest": (["1.0", "1.10", "1.9"], "1.10"),
    "not this one": (["1.0", "2.0", "3.0"], "1.0"),
    "not a pre-release": (["1.0", "2.0rc1"], "1.0"),
    "pre-releases alone": (["2.0a1", "2.0rc1"], "2.0rc1"),
    "none": (["2.0"], None),
}


@pytest.mark.parametrize(("versions", "expected"), RELEASES.values(), ids=RELEASES)
def test_release_before(versions: list[str], expected: str | None) -> None:
    """The release before is the newest final one below, or else the newest below."""
    files = {f"demo-{one}-py3-none-any.whl": Version(one) for one in versions}

    found = release_before(Version("2.0"), files)

    assert found == (Version(expected) if expected else None)


def test_release_before_has_wheels() -> None:
    """A release without wheels, and an invalid version, are skipped."""
    files = {
        "demo-1.0-py3-none-any.whl": Version("1.0"),
        "demo-1.1.tar.gz": Version("1.1"),
        "nonsense.whl": None,
    }

    assert release_before(Version("2.0"), files) == Version("1.0")
