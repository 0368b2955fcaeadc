"""The file that an installer chooses for a target."""

import pytest
from packaging.version import Version

from stageproxy.core.review.impact.choices import Offer, Wish, choose, find_candidate, offered_in
from stageproxy.core.review.impact.targets import parse_target
from tests.support.builders.listings import a_listing, sdist_of, wheels_of

LINUX = parse_target("cp313-manylinux_x86_64")
MAC = parse_target("cp313-macosx_arm64")


def chosen(*filenames: str, target: str = str(LINUX), up_to: str = "", **listing: object) -> str:
    """Return the file that is chosen for a target, empty if there is none."""
    wish = Wish(Version(up_to) if up_to else None)
    listed = a_listing(*filenames, **listing)  # type: ignore[arg-type]
    found = choose(parse_target(target), offered_in(listed), wish)
    return found.file.filename if found else ""


(PURE,) = wheels_of("1.0", "py3 none any")
(OWN,) = wheels_of("1.0", "cp313 manylinux_2_17_x86_64")
(STABLE,) = wheels_of("1.0", "cp310 abi3 manylinux_2_17_x86_64")
(OLDER_STABLE,) = wheels_of("1.0", "cp38 abi3 manylinux_2_28_x86_64")
(NEWER_SYSTEM,) = wheels_of("1.0", "cp313 manylinux_2_28_x86_64")
SDIST = sdist_of("1.0")
BUILD_1, BUILD_2 = "demo-1.0-1-py3-none-any.whl", "demo-1.0-2-py3-none-any.whl"
PREFERENCES = [
    ("a wheel to an sdist", PURE, SDIST),
    ("a wheel for the interpreter to a pure one", OWN, PURE),
    ("its own ABI to a stable one", OWN, STABLE),
    ("the later stable ABI", STABLE, OLDER_STABLE),
    ("the newer system", NEWER_SYSTEM, OWN),
    ("the higher build number", BUILD_2, BUILD_1),
    ("a build number to none", BUILD_1, PURE),
]


@pytest.mark.parametrize(
    ("better", "worse"), [one[1:] for one in PREFERENCES], ids=[one[0] for one in PREFERENCES]
)
def test_preference_within_a_release(better: str, worse: str) -> None:
    """Of the files of one release, an installer prefers the first to the second."""
    assert chosen(better, worse) == chosen(worse, better) == better


def test_newer_sdist() -> None:
    """An installer builds the newest release rather than choose an older wheel."""
    assert chosen(PURE, sdist_of("2.0")) == sdist_of("2.0")


def test_release_without_a_file_for_the_target() -> None:
    """A release that has no file for a target is passed over."""
    assert chosen(PURE, *wheels_of("2.0", "cp313 win_amd64")) == PURE


def test_pre_release() -> None:
    """A pre-release is chosen only if no final release fits."""
    assert chosen(sdist_of("1.0"), sdist_of("2.0rc1")) == sdist_of("1.0")
    assert chosen(*wheels_of("1.0", "cp313 win32"), sdist_of("2.0rc1")) == sdist_of("2.0rc1")


def test_pre_release_that_is_asked_for() -> None:
    """Who asks for a pre-release gets the newest release up to it."""
    assert chosen(sdist_of("1.0"), sdist_of("2.0rc1"), up_to="2.0rc2") == sdist_of("2.0rc1")


def test_yanked() -> None:
    """A yanked file is passed over, and the other files of its release are not."""
    assert chosen(PURE, OWN, yanked=(OWN,)) == PURE


def test_no_other_files() -> None:
    """Files that are no wheels or sdists are passed over."""
    names = ("demo-1.0-py3.9.egg", "demo-1.0.exe", "demo-1.0-py3-none.whl", "demo-nonsense.tar.gz")

    assert chosen(*names) == ""


PYTHONS = {">=3.14": False, ">=3.13.2": True, "<3.13": False, "!=3.13.1": True, "nonsense": True}


@pytest.mark.parametrize(("requires_python", "fits"), PYTHONS.items(), ids=PYTHONS)
def test_requires_python(requires_python: str, *, fits: bool) -> None:
    """A file is chosen only for the Pythons that it requires, in a late patch release."""
    assert bool(chosen(PURE, requires_python=requires_python)) is fits


def test_too_many_tags() -> None:
    """A filename that stands for very many tags is not read."""
    tags = ".".join(f"cp3{minor}" for minor in range(100))

    assert find_candidate(f"demo-1.0-{tags}-{tags}-{tags}.whl", None) is None


def test_lowest_system() -> None:
    """The lowest system is that of any wheel for a target, and 11.0 at least for macOS on arm64."""
    names = wheels_of("1.0", "cp313 manylinux_2_17_x86_64", "cp313 manylinux_2_28_x86_64")
    universal = wheels_of("1.0", "cp313 macosx_10_13_universal2")
    files = [found for one in (*names, *universal) if (found := find_candidate(one, None))]

    assert Offer(files).lowest_system(LINUX) == (2, 17)
    assert Offer(files).lowest_system(MAC) == (11, 0)
