"""Copying the files of artifacts from one store to another, verified by their SHA-256."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

import aiofiles

from stageproxy.ports import ArtifactFiles, BytesElsewhere, BytesOnDisk, StoredBytes
from stageproxy.store.transfer.layout import RowReader, tables_by_name

_AT_ONCE = 4
_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that a catalogue names, and its size there in bytes."""

    sha256: str
    size: int


@dataclass(slots=True)
class CopiedFiles:
    """What became of files, by their SHA-256.

    *size*: the bytes that were copied. *missing*: files that the source does not have. *damaged*:
    those that have other bytes there.
    """

    copied: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def lost(self) -> tuple[str, ...]:
        """The files that the target does not get."""
        return (*sorted(self.missing), *sorted(self.damaged))


@dataclass(frozen=True, slots=True)
class FileCopies:
    """Copies files from one store to another. What is there already is not copied again.

    *verify*: read the files again that the target has. *watch*: called with the bytes of each file
    that is done. Files that no row names yet are younger than what a sweep of the target deletes.
    """

    source: ArtifactFiles
    target: ArtifactFiles
    watch: Callable[[int], None]
    verify: bool = False

    async def plan(self, files: Iterable[NamedFile]) -> CopiedFiles:
        """Return what would be copied. Nothing is changed, and no file is read but to verify."""
        plan = CopiedFiles()
        async for file, is_there in self._looked_for(files):
            if is_there:
                plan.present.append(file.sha256)
            elif await self.source.size(file.sha256) is None:
                plan.missing.append(file.sha256)
            else:
                plan.copied.append(file.sha256)
                plan.size += file.size
        return plan

    async def copy(self, files: Iterable[NamedFile]) -> CopiedFiles:
        """Copy files. Raise `StorageError` if a store fails; what was copied is there then."""
        done = CopiedFiles()
        waiting = iter([*files])

        async def work() -> None:
            for file in waiting:
                (await self._copy(file, done)).append(file.sha256)
                self.watch(file.size)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(work())
        except ExceptionGroup as failures:
            # One is enough to know.
            raise failures.exceptions[0] from failures
        return done

    async def _copy(self, file: NamedFile, done: CopiedFiles) -> list[str]:
        """Copy a file, and return the list that it belongs to."""
        if await self._has(file):
            return done.present
        stored = await self.source.locate(file.sha256)
        if stored is None:
            return done.missing
        self.target.check_room(stored.size)
        async with self.target.receive() as incoming:
            async for piece in _pieces(stored):
                await incoming.write(piece)
            if (await incoming.finish()).sha256 != file.sha256:
                return done.damaged
            await incoming.store()
            await asyncio.to_thread(incoming.commit)
        done.size += file.size
        return done.copied

    async def _looked_for(
        self, files: Iterable[NamedFile]
    ) -> AsyncIterator[tuple[NamedFile, bool]]:
        for file in files:
            yield file, await self._has(file)
            self.watch(file.size)

    async def _has(self, file: NamedFile) -> bool:
        """Return whether the target has a file."""
        if await self.target.size(file.sha256) != file.size:
            return False
        if not self.verify:
            return True
        found = await self.target.digests(file.sha256, {"sha256": 0})
        return found["sha256"] == file.sha256


def files_of(catalogue: RowReader) -> tuple[NamedFile, ...]:
    """Return the files that a catalogue names."""
    table = tables_by_name()["stored_file"]
    rows = (dict(zip(table.columns, row, strict=True)) for row in catalogue.rows(table))
    return tuple(NamedFile(str(row["sha256"]), int(str(row["size"]))) for row in rows)


async def _pieces(stored: StoredBytes) -> AsyncIterator[bytes]:
    match stored:
        case BytesOnDisk():
            async with aiofiles.open(stored.path, "rb") as file:
                while piece := await file.read(_PIECE):
                    yield piece
        case BytesElsewhere():
            async for piece in stored.read(0, stored.size):
                yield piece
