"""Derived results as files: bounded in size, shared by workers, and never missed.

They are not flushed: a file that a crash has cut short is not valid, and is made again.
"""

import asyncio
import fcntl
import logging
import os
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.errors import StorageError
from stageproxy.core.review.derived import DerivedName
from stageproxy.store.disk import Disk

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOCK_DIGITS = 15
"""How many digits of a key select the byte that stands for it in the lock file."""
_KEPT_SHARE = 3 / 4
"""How much of the maximum is kept when it is exceeded, so that not each new result deletes one."""


class DerivedFiles:
    """The folder of derived results: `<owner>/<key>.json`; see `ports.DerivedResults`."""

    def __init__(self, root: Path, disk: Disk, max_size: int) -> None:
        self._root = root.absolute()
        self._drafts = self._root / "drafts"
        self._disk = disk
        self._max_size = max_size
        self._adapters: dict[type[Any], TypeAdapter[Any]] = {}
        # The mode is that of the last folder alone: parents would be open to others.
        for folder in (self._root, self._drafts):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self._root / "lock", os.O_RDWR | os.O_CREAT, 0o600)

    def close(self) -> None:
        """Close the lock file, which ends every claim."""
        os.close(self._lock)

    async def find(self, name: DerivedName, kind: type[T]) -> T | None:
        """Return a result, `None` if there is none that is whole and valid."""
        return await asyncio.to_thread(self._find, name, kind)

    async def add(self, name: DerivedName, value: object) -> None:
        """Store a result, unless there is no room for it."""
        await asyncio.to_thread(self._add, name, value)

    @contextmanager
    def claimed(self, name: DerivedName) -> Iterator[bool]:
        """Claim the work on a result during the block; false if another process has claimed it.

        The system ends the claims of a process that ends.
        """
        place = int(name.key[:_LOCK_DIGITS], 16)
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN, 1, place)

    @contextmanager
    def draft(self, size: int) -> Iterator[Path]:
        """Return where a file of *size* bytes may be written that the block needs.

        Raise `StorageError` unless there is room for it.
        """
        self._disk.check_room(size)
        path = self._drafts / secrets.token_hex(16)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def list_unneeded(self, owners: Collection[str], before: datetime) -> Sequence[UnneededFile]:
        """Return the results whose owners are gone, and drafts that a crash left *before*."""
        folders = (one for one in self._root.iterdir() if one.is_dir() and one != self._drafts)
        results = (path for one in folders if one.name not in owners for path in _files_in(one))
        left = (path for path in _files_in(self._drafts) if _time_of(path) < before.timestamp())
        return [UnneededFile(self._name(path), _size_of(path)) for path in (*results, *left)]

    def remove(self, unneeded: UnneededFile) -> None:
        """Delete a file of that list, if it exists."""
        path = self._root / unneeded.name
        path.unlink(missing_ok=True)
        if path.parent != self._drafts:
            with suppress(OSError):
                path.parent.rmdir()

    def make_room(self) -> None:
        """Delete all results if the disk has less free than uploads have to leave."""
        if self._disk.space.free < self._disk.floor:
            self._shrink(0)

    def _adapter(self, kind: type[Any]) -> TypeAdapter[Any]:
        """Return what reads and writes values of a type, which is slow to make."""
        found = self._adapters.get(kind)
        if found is None:
            found = self._adapters[kind] = TypeAdapter(kind)
        return found

    def _find(self, name: DerivedName, kind: type[T]) -> T | None:
        try:
            body = self._path(name).read_bytes()
            found: T = self._adapter(kind).validate_json(body)
        except FileNotFoundError:
            return None
        except (ValidationError, OSError) as error:
            log.warning("a derived result cannot be read and is made again: %r", type(error))
            return None
        return found

    def _add(self, name: DerivedName, value: object) -> None:
        body = self._adapter(type(value)).dump_json(value)
        draft = self._drafts / secrets.token_hex(16)
        try:
            self._disk.check_room(len(body))
            draft.write_bytes(body)
            path = self._path(name)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            draft.replace(path)
        except (OSError, StorageError) as error:
            log.warning("a derived result was not stored: %s", error)
            draft.unlink(missing_ok=True)
            return
        if self._size() > self._max_size:
            self._shrink(int(self._max_size * _KEPT_SHARE))

    def _shrink(self, most: int) -> None:
        """Delete the oldest results until those that stay have at most so many bytes."""
        size = self._size()
        for path in sorted(self._results(), key=_time_of):
            if size <= most:
                return
            size -= _size_of(path)
            path.unlink(missing_ok=True)

    def _size(self) -> int:
        return sum(_size_of(path) for path in self._results())

    def _results(self) -> Iterator[Path]:
        return (path for path in _files_in(self._root) if path.suffix == ".json")

    def _path(self, name: DerivedName) -> Path:
        return self._root / name.owner / f"{name.key}.json"

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def _files_in(folder: Path) -> Iterator[Path]:
    return (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)


def _size_of(path: Path) -> int:
    """Return the size of a file, 0 if another process has deleted it."""
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _time_of(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0
