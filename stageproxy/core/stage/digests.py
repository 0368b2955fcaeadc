"""Size and digests of files, and the check of those that a client announces."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stageproxy.core.errors import Problem

_WEAK = frozenset({"md5", "sha1"})
_HEX = re.compile(r"([0-9a-f]{2})+", re.IGNORECASE)
_OF_ANY_LENGTH = range(64, 1025)


@dataclass(frozen=True, slots=True)
class FileDigests:
    """A file's size in bytes and its digests in hex. MD5 is made when something needs it."""

    size: int
    sha256: str
    blake2b_256: str
    md5: str | None = None


def problems_with_hashes(hashes: Mapping[str, str]) -> Sequence[Problem]:
    """Return the problems of announced digests, by hashlib's names of algorithms.

    PEP 694 requires at least one secure algorithm.
    """
    problems = [
        Problem(f"hashes.{name}", sentence)
        for name, digest in hashes.items()
        if (sentence := _problem_with(name, digest))
    ]
    if not problems and not set(hashes) - _WEAK:
        return [Problem("hashes", "At least one secure digest is required, preferably sha256.")]
    return problems


def problems_with_file(
    announced: Mapping[str, str], computed: Mapping[str, str], *, size: int, received: int
) -> Sequence[Problem]:
    """Return the differences between a file and its announcement.

    *announced* and *size*: its digests in hex by algorithm, and its size in
    bytes. *computed* and *received*: those of the file; not every announced
    digest has to be computed.
    """
    problems = []
    if received != size:
        sentence = f"The file has {received} bytes, but {size} were announced."
        problems.append(Problem("size", sentence))
    problems.extend(
        Problem(f"hashes.{name}", f"The {name} digest of the file differs from the announced one.")
        for name, digest in announced.items()
        if name in computed and computed[name] != digest.lower()
    )
    return problems


def _problem_with(name: str, digest: str) -> str | None:
    if name not in hashlib.algorithms_guaranteed:
        return f"{name!r} is not a supported hash algorithm."
    if not _HEX.fullmatch(digest):
        return "A digest must consist of hexadecimal digits."
    length = hashlib.new(name, usedforsecurity=False).digest_size * 2
    fits = len(digest) == length if length else len(digest) in _OF_ANY_LENGTH
    return None if fits else f"The digest has the wrong length for {name}."
