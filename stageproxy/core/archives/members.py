"""Checks of the paths in an archive."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping

from stageproxy.core.archives.contents import some

LONGEST_PATH = 255

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ABSOLUTE = re.compile(r"/|\\|[A-Za-z]:")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def has_invisible(text: str) -> bool:
    """Return whether a name has characters that are invisible or change the direction of text."""
    return not text.isprintable() and any(unicodedata.category(one) in _INVISIBLE for one in text)


def suspicious_paths(paths: Collection[str]) -> Iterator[str]:
    """Return a sentence on each kind of path that could mislead installers or people."""
    for sentence, is_suspicious in _CHECKS.items():
        found = [path for path in paths if is_suspicious(path)]
        if found:
            yield f"{sentence}: {some(found)}."
    if colliding := _colliding(paths):
        yield f"Some systems do not distinguish these names: {some(colliding)}."


def _has_parent_parts(path: str) -> bool:
    return ".." in path.replace("\\", "/").split("/")


def _is_absolute(path: str) -> bool:
    return _ABSOLUTE.match(path) is not None


def _has_unusual_parts(path: str) -> bool:
    return "\\" in path or "//" in path or "/./" in path


def _is_too_long(path: str) -> bool:
    return len(path) > LONGEST_PATH or len(path.encode(errors="replace")) > LONGEST_PATH


def _is_not_for_windows(path: str) -> bool:
    parts = path.rstrip("/").split("/")
    return any(_DEVICE.fullmatch(part) or part.endswith((".", " ")) for part in parts if part)


_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "Paths contain `..`": _has_parent_parts,
    "Paths are absolute": _is_absolute,
    "Paths contain invisible characters": has_invisible,
    "Paths contain backslashes, empty parts or single dots": _has_unusual_parts,
    f"Paths are longer than {LONGEST_PATH} bytes": _is_too_long,
    "Windows does not allow these names": _is_not_for_windows,
}


def _colliding(paths: Collection[str]) -> list[str]:
    """Return the paths that differ only in case or in Unicode normalization."""
    folded = {path: unicodedata.normalize("NFC", path).casefold().rstrip("/") for path in paths}
    count = Counter(folded.values())
    return [path for path in folded if count[folded[path]] > 1]
