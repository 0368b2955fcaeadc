"""The files of a data directory as they are on the disk: found, read, put aside, deleted."""

import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stageproxy.core.care.snapshot import FoundFile, Place, Reading, Unreadable
from stageproxy.store.disk import FAILURE_MARK
from stageproxy.store.files import flush_folder, stored_path
from stageproxy.store.hashing import Digesting

_CHUNK = 2**20
_KEPT = re.compile(r"files/kept/([0-9a-f]{2})/\1[0-9a-f]{62}")
_INCOMING = re.compile(r"files/incoming/[^/]+")
_DRAFT = re.compile(r"(secret|admin\.token)\.[0-9a-f]{8}")
_DAMAGED = "files/damaged"
_PRIVATE = ("secret", "admin.token", "catalogue.db")
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files of the data directory *data*."""

    data: Path

    def list_files(self) -> Sequence[FoundFile]:
        """Return the files that stageproxy stores, and what else is among them."""
        return list(self._found())

    def read(self, sha256: str, report: Callable[[int], None]) -> Reading:
        """Return the size and digests of a stored file. *report* is called with each count."""
        return _read_file(self._kept(sha256), report)

    def list_exposed(self) -> Sequence[str]:
        """Return the secrets, and the database, that other users can read."""
        paths = (self.data / name for name in _PRIVATE)
        return [str(one) for one in paths if one.exists() and one.stat().st_mode & _OTHERS]

    def put_aside(self, sha256: str) -> None:
        """Move a damaged stored file to a folder for damaged files, if it is there."""
        path, folder = self._kept(sha256), self.data / _DAMAGED
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            path.replace(folder / path.name)
            flush_folder(path.parent)
            flush_folder(folder)

    def forget_failure(self) -> None:
        """End the state in which a server takes no uploads because the disk has failed."""
        mark = self.data / FAILURE_MARK
        if mark.exists():
            mark.unlink()

    def delete(self, path: str) -> None:
        """Delete a file by its path within the data directory, if it is there."""
        (self.data / path).unlink(missing_ok=True)

    def _kept(self, sha256: str) -> Path:
        return stored_path(self.data / "files", sha256)

    def _found(self) -> Iterator[FoundFile]:
        folders = os.walk(self.data / "files")
        inside = (Path(folder) / name for folder, _, names in folders for name in names)
        drafts = (path for path in self.data.iterdir() if _DRAFT.fullmatch(path.name))
        for path in [*inside, *drafts]:
            name = path.relative_to(self.data).as_posix()
            # An upload or a sweep may end meanwhile.
            with suppress(FileNotFoundError):
                if not name.startswith(f"{_DAMAGED}/"):
                    yield _found_file(name, path.lstat())


def _read_file(path: Path, report: Callable[[int], None]) -> Reading:
    made = Digesting()
    try:
        with path.open("rb") as file:
            _skip_cache(file.fileno())
            while chunk := file.read(_CHUNK):
                made.add(chunk)
                report(len(chunk))
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unreadable(error.strerror or type(error).__name__)
    return made.digests()


def _found_file(name: str, status: os.stat_result) -> FoundFile:
    return FoundFile(
        path=name,
        place=_place_of(name),
        size=status.st_size,
        changed_at=datetime.fromtimestamp(status.st_mtime, UTC),
        is_regular=stat.S_ISREG(status.st_mode),
    )


def _skip_cache(descriptor: int) -> None:
    """Have a file read from the disk: after a failed flush, the cache may hold what that lacks."""
    if sys.platform == "linux":
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _place_of(name: str) -> Place:
    for pattern, place in _PLACES:
        if pattern.fullmatch(name):
            return place
    return Place.UNKNOWN


_PLACES = ((_KEPT, Place.KEPT), (_INCOMING, Place.INCOMING), (_DRAFT, Place.DRAFT))
