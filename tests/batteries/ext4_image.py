"""A disk that loses its power: an ext4 file system in a file, copied while its server is frozen.

What a copy has is what the file system has written to its device. What was not flushed is still
in the memory of the kernel, and is lost, as after a power cut. The journal of the file system is
written by itself only after ten minutes.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.support.servers.processes import Server

SIZE = 2**30
POLL = 0.001
_MAKE = ("mkfs.ext4", "-q", "-F", "-J", "size=16")
_MOUNT = ("mount", "-o", "loop,commit=600,noatime")


@dataclass(frozen=True, slots=True)
class Ext4Image:
    """An image and the folder where it is mounted; see `crashes.Disk`."""

    image: Path
    folder: Path
    random: Random

    @classmethod
    def make(cls, folder: Path, random: Random) -> "Ext4Image":
        """Make a file system that is empty."""
        disk = cls(folder / "disk.img", folder / "disk", random)
        disk.folder.mkdir()
        with disk.image.open("xb") as image:
            image.truncate(SIZE)
        _run(*_MAKE, str(disk.image))
        return disk

    @property
    def _copy(self) -> Path:
        return self.image.with_suffix(".cut")

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """Return the data directory; a copy that a crash has made is the disk afterwards."""
        _run(*_MOUNT, str(self.image), str(self.folder))
        try:
            yield self.folder / "data"
        finally:
            # Processes of a killed server may not have ended yet.
            _run("umount", "--lazy", str(self.folder))
        with suppress(FileNotFoundError):
            self._copy.replace(self.image)

    async def crash(self, server: Server) -> None:
        """Freeze a server, copy the disk, and kill the server."""
        server.process.send_signal(signal.SIGSTOP)
        await _until_frozen(server.process.pid)
        self._write_some()
        await asyncio.to_thread(_run, "cp", "--sparse=always", str(self.image), str(self._copy))
        server.process.kill()

    def _write_some(self) -> None:
        """Have the kernel write random parts of files that nobody has flushed."""
        for path in self.folder.rglob("*"):
            if path.is_file() and self.random.random() < 0.5:
                with path.open("rb") as file:
                    length = self.random.randrange(1 + path.stat().st_size)
                    os.posix_fadvise(file.fileno(), 0, length, os.POSIX_FADV_DONTNEED)


async def _until_frozen(pid: int) -> None:
    """Wait until every thread of a process has stopped: what it was writing is written."""
    while _states_of(pid) != {"T"}:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(POLL)


def _states_of(pid: int) -> set[str]:
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return {one.read_text().rpartition(") ")[2][0] for one in threads}


def _run(*command: str) -> None:
    """Run a command as root; fail with its output."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    done = subprocess.run(
        [shutil.which(command[0], path=path) or command[0], *command[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
