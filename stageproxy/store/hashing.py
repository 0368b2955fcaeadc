"""Digests of files on the disk."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stageproxy.core.stage.digests import FileDigests


class Digesting:
    """The size and digests of a file, made of its pieces."""

    def __init__(self) -> None:
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._blake2b = hashlib.blake2b(digest_size=32)
        self._md5 = hashlib.md5(usedforsecurity=False)

    def add(self, piece: bytes) -> None:
        """Add the next bytes."""
        self._size += len(piece)
        update((self._sha256, self._blake2b, self._md5), piece)

    def digests(self) -> FileDigests:
        """Return the size and digests so far."""
        digests = (self._sha256, self._blake2b, self._md5)
        return FileDigests(self._size, *(one.hexdigest() for one in digests))


async def with_md5(digests: FileDigests, path: Path, *, wanted: bool) -> FileDigests:
    """Return digests with MD5 if it is wanted; what was not made on the way is read again."""
    if not wanted or digests.md5 is not None:
        return digests
    made = await asyncio.to_thread(digests_of_file, path, {"md5": 0})
    return replace(digests, md5=made["md5"])


def digests_of_file(path: Path, algorithms: Mapping[str, int]) -> Mapping[str, str]:
    """Return digests of a file in hex, by hashlib's name of the algorithm."""
    digests = new_digests(algorithms)
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            update(digests.values(), chunk)
    return {name: hex_of(digest, algorithms[name]) for name, digest in digests.items()}


def new_digests(names: Iterable[str]) -> dict[str, Any]:
    """Return digests of no bytes yet, by hashlib's names."""
    return {name: hashlib.new(name, usedforsecurity=False) for name in names}


def update(digests: Iterable[Any], chunk: bytes) -> None:
    """Add bytes to digests."""
    for digest in digests:
        digest.update(chunk)


def hex_of(digest: Any, length: int) -> str:  # noqa: ANN401 - hashlib has two kinds of digests
    """Return a digest in hex; *length* in bytes is for those that can have any."""
    text: str = digest.hexdigest() if digest.digest_size else digest.hexdigest(length)
    return text
