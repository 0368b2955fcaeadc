"""Which published artifact a staged one is compared with."""

import pytest

from stageproxy.core.review.delta.pairs import pair_artifacts


def wheel(version: str, tags: str) -> str:
    """Return the filename of a wheel."""
    return f"demo-{version}-{tags}.whl"


@pytest.mark.parametrize(
    ("staged", "published"),
    [
        ("py3-none-any", ["py2-none-any", "py3-none-any"]),
        ("cp312-cp312-win_amd64", ["cp311-cp311-win_amd64", "cp312-cp312-win_amd64"]),
        ("cp313-cp313-win_amd64", ["cp310-cp310-win_amd64", "cp312-cp312-win_amd64"]),
        (
            "cp312-cp312-manylinux_2_28_x86_64",
            [
                "cp312-cp312-musllinux_1_2_x86_64",
                "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
            ],
        ),
        ("cp314-cp314t-win_amd64", ["cp314-cp314-win_amd64", "cp313-cp313t-win_amd64"]),
        ("cp39-abi3-win_amd64", ["cp39-cp39-win_amd64", "cp38-abi3-win_amd64"]),
        ("cp312-cp312-macosx_11_0_arm64", ["cp312-cp312-macosx_10_9_universal2"]),
        ("py3-none-any", ["py2.py3-none-any"]),
    ],
    ids=[
        "same tags",
        "same among several",
        "next lower Python",
        "other glibc",
        "free-threaded",
        "stable ABI",
        "one machine of two",
        "Python 2 dropped",
    ],
)
def test_the_counterpart_is_the_nearest_wheel(staged: str, published: list[str]) -> None:
    """A wheel is compared with that of the same tags, or the nearest one: the last in each case."""
    names = [wheel("1.0", tags) for tags in published]

    assert pair_artifacts([wheel("2.0", staged)], names)[0][1] == names[-1]


@pytest.mark.parametrize(
    "published",
    [
        "cp312-cp312-musllinux_1_2_x86_64",
        "cp312-cp312-manylinux_2_17_aarch64",
        "pp311-pypy311_pp73-manylinux_2_17_x86_64",
    ],
)
def test_a_wheel_for_something_else_is_no_counterpart(published: str) -> None:
    """Wheels for another platform, machine or implementation are not compared."""
    staged = wheel("2.0", "cp312-cp312-manylinux_2_17_x86_64")

    pairs = pair_artifacts([staged], [wheel("1.0", published)])

    assert pairs == [(staged, None), ("", wheel("1.0", published))]


def test_an_sdist_is_compared_with_the_sdist() -> None:
    """The sdist is compared with the sdist, never with a wheel."""
    pairs = pair_artifacts(["demo-2.0.tar.gz"], [wheel("1.0", "py3-none-any"), "demo-1.0.tar.gz"])

    assert pairs == [
        ("demo-2.0.tar.gz", "demo-1.0.tar.gz"),
        ("", wheel("1.0", "py3-none-any")),
    ]


def test_published_files_without_a_counterpart_are_removed() -> None:
    """A published file that nothing is compared with is listed as removed, whatever its name."""
    staged = [wheel("2.0", f"cp3{one}-cp3{one}-win_amd64") for one in (12, 13)]
    published = [wheel("1.0", f"cp3{one}-cp3{one}-win_amd64") for one in (11, 12)]

    pairs = pair_artifacts(staged, [*published, "demo-1.0.exe"])

    assert pairs == [
        (staged[0], published[1]),
        (staged[1], published[1]),
        ("", published[0]),
        ("", "demo-1.0.exe"),
    ]


def test_a_file_that_is_staged_for_the_first_time_is_a_pair_of_its_own() -> None:
    """Without a baseline, every staged file is listed, with no counterpart."""
    assert pair_artifacts([wheel("2.0", "py3-none-any")], []) == [
        (wheel("2.0", "py3-none-any"), None)
    ]
