"""Metadata of other releases in wheels and sdists."""

import io
import tarfile
from collections.abc import Mapping

import pytest

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.reader import read_contents
from tests.support.builders.archives import gzip_of, tar_file, tar_of
from tests.support.builders.distributions import (
    Distribution,
    a_wheel,
    an_sdist,
    metadata_of,
    wheel_file,
)

OWN = "demo-1.0.dist-info"
AGAIN = "Delete what is left of earlier builds, and build it again."


def suspicions(distribution: Distribution) -> tuple[str, ...]:
    """Return what is suspicious about a distribution that PyPI accepts."""
    name = parse_distribution_name(distribution.filename)
    contents = read_contents(io.BytesIO(distribution.content), name)
    assert (contents.problems, contents.wheel_problems) == ((), ())
    return contents.suspicions


def dist_info(folder: str, name: str = "demo", version: str = "0.9") -> Mapping[str, bytes]:
    """Return the files of a whole `.dist-info` folder."""
    return {
        f"{folder}/METADATA": metadata_of(name, version).encode(),
        f"{folder}/WHEEL": wheel_file("py3-none-any"),
        f"{folder}/RECORD": b"",
    }


def not_installed(folder: str, sent: str) -> str:
    """Return the sentence on a second folder, and the one that twine reads."""
    return (
        f"The wheel has other .dist-info folders beside '{OWN}': '{folder}'. pip and uv do not "
        f"install such a wheel, and twine sends the metadata in '{sent}'. {AGAIN}"
    )


def installed(path: str) -> str:
    """Return the sentence on metadata that is installed beside that of the wheel."""
    return (
        f"pip and uv install metadata of other releases beside '{OWN}': '{path}'. "
        f"Python then reports these, too. {AGAIN}"
    )


def one_file(folder: str, name: str) -> Mapping[str, bytes]:
    """Return only one file of a `.dist-info` folder."""
    path = f"{folder}/{name}"
    return {path: dist_info(folder)[path]}


OLD = "demo-0.9.dist-info"
SECOND: Mapping[str, tuple[Mapping[str, bytes], str]] = {
    "of another version": (dist_info(OLD), not_installed(OLD, OLD)),
    "of another project": (
        dist_info("other-1.0.dist-info", "other", "1.0"),
        not_installed("other-1.0.dist-info", OWN),
    ),
    "in another case": (
        dist_info("Demo-1.0.dist-info", "Demo", "1.0"),
        not_installed("Demo-1.0.dist-info", "Demo-1.0.dist-info"),
    ),
    "spelled otherwise": (
        dist_info("demo-1.0.0.dist-info", "demo", "1.0.0"),
        not_installed("demo-1.0.0.dist-info", "demo-1.0.0.dist-info"),
    ),
    "with METADATA alone": (one_file(OLD, "METADATA"), not_installed(OLD, OLD)),
    "with RECORD alone": (one_file(OLD, "RECORD"), not_installed(OLD, OWN)),
    "without anything": ({f"{OLD}/": b""}, not_installed(OLD, OWN)),
    "in the data of the wheel": (
        dist_info(f"demo-1.0.data/purelib/{OLD}"),
        installed(f"demo-1.0.data/purelib/{OLD}"),
    ),
    "with the suffix of an egg": (
        {"demo-0.9.egg-info/PKG-INFO": b""},
        installed("demo-0.9.egg-info"),
    ),
    "with a suffix in capitals": (
        dist_info("demo-0.9.DIST-INFO"),
        installed("demo-0.9.DIST-INFO"),
    ),
}


@pytest.mark.parametrize(("more", "sentence"), SECOND.values(), ids=SECOND)
def test_second_folder_of_metadata_is_reported(more: Mapping[str, bytes], sentence: str) -> None:
    """PyPI accepts such a wheel; the warning names both folders and says what reads which."""
    assert sentence in suspicions(a_wheel(extra=more))


@pytest.mark.parametrize(
    "more",
    [
        dist_info("demo/_vendor/other-1.0.dist-info", "other", "1.0"),
        {"demo/tests/x.egg-info/PKG-INFO": b""},
        {"demo-1.0.data/data/share/old.dist-info/x": b""},
    ],
    ids=["of a vendored project", "of a test", "among other data"],
)
def test_folder_of_metadata_within_a_package_is_ignored(more: Mapping[str, bytes]) -> None:
    """Folders that no installer takes for metadata are files like any other."""
    assert suspicions(a_wheel(extra=more)) == ()


def egg_info(path: str, name: str = "demo", version: str = "0.9") -> Mapping[str, bytes]:
    """Return an egg-info in an sdist."""
    return {f"{path}/PKG-INFO": metadata_of(name, version).encode()}


@pytest.mark.parametrize("folder", ["demo.egg-info", "src/demo.egg-info"])
@pytest.mark.parametrize(("name", "version"), [("demo", "0.9"), ("other", "1.0")])
def test_egg_info_of_another_release_is_reported(folder: str, name: str, version: str) -> None:
    """An egg-info of another release shows that the sdist was built in a folder in use."""
    sdist = an_sdist(extra=egg_info(folder, name, version))

    path = f"demo-1.0/{folder}/PKG-INFO"
    sentence = f"Name or Version differ between PKG-INFO and these files: '{path}'. {AGAIN}"
    assert suspicions(sdist) == (sentence,)


@pytest.mark.parametrize(
    "more",
    [
        egg_info("demo.egg-info", "Demo", "1.0.0"),
        egg_info("tests/data/demo.egg-info"),
    ],
    ids=["of the same release", "of a test"],
)
def test_usual_egg_info_is_accepted(more: Mapping[str, bytes]) -> None:
    """An sdist by setuptools has an egg-info of its own release."""
    assert suspicions(an_sdist(extra=more)) == ()


def sdist_of(*members: tuple[tarfile.TarInfo, bytes]) -> Distribution:
    """Return an sdist of these members."""
    return Distribution("demo-1.0.tar.gz", gzip_of(tar_of(members)))


def test_egg_info_before_pkg_info_is_compared() -> None:
    """The order of the files in an sdist does not matter."""
    old, own = metadata_of("demo", "0.9").encode(), metadata_of("demo", "1.0").encode()
    first = tar_file("demo-1.0/demo.egg-info/PKG-INFO", old)

    assert len(suspicions(sdist_of(first, tar_file("demo-1.0/PKG-INFO", own)))) == 1


def test_second_pkg_info_is_reported() -> None:
    """Of two files with one name, installers unpack the last one, and uv publishes none."""
    texts = [metadata_of("demo", version).encode() for version in ("1.0", "0.9")]
    twice = (tar_file("demo-1.0/PKG-INFO", text) for text in texts)
    sdist = sdist_of(tar_file("demo-1.0/setup.py", b""), *twice)

    assert suspicions(sdist) == (
        "Files are in the sdist more than once, and the last one counts: 'demo-1.0/PKG-INFO'.",
    )


def test_second_top_level_folder_is_refused() -> None:
    """PyPI refuses an sdist with a second folder, whatever is in it."""
    members = (tar_file(f"demo-{one}/PKG-INFO", metadata_of("demo", one).encode()) for one in "12")
    sdist = sdist_of(*members)

    contents = read_contents(io.BytesIO(sdist.content), parse_distribution_name(sdist.filename))

    assert contents.problems == (
        "Invalid distribution file. Incorrect number of top-level directories in sdist",
    )
