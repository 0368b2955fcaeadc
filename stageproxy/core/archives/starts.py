"""How archives begin, so that what is none need not be read to its end."""

from stageproxy.core.archives.contents import invalid

LONGEST_START = 512
"""How many bytes tell what a file is: a tar file says so in its first header."""

_ZIPS = (".whl", ".zip")
_TARS = (".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tar.xz")
_ZIP = b"PK"
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_TAR, _TAR_AT = b"ustar", 257


def problem_with_start(filename: str, start: bytes) -> str | None:
    """Return PyPI's sentence on a file that begins like no archive of its name."""
    if filename.endswith(_ZIPS) and not start.startswith(_ZIP):
        return invalid("File is not a zipfile")
    if filename.endswith(_TARS) and not _is_tar(start):
        return invalid("File is not a tarfile")
    return None


def _is_tar(start: bytes) -> bool:
    return start.startswith(_COMPRESSED) or start.startswith(_TAR, _TAR_AT)
