"""What the wheels of the release before serve, and these do not."""

import json
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from stageproxy.core.stage.wheel_coverage import platform_of, regressions, release_before

RECORDED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "release_files.json").read_text()
)
"""The files of two successive releases of five projects, as PyPI lists them."""

PLATFORMS = {
    "any": ("any", (0, 0)),
    "linux_armv7l": ("linux armv7l", (0, 0)),
    "manylinux1_x86_64": ("manylinux x86_64", (2, 5)),
    "manylinux2010_i686": ("manylinux i686", (2, 12)),
    "manylinux2014_aarch64": ("manylinux aarch64", (2, 17)),
    "manylinux_2_28_ppc64le": ("manylinux ppc64le", (2, 28)),
    "musllinux_1_2_aarch64": ("musllinux aarch64", (1, 2)),
    "macosx_10_9_universal2": ("macosx universal2", (10, 9)),
    "macosx_11_0_arm64": ("macosx arm64", (11, 0)),
    "win32": ("win32", (0, 0)),
    "win_amd64": ("win amd64", (0, 0)),
    "android_21_arm64_v8a": ("android arm64_v8a", (21, 0)),
    "android_24_x86_64": ("android x86_64", (24, 0)),
    "ios_13_0_arm64_iphoneos": ("ios arm64_iphoneos", (13, 0)),
    "pyemscripten_2024_0_wasm32": ("pyemscripten wasm32", (2024, 0)),
}


@pytest.mark.parametrize(("tag", "expected"), PLATFORMS.items(), ids=PLATFORMS)
def test_platform_of_a_tag(tag: str, expected: tuple[str, tuple[int, int]]) -> None:
    """A platform tag is a platform, and the lowest version of the system."""
    assert platform_of(tag) == expected


def files(*tags: str) -> list[str]:
    """Return filenames: `cp311 win32` is a wheel of CPython 3.11; three tags are whole ones."""
    return [f"demo-2.0-{_tags(*one.split())}.whl" if one != "sdist" else SDIST for one in tags]


def _tags(python: str, *more: str) -> str:
    is_whole = len(more) > 1
    return "-".join([python, *more] if is_whole else [python.rstrip("t"), python, *more])


SDIST = "demo-2.0.tar.gz"
LINUX, MUSL, MAC, WINDOWS = (
    "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "musllinux_1_1_aarch64",
    "macosx_11_0_arm64",
    "win_amd64",
)
BEFORE = (f"cp312 {LINUX}", f"cp313 {LINUX}", f"cp312 {MUSL}", f"cp313 {MUSL}")
STABLE = (f"cp311 abi3 {LINUX}", f"cp311 abi3 {MAC}", f"cp311 abi3 {WINDOWS}")
ANY = "py3 none any"

LOST = {
    "a machine": (BEFORE[:2], BEFORE, "musllinux aarch64"),
    "Windows": ((f"cp313 {LINUX}",), (f"cp313 {LINUX}", f"cp313 {WINDOWS}"), "win amd64"),
    "a Python on one machine": (BEFORE[:3], BEFORE, "cp313 on musllinux aarch64"),
    "a Python everywhere": ((BEFORE[1], BEFORE[3]), BEFORE, "cp312"),
    "free-threading": (BEFORE, (*BEFORE, f"cp313t {LINUX}"), "cp313t"),
    "PyPy": (BEFORE, (*BEFORE, f"pp310 pypy310_pp73 {LINUX}"), "pp310"),
    "the stable ABI on one system": (STABLE[:2], STABLE, "win amd64"),
    "later Pythons": ((f"cp313 {WINDOWS}",), (STABLE[2], f"cp313 {WINDOWS}"), "cp311, cp312"),
    "the pure wheel": (BEFORE, (*BEFORE, ANY), "all platforms (py3-none-any)"),
    "a machine without an ABI": (
        ("py3 none win32",),
        ("py3 none win32", "py3 none win_amd64"),
        "win amd64",
    ),
    "half of universal2": (
        (f"cp313 {MAC}",),
        ("cp313 macosx_10_13_universal2",),
        "macosx x86_64",
    ),
}


