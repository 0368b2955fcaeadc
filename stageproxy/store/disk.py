"""The disk of the data directory: its free space, its reserve, and whether it has failed."""

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stageproxy.core.disk_space import DiskSpace, check_room, floor_of, reserve_of
from stageproxy.core.errors import FailedDiskError, NoRoomError, StorageError

log = logging.getLogger(__name__)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_BROKEN = frozenset({errno.EIO, errno.ENXIO, errno.ENODEV, errno.EUCLEAN})
_READ_ONLY = errno.EROFS
FAILURE_MARK = "disk.failed"
"""The file beside the database that says that the disk has failed, until fsck finds it whole."""
_LITTLE = 2**20
_PIECE = 2**16


def failure_mark(folder: Path) -> int:
    """Return which failure of a disk the mark is of, as its time; 0 if there is no mark."""
    try:
        return (folder / FAILURE_MARK).stat().st_mtime_ns
    except OSError:
        return 0


class Disk:
    """The disk of a folder; see the module.

    *former_failure*: `failure_mark` as it was when the server started, by default as it is now.

    The reserve is a file whose blocks are given up, piece by piece, when the database
    finds no room: with them it can still revoke, cancel and sweep.
    """

    def __init__(
        self,
        folder: Path,
        *,
        min_free: int | None = 0,
        reserve: int = 0,
        flush: Callable[[int], None] | None = None,
        former_failure: int | None = None,
    ) -> None:
        self._has_failed = self._is_marked = False
        self._is_in_need = False
        self._folder = folder
        self._flush = flush or os.fsync
        self._min_free = min_free
        self._wanted_reserve = reserve
        self._reserve = folder / "reserve"
        self._mark = folder / FAILURE_MARK
        former = failure_mark(folder) if former_failure is None else former_failure
        self._harmless_marks = {0, former}

    @property
    def space(self) -> DiskSpace:
        """What is free now for a process without privileges."""
        found = os.statvfs(self._folder)
        return DiskSpace(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)

    @property
    def has_failed(self) -> bool:
        """Whether the disk has failed since the start, and fsck has not found it whole since.

        Another worker of the server may have found out.
        """
        if self._has_failed and not self._is_marked:
            return True
        return failure_mark(self._folder) not in self._harmless_marks

    @property
    def is_full(self) -> bool:
        """Whether the database may find no room on the disk."""
        return self.space.free < _LITTLE

    @property
    def floor(self) -> int:
        """How many bytes uploads leave free."""
        return floor_of(self.space.total, self._min_free)

    def check_room(self, size: int) -> None:
        """Raise `StorageError` unless *size* more bytes may be stored."""
        if self.has_failed:
            raise FailedDiskError
        with self.failures():
            check_room(self.space, self.floor, size)

    def fail(self, cause: BaseException) -> None:
        """Take no uploads any more: nobody knows what of the last writes is on the disk."""
        if not self.has_failed:
            self._has_failed = True
            # A disk that has failed may not take it: then the state lasts until the restart.
            with suppress(OSError):
                self._mark.touch(mode=0o600)
            self._is_marked = failure_mark(self._folder) not in self._harmless_marks
            log.error(
                "the disk of %s has failed (%s): the server takes no uploads until "
                "`stageproxy fsck` finds no problems, or it is started again. Check the disk first",
                self._folder,
                cause,
            )

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Raise what an error of the disk means; every other one is a fault of the server."""
        try:
            yield
        except OSError as error:
            meaning = self._meaning_of(error)
            if meaning is None:
                raise
            raise meaning from error

    def sync(self, descriptor: int) -> None:
        """Flush a file to the disk. What a disk did not flush once, it may never flush."""
        try:
            self._flush(descriptor)
        except OSError as error:
            if error.errno not in FULL:
                self.fail(error)
                raise FailedDiskError from error
            raise

    def give_up_reserve(self) -> bool:
        """Free a piece of the reserve; return whether there was one.

        Not all at once: whoever has filled the disk would take the rest.
        """
        left = self._size_of_reserve() - _PIECE
        try:
            if left > 0:
                os.truncate(self._reserve, left)
            else:
                self._reserve.unlink()
        except OSError:
            return False
        if not self._is_in_need:
            self._is_in_need = True
            log.warning(
                "the disk of %s is full: the reserve is given up piece by piece, so that stages "
                "can still be canceled and tokens revoked. Free space on it",
                self._folder,
            )
        return True

    def restore_reserve(self) -> None:
        """Allocate what is missing of the reserve if there is room for twice as much."""
        size = reserve_of(self.space.total, self._wanted_reserve)
        if self._size_of_reserve() == size or self.space.free < 2 * size:
            return
        try:
            self._allocate(size)
        except OSError as error:
            log.warning("no reserve in %s: %s", self._folder, error.strerror)
            with suppress(OSError):
                self._reserve.unlink()
        self._is_in_need = False

    def _allocate(self, size: int) -> None:
        if not size:
            self._reserve.unlink(missing_ok=True)
            return
        descriptor = os.open(self._reserve, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.truncate(descriptor, min(size, os.fstat(descriptor).st_size))
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)

    def _size_of_reserve(self) -> int:
        try:
            return self._reserve.stat().st_size
        except OSError:
            return 0

    def _meaning_of(self, error: OSError) -> StorageError | None:
        if error.errno in FULL:
            return NoRoomError()
        if error.errno in _BROKEN:
            self.fail(error)
        return FailedDiskError() if error.errno in {*_BROKEN, _READ_ONLY} else None
