"""Paths in archives without what names the release, so that two releases can be compared."""

import re

from stageproxy.core.archives.filenames import WHEEL_SUFFIX

_OF_RELEASE = re.compile(r"^([^/]+?)-[^/]+\.(dist-info|data)/")
_HASH_OF_LIBRARY = re.compile(r"-[0-9a-f]{8}(?=[.-])")
_REPAIRED = re.compile(r"(?:^|/)[^/]*\.(?:libs|dylibs)/")
LONGEST_PATH = 500
"""How many characters of a path are shown."""


def comparable_path(path: str, filename: str) -> str:
    """Return the path of a file in an archive without the version of the release.

    `demo-1.0.dist-info/RECORD` of a wheel is `demo-*.dist-info/RECORD`, and `demo-1.0/setup.py`
    of an sdist is `setup.py`. Libraries that auditwheel or delocate have added lose the digest
    in their names.
    """
    if not filename.endswith(WHEEL_SUFFIX):
        return path.partition("/")[2][:LONGEST_PATH] or path[:LONGEST_PATH]
    if _REPAIRED.search(path):
        path = _HASH_OF_LIBRARY.sub("", path)
    return _OF_RELEASE.sub(r"\1-*.\2/", path, count=1)[:LONGEST_PATH]


def is_of_release(path: str) -> bool:
    """Return whether a comparable path is in the metadata folder of a wheel."""
    return ".dist-info/" in path.partition("/")[0] + "/"
