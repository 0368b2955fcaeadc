"""Metadata of other releases in an archive: left over from another build, say."""

import re
from collections.abc import Collection, Iterator, Mapping

from packaging.utils import canonicalize_name, canonicalize_version

from stageproxy.core.archives.contents import some
from stageproxy.core.archives.metadata import read_core_metadata

_DIST_INFO = ".dist-info"
_INSTALLED = re.compile(
    r"(?:[^/]+\.data/(?:purelib|platlib)/)?[^/]+\.(?:dist-info|egg-info)(?=/|$)", re.IGNORECASE
)
"""The start of a path that is installed as metadata: a folder, or a file, of the top level."""


_EGG_INFO = re.compile(r"[^/]+/(?:src/)?[^/]+\.egg-info/PKG-INFO", re.IGNORECASE)
"""The path of the metadata that setuptools writes when it builds an sdist."""

_AGAIN = "Delete what is left of earlier builds, and build it again."


def other_dist_infos(paths: Collection[str], own: str) -> Iterator[str]:
    """Return sentences on the folders of metadata in a wheel that are not its *own*."""
    tops = {path.partition("/")[0] for path in paths}
    rivals = {top for top in tops if top.endswith(_DIST_INFO)} - {own}
    if rivals:
        yield (
            f"The wheel has other .dist-info folders beside {own!a}: {some(rivals)}. pip and uv "
            f"do not install such a wheel, and twine sends the metadata in {_read_by_twine(paths)}."
            f" {_AGAIN}"
        )
    found = (_INSTALLED.match(path) for path in paths)
    if installed := {match[0] for match in found if match} - rivals - {own}:
        yield (
            f"pip and uv install metadata of other releases beside {own!a}: {some(installed)}. "
            f"Python then reports these, too. {_AGAIN}"
        )


def _read_by_twine(paths: Collection[str]) -> str:
    """Return the folder whose metadata twine sends: the first one nearest to the top."""
    candidates = (path.split("/") for path in paths if "METADATA" in path)
    nearest = min(candidates, key=lambda parts: (len(parts), parts), default=[""])
    return ascii(nearest[0])


def is_egg_info(path: str) -> bool:
    """Return whether setuptools takes a file of an sdist for the metadata of the project."""
    return _EGG_INFO.fullmatch(path) is not None


def other_egg_infos(own: bytes, egg_infos: Mapping[str, bytes]) -> Iterator[str]:
    """Return a sentence on the egg-info in an sdist that is not of the release of its *own*."""
    release = _release_in(own)
    if others := [path for path, content in egg_infos.items() if _release_in(content) != release]:
        yield f"Name or Version differ between PKG-INFO and these files: {some(others)}. {_AGAIN}"


def _release_in(core_metadata: bytes) -> tuple[str, str]:
    raw = read_core_metadata(core_metadata)
    return canonicalize_name(raw.get("name", "")), canonicalize_version(raw.get("version", ""))