@pytest.mark.parametrize(("now", "before", "lost"), LOST.values(), ids=LOST)
def test_lost_wheels(now: tuple[str, ...], before: tuple[str, ...], lost: str) -> None:
    """A lost platform, Python or ABI is reported: a CI job may have failed."""
    assert regressions(files(*now), files(*before), "demo 1.0") == [
        f"There is no wheel for {lost}, unlike in demo 1.0."
    ]


RAISED = {
    "macOS": (f"cp313 {MAC}", "cp313 macosx_15_0_arm64", "macosx arm64 need macOS 15.0", "11.0"),
    "glibc": (
        f"cp313 {LINUX}",
        "cp313 manylinux_2_39_x86_64",
        "manylinux x86_64 need glibc 2.39",
        "2.17",
    ),
    "musl": (
        f"cp313 {MUSL}",
        "cp313 musllinux_1_2_aarch64",
        "musllinux aarch64 need musl 1.2",
        "1.1",
    ),
    "a first manylinux": (
        "cp313 manylinux1_x86_64",
        "cp313 manylinux2014_x86_64",
        "manylinux x86_64 need glibc 2.17",
        "2.5",
    ),
    "the stable ABI": (
        STABLE[1],
        "cp311 abi3 macosx_14_0_arm64",
        "macosx arm64 need macOS 14.0",
        "11.0",
    ),
    "Android": (
        "cp313 android_21_x86_64",
        "cp313 android_24_x86_64",
        "android x86_64 need android 24.0",
        "21.0",
    ),
}


@pytest.mark.parametrize(("before", "now", "need", "then"), RAISED.values(), ids=RAISED)
def test_newer_system(before: str, now: str, need: str, then: str) -> None:
    """A raised lowest macOS, glibc or musl is reported: the runner may have changed."""
    system = need.split()[-2]

    assert regressions(files(now), files(before), "demo 1.0") == [
        f"The wheels for {need}, those of demo 1.0 only {system} {then}."
    ]


def test_newer_system_for_one_python() -> None:
    """If only some Pythons need a newer system, they are named."""
    now = (f"cp312 {MAC}", "cp313 macosx_15_0_arm64", "cp314 macosx_15_0_arm64")

    assert regressions(files(*now), files(f"cp312 {MAC}", f"cp313 {MAC}"), "demo 1.0") == [
        "The wheels for cp313 on macosx arm64 need macOS 15.0, those of demo 1.0 only macOS 11.0."
    ]


HARMLESS = {
    "the same": (BEFORE, BEFORE),
    "an older system": ((f"cp313 {MUSL}",), ("cp313 musllinux_1_2_aarch64",)),
    "an older and a newer system": (
        (f"cp313 {MAC}", "cp313 macosx_14_0_arm64"),
        (f"cp313 {MAC}",),
    ),
    "a new Python on one machine": ((*BEFORE, f"cp314 {LINUX}"), BEFORE),
    "a new machine": ((*BEFORE, f"cp313 {WINDOWS}"), BEFORE),
    "the stable ABI instead": (
        (f"cp311 abi3 {LINUX}", f"cp311 abi3 {WINDOWS}", f"cp313 {WINDOWS}"),
        (f"cp312 {LINUX}", f"cp313 {LINUX}", f"cp312 {WINDOWS}", f"cp313 {WINDOWS}"),
    ),
    "the stable ABI beside a version": ((*STABLE, f"cp313 {LINUX}"), (*STABLE, f"cp313 {MAC}")),
    "a pure wheel instead": ((ANY,), BEFORE),
    "a pure wheel of a later Python": (("py312 none any",), BEFORE),
    "universal2 in parts": (
        (f"cp313 {MAC}", "cp313 macosx_10_13_x86_64"),
        ("cp313 macosx_10_13_universal2",),
    ),
    "the free-threaded stable ABI": (
        (f"cp315 abi3.abi3t {LINUX}",),
        (f"cp315 {LINUX}", f"cp315t {LINUX}"),
    ),
    "Python 2": ((ANY,), ("py2.py3 none any", f"cp27 cp27mu {LINUX}")),
    "only an sdist before": ((*BEFORE, "sdist"), ("sdist",)),
}


