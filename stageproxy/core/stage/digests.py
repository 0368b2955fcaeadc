"""Here is how the bytes of a file are told apart: its size, its digests, and which ones count."""

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
    """A file's size in bytes and its digests in hex."""

    size: int
    sha256: str
    blake2b_256: str
    md5: str


def problems_with_hashes(hashes: Mapping[str, str]) -> Sequence[Problem]:
    """Return what is wrong with digests that were announced, by hashlib's names of algorithms.

    PEP 694 asks for one secure algorithm at least; more may come along.
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
    announced: Mapping[str, str], found: Mapping[str, str], *, size: int, of: int
) -> Sequence[Problem]:
    """Return where a file is not what was announced: *size* bytes, and digests by algorithm.

    *found*, *of*: the digests that it has, as far as they were computed, and how many bytes.
    """
    problems = []
    if of != size:
        sentence = f"The file has {of} bytes, but {size} were announced."
        problems.append(Problem("size", sentence))
    problems.extend(
        Problem(f"hashes.{name}", f"The {name} digest of the file differs from the announced one.")
        for name, digest in announced.items()
        if name in found and found[name] != digest.lower()
    )
    return problems


def _problem_with(name: str, digest: str) -> str | None:
    if name not in hashlib.algorithms_guaranteed:
        return f"{name!r} is not an algorithm that every Python supports."
    if not _HEX.fullmatch(digest):
        return "A digest must consist of hexadecimal digits."
    length = hashlib.new(name, usedforsecurity=False).digest_size * 2
    fits = len(digest) == length if length else len(digest) in _OF_ANY_LENGTH
    return None if fits else f"A digest of {name} has another length."
