"""A small disk in memory that is filled to its last byte, and made read-only."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PIECE = 2**16


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A mounted disk that is the data directory of a server, with a file that fills it."""

    folder: Path

    @classmethod
    @contextmanager
    def mounted(cls, folder: Path, mebibytes: int) -> Iterator["SmallDisk"]:
        """Mount a disk while the block runs. Only root can: fail with the reason otherwise."""
        folder.mkdir()
        _run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder))
        try:
            yield cls(folder)
        finally:
            _run("umount", "--lazy", str(folder))

    def fill(self) -> None:
        """Fill the disk, so that not a byte is free. It may have been filled before."""
        with self._filler.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(bytes(_PIECE)):
                pass

    def free(self) -> None:
        """Delete what fills the disk."""
        self._filler.unlink(missing_ok=True)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Mount the disk read-only while the block runs; no file may be open for writing."""
        _run("mount", "-o", "remount,ro", str(self.folder))
        try:
            yield
        finally:
            _run("mount", "-o", "remount,rw", str(self.folder))

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
