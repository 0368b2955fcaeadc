"""The files that are backed up, wherever their bytes are."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from stageproxy.ports import ArtifactFiles
from stageproxy.store.files import stored_path


class FileSource(Protocol):
    """Stored files, by their SHA-256."""

    def open(self, sha256: str) -> AbstractContextManager[BinaryIO]:
        """Open a file.

        Raise `FileNotFoundError` if there is none, `OtherBytesError` if its store has other bytes,
        and `StorageError` if the store fails.
        """


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """The files of a store, which are on the disk one at a time; see `FileSource`."""

    files: ArtifactFiles
    runner: asyncio.Runner

    @contextmanager
    def open(self, sha256: str) -> Iterator[BinaryIO]:
        """Open a file."""
        on_disk = self.files.on_disk(sha256)
        path = self.runner.run(on_disk.__aenter__())
        try:
            with path.open("rb") as file:
                yield file
        finally:
            self.runner.run(on_disk.__aexit__(None, None, None))


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """The files in the folder of a data directory; see `FileSource`."""

    root: Path

    @contextmanager
    def open(self, sha256: str) -> Iterator[BinaryIO]:
        """Open a file, which is compared by whoever reads it."""
        with stored_path(self.root / "files", sha256).open("rb") as file:
            yield file
