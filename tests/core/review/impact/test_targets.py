"""Targets, and the order in which their installers prefer tags."""

import pytest
from packaging.tags import Tag

from stageproxy.core.review.impact.targets import (
    DEFAULT_TARGETS,
    Target,
    parse_target,
    platform_tags,
    tag_order,
    tags_of,
)

NAMES = {
    "cp313-manylinux_x86_64": Target("cp", "3.13", "manylinux x86_64"),
    "cp314t-macosx_arm64": Target("cpt", "3.14", "macosx arm64"),
    "pp311-win_amd64": Target("pp", "3.11", "win amd64"),
    "cp39-win32": Target("cp", "3.9", "win32"),
}


@pytest.mark.parametrize(("name", "target"), NAMES.items(), ids=NAMES)
def test_name_of_a_target(name: str, target: Target) -> None:
    """A target is written as its interpreter and its platform, and is read from that."""
    assert parse_target(name) == target
    assert str(target) == name


NO_TARGETS = ["", "cp313", "cp27-win_amd64", "cp312t-win_amd64", "pp311t-win32", "cp313-win_ppc"]


@pytest.mark.parametrize("text", NO_TARGETS)
def test_no_target(text: str) -> None:
    """What is no target is refused with a sentence that shows how to write one."""
    with pytest.raises(ValueError, match="is no target"):
        parse_target(text)


def test_default_targets() -> None:
    """By default there are CPython 3.9 to 3.15, free-threaded ones and PyPy where users are."""
    interpreters = {one.interpreter for one in DEFAULT_TARGETS}
    platforms = {one.platform for one in DEFAULT_TARGETS}

    assert interpreters == {
        *(f"cp3{minor}" for minor in range(9, 16)),
        *("cp313t", "cp314t", "cp315t", "pp310", "pp311"),
    }
    assert platforms == {
        *("manylinux x86_64", "manylinux aarch64", "musllinux x86_64", "musllinux aarch64"),
        *("macosx x86_64", "macosx arm64", "win amd64", "win arm64"),
    }
    assert len(set(DEFAULT_TARGETS)) == len(DEFAULT_TARGETS) == 90


@pytest.mark.parametrize("target", DEFAULT_TARGETS[::7], ids=str)
def test_order_of_tags(target: Target) -> None:
    """The places of tags have the order of the list that packaging makes of all of them."""
    order = tag_order(target)
    tags = tags_of(target)

    places = [order.place_of(tag) for tag in tags]

    assert None not in places
    assert sorted(tags, key=lambda one: order.place_of(one) or (-1, -1)) == tags
    assert len(set(places)) == len(tags)


FITS = {
    "cp313-manylinux_x86_64": ("cp313-cp313-manylinux2014_x86_64", "cp38-abi3-manylinux1_x86_64"),
    "cp314t-macosx_arm64": ("cp314-cp314t-macosx_10_13_universal2", "py3-none-macosx_11_0_arm64"),
    "cp315t-win_arm64": ("cp315-abi3t-win_arm64", "cp315-none-any"),
    "cp310-musllinux_aarch64": ("cp310-cp310-musllinux_1_2_aarch64", "py3-none-any"),
    "pp311-win_amd64": ("pp311-pypy311_pp73-win_amd64", "pp3-none-any"),
}
FITS_NOT = {
    "cp313-manylinux_x86_64": ("cp313-cp313t-manylinux1_x86_64", "cp313-cp313-linux_i686"),
    "cp314t-macosx_arm64": ("cp38-abi3-macosx_11_0_arm64", "cp314-cp314-macosx_11_0_arm64"),
    "cp310-musllinux_aarch64": ("cp311-abi3-linux_aarch64", "cp310-cp310-musllinux_1_3_aarch64"),
    "cp315t-win_arm64": ("cp315-abi3-win_arm64", "cp316-none-any"),
    "pp311-win_amd64": ("cp311-cp311-win_amd64", "cp311-abi3-win_amd64"),
}


@pytest.mark.parametrize("name", FITS)
def test_tags_that_fit(name: str) -> None:
    """An interpreter has the tags of its own ABI, stable ABIs and pure wheels, and no other."""
    place_of = tag_order(parse_target(name)).place_of

    assert all(place_of(Tag(*tag.split("-"))) for tag in FITS[name])
    assert not any(place_of(Tag(*tag.split("-"))) for tag in FITS_NOT[name])


def test_old_glibc() -> None:
    """manylinux1 is for the oldest machines only; on the others manylinux begins with 2014."""
    assert platform_tags("manylinux x86_64")[-1] == "manylinux1_x86_64"
    assert platform_tags("manylinux aarch64")[-1] == "manylinux2014_aarch64"