@pytest.mark.parametrize(("now", "before"), HARMLESS.values(), ids=HARMLESS)
def test_nothing_lost(now: tuple[str, ...], before: tuple[str, ...]) -> None:
    """A release that serves what the one before served, in whatever way, has no finding."""
    assert regressions(files(*now), files(*before), "demo 1.0") == []


def test_all_wheels_are_gone() -> None:
    """A release without wheels is reported in one sentence, and so is one without sdist."""
    before = files(*BEFORE, "sdist")

    no_wheels = ["There are no wheels, unlike in demo 1.0."]
    assert regressions([SDIST], before, "demo 1.0") == no_wheels
    no_sdist = ["There is no sdist, unlike in demo 1.0."]
    assert regressions(files(*BEFORE), before, "demo 1.0") == no_sdist


@pytest.mark.parametrize("requires_python", [">=3.13", ">=3.12.100", "!=3.12.*"])
def test_dropped_python(requires_python: str) -> None:
    """A Python that Requires-Python excludes is dropped on purpose."""
    now = files(BEFORE[1], BEFORE[3])

    found = regressions(now, files(*BEFORE), "demo 1.0", requires_python=requires_python)

    assert found == []


def test_invalid_requires_python() -> None:
    """A Requires-Python that cannot be parsed excludes nothing."""
    now = files(BEFORE[1], BEFORE[3])

    assert regressions(now, files(*BEFORE), "demo 1.0", requires_python="three") != []


def test_many_pythons() -> None:
    """Pythons are named in numeric order, at most five."""
    pythons = ["cp39", "cp310", "cp311", "cp312", "cp313", "cp314"]
    now = files(*(f"{one} win32" for one in pythons), "cp315 win_amd64")
    before = files(*(f"{one} {on}" for one in pythons for on in ("win32", "win_amd64")))

    assert regressions(now, before, "demo 1.0") == [
        (
            "There is no wheel for cp39, cp310, cp311, cp312, cp313 and 1 more on win amd64, "
            "unlike in demo 1.0."
        )
    ]


REAL = {
    "numpy": ["There is no wheel for cp313t, unlike in numpy 2.4.6."],
    "cryptography": [
        "There is no wheel for macosx x86_64, unlike in cryptography 48.0.1.",
        "There is no wheel for win32, unlike in cryptography 48.0.1.",
    ],
    "lxml": [
        "There is no wheel for pp310, unlike in lxml 6.0.2.",
        (
            "The wheels for cp314, cp314t on macosx x86_64 need macOS 10.15, "
            "those of lxml 6.0.2 only macOS 10.13."
        ),
        "The wheels for manylinux i686 need glibc 2.28, those of lxml 6.0.2 only glibc 2.26.",
    ],
    "pyyaml": [
        (
            "The wheels for cp38, cp39, cp310, cp311, cp312 on macosx x86_64 need macOS 10.13, "
            "those of pyyaml 6.0.2 only macOS 10.9."
        ),
        "The wheels for musllinux aarch64 need musl 1.2, those of pyyaml 6.0.2 only musl 1.1.",
        "The wheels for musllinux x86_64 need musl 1.2, those of pyyaml 6.0.2 only musl 1.1.",
    ],
}


def compared(project: str) -> list[str]:
    """Return the regressions of the later of the two recorded releases of a project."""
    (before, old), (_, new) = RECORDED[project].items()
    required = new["requires-python"]
    return regressions(new["files"], old["files"], f"{project} {before}", requires_python=required)


@pytest.mark.parametrize(("project", "expected"), REAL.items(), ids=REAL)
def test_real_releases(project: str, expected: list[str]) -> None:
    """What real releases lost is found, and nothing else among their dozens of wheels."""
    assert compared(project) == expected


def test_half_a_real_release() -> None:
    """A release of which half the wheels are missing is reported platform by platform."""
    found = compared("pydantic-core")

    assert "There is no sdist, unlike in pydantic-core 2.50.2." in found
    assert "There is no wheel for cp314 on win amd64, unlike in pydantic-core 2.50.2." in found
    assert "There is no wheel for pyemscripten wasm32, unlike in pydantic-core 2.50.2." in found


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
    found = release_before(Version("2.0"), map(Version, versions))

    assert found == (Version(expected) if expected else None)
