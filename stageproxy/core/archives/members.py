"""Here is what is suspicious about the paths in an archive."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping

from stageproxy.core.archives.contents import some

LONGEST_PATH = 255

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ABSOLUTE = re.compile(r"/|\\|[A-Za-z]:")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def has_unseen(text: str) -> bool:
    """Say whether a name has characters that nobody sees, or that turn the order of others."""
    return not text.isprintable() and any(unicodedata.category(one) in _UNSEEN for one in text)


def suspicious_paths(paths: Collection[str]) -> Iterator[str]:
    """Return what installers or people could stumble over, in whole sentences."""
    for sentence, is_odd in _ODD.items():
        odd = [path for path in paths if is_odd(path)]
        if odd:
            yield f"{sentence}: {some(odd)}."
    if alike := _alike(paths):
        yield f"Some systems do not distinguish these names: {some(alike)}."


def _leaves(path: str) -> bool:
    return ".." in path.replace("\\", "/").split("/")


def _is_absolute(path: str) -> bool:
    return _ABSOLUTE.match(path) is not None


def _has_odd_parts(path: str) -> bool:
    return "\\" in path or "//" in path or "/./" in path


def _is_too_long(path: str) -> bool:
    return len(path) > LONGEST_PATH or len(path.encode(errors="replace")) > LONGEST_PATH


def _is_not_for_windows(path: str) -> bool:
    parts = path.rstrip("/").split("/")
    return any(_DEVICE.fullmatch(part) or part.endswith((".", " ")) for part in parts if part)


_ODD: Mapping[str, Callable[[str], bool]] = {
    "Paths contain `..`": _leaves,
    "Paths are absolute": _is_absolute,
    "Paths contain invisible characters": has_unseen,
    "Paths contain backslashes, empty parts or single dots": _has_odd_parts,
    f"Paths are longer than {LONGEST_PATH} bytes": _is_too_long,
    "Windows does not allow these names": _is_not_for_windows,
}


def _alike(paths: Collection[str]) -> list[str]:
    """Return paths that differ in case or in how accents are spelled alone."""
    folded = {path: unicodedata.normalize("NFC", path).casefold().rstrip("/") for path in paths}
    count = Counter(folded.values())
    return [path for path in folded if count[folded[path]] > 1]
