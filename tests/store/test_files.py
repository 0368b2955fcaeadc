"""Stored files, on the disk and in the fake."""

import asyncio
import errno
import hashlib
import os
import stat
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event

import aiofiles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.errors import FailedDiskError, LittleRoomError, NoRoomError, RefusedError
from stageproxy.core.stage.digests import FileDigests
from stageproxy.ports import ArtifactFiles
from stageproxy.server.clock import SystemClock
from stageproxy.store.disk import Disk
from stageproxy.store.files import FileStore
from tests.store.builders import HOUR
from tests.store.file_stores import NOTHING_KNOWN, digests_of, is_stored, store_file, swept
from tests.support.builders.distributions import a_wheel
from tests.support.ports.fake_files import FakeFiles
from tests.support.ports.in_process_inspector import InProcessInspector
from tests.support.stored_files import stored_file


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """Return an empty store on the disk."""
    return FileStore(tmp_path / "files", InProcessInspector())


def incoming(tmp_path: Path) -> list[Path]:
    """Return the files that are still being received."""
    return list((tmp_path / "files" / "incoming").iterdir())


@given(chunks=st.lists(st.binary(max_size=100)), on_the_way=st.booleans())
def test_digests_are_those_of_the_bytes(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], *, on_the_way: bool
) -> None:
    """For any bytes in any pieces, the received file has their size and digests.

    MD5 is made on the way or afterwards.
    """
    disk = FileStore(tmp_path_factory.mktemp("disk"), InProcessInspector())
    stores = disk, FakeFiles(SystemClock())

    async def receive(files: ArtifactFiles) -> FileDigests:
        async with files.receive(md5=on_the_way) as file:
            for chunk in chunks:
                await file.write(chunk)
            return await file.finish(md5=True)

    expected = digests_of(b"".join(chunks))
    assert [asyncio.run(receive(files)) for files in stores] == [expected, expected]


async def test_stored_file_is_named_by_its_digest(store: FileStore, tmp_path: Path) -> None:
    """A stored file is named by its SHA-256, and no temporary file is left."""
    digest = await store_file(store, b"content")

    assert digest == hashlib.sha256(b"content").hexdigest()
    assert store.path(digest) == stored_file(tmp_path, digest)
    assert store.path(digest).read_bytes() == b"content"
    assert incoming(tmp_path) == []


async def test_stored_file_on_the_disk(store: FileStore) -> None:
    """What needs a file on the disk reads the stored one itself: nothing is copied."""
    digest = await store_file(store, b"content")

    async with store.on_disk(digest) as path:
        assert path == store.path(digest)


@dataclass(slots=True)
class SlowDisk:
    """A disk whose flush lasts until `go` is set."""

    flushing: Event = field(default_factory=Event)
    go: Event = field(default_factory=Event)

    def flush(self, descriptor: int) -> None:
        """Flush a file, in the end."""
        self.flushing.set()
        assert self.go.wait(60)
        os.fsync(descriptor)


async def test_contents_are_read_during_the_flush(tmp_path: Path) -> None:
    """An archive is read while its file is flushed, and nothing is received before that ends."""
    slow, wheel = SlowDisk(), a_wheel()
    store = FileStore(tmp_path / "files", InProcessInspector(), Disk(tmp_path, flush=slow.flush))
    async with store.receive() as file:
        await file.write(wheel.content)
        finishing = asyncio.ensure_future(file.finish())
        contents = await file.read_contents(parse_distribution_name(wheel.filename), "token")
        is_received = finishing.done()
        slow.go.set()
        received = await finishing

    assert contents.core_metadata == wheel.metadata
    assert not is_received
    assert received.sha256 == wheel.sha256


async def test_cancelled_during_the_flush(tmp_path: Path) -> None:
    """An upload that is cancelled closes its file after the flush: the disk has not failed."""
    slow = SlowDisk()
    store = FileStore(tmp_path / "files", InProcessInspector(), Disk(tmp_path, flush=slow.flush))
    cancelled = asyncio.ensure_future(store_file(store, b"content"))
    await asyncio.to_thread(slow.flushing.wait, 60)

    cancelled.cancel()
    await asyncio.sleep(0)
    slow.go.set()

    await asyncio.wait([cancelled])
    assert cancelled.cancelled()
    assert not store.disk.has_failed
    assert incoming(tmp_path) == []


async def test_pieces_of_any_size(store: FileStore) -> None:
    """Large pieces, which are not copied, and small ones, which are joined, stay in order."""
    large, small = os.urandom(2**17), [bytes([number]) for number in range(200)]

    async with store.receive() as file:
        for piece in [large, *small, large]:
            await file.write(memoryview(piece))
        received = await file.finish()

    assert received.sha256 == hashlib.sha256(large + b"".join(small) + large).hexdigest()


@pytest.mark.parametrize("error", [RefusedError, OSError, KeyboardInterrupt])
async def test_nothing_is_left_of_a_failure(
    store: FileStore, tmp_path: Path, error: type[BaseException]
) -> None:
    """If receiving a file fails, nothing of it is left."""

    async def fail() -> None:
        async with store.receive() as file:
            await file.write(b"content")
            raise error([None])

    with pytest.raises((error, AttributeError)):
        await fail()

    assert incoming(tmp_path) == []


async def test_nothing_is_left_of_a_cancelled_upload(store: FileStore, tmp_path: Path) -> None:
    """A cancelled upload leaves nothing, during a write or between two."""

    async def receive() -> None:
        async with store.receive() as file:
            while True:
                await file.write(os.urandom(2**16))

    for seconds in (0.01, 0.02, 0.03, 0.05):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), seconds)

    assert incoming(tmp_path) == []


async def test_commit_while_the_block_ends(store: FileStore) -> None:
    """A file that is committed on another thread while its block ends is no error.

    It was once: the file was found, then committed, and then could not be removed.
    """
    content = b"content"
    for _ in range(100):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0), store.receive() as file:
                await file.write(content)
        async with store.receive() as file:
            await file.write(content)
            await file.finish()
            committing = asyncio.get_running_loop().run_in_executor(None, file.commit)
        await asyncio.gather(committing, return_exceptions=True)


async def test_full_disk(store: FileStore, tmp_path: Path) -> None:
    """If the disk is full, the error says so, and nothing of the file is left."""

    async def receive() -> None:
        # Every write to this device fails with ENOSPC.
        async with store.receive() as file, aiofiles.open("/dev/full", "wb", buffering=0) as full:
            await file.write(b"content")
            await full.write(b"content")

    with pytest.raises(NoRoomError, match="disk is full"):
        await receive()

    assert incoming(tmp_path) == []


async def fail_with(store: FileStore, number: int) -> None:
    """Receive a file, during which an error of the disk occurs."""
    async with store.receive():
        raise OSError(number, os.strerror(number))


async def test_other_errors_are_not_called_full(store: FileStore) -> None:
    """Another error is not reported as a full disk."""
    with pytest.raises(OSError, match=os.strerror(errno.EACCES)):
        await fail_with(store, errno.EACCES)


async def test_broken_disk(store: FileStore, tmp_path: Path) -> None:
    """After the disk has failed once, the store takes no files, and reading goes on."""
    digest = await store_file(store, b"before")
    with pytest.raises(FailedDiskError):
        await fail_with(store, errno.EIO)

    with pytest.raises(FailedDiskError, match="start the server again"):
        await store_file(store, b"after")

    assert store.path(digest).read_bytes() == b"before"
    assert incoming(tmp_path) == []


async def test_read_only_disk(store: FileStore) -> None:
    """On a disk that is read-only, an upload fails; it works once the disk can be written."""
    with pytest.raises(FailedDiskError):
        await fail_with(store, errno.EROFS)

    assert await is_stored(store, await store_file(store, b"after"))


def fail_to_flush(_: int) -> None:
    """Flush nothing, as a broken disk."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


async def test_failed_flush(tmp_path: Path) -> None:
    """A file that could not be flushed is not stored, and neither is any other after it."""
    store = FileStore(tmp_path / "files", InProcessInspector(), Disk(tmp_path, flush=fail_to_flush))

    for content in (b"first", b"second"):
        with pytest.raises(FailedDiskError):
            await store_file(store, content)

    assert incoming(tmp_path) == []
    assert list((tmp_path / "files" / "kept").iterdir()) == []


async def test_commit_twice(store: FileStore) -> None:
    """A file can be committed again: the transaction that names it may be run twice."""
    async with store.receive() as file:
        await file.write(b"content")
        received = await file.finish()
        await file.store()
        file.commit()
        file.commit()

    assert store.path(received.sha256).read_bytes() == b"content"


async def test_no_room_for_uploads(tmp_path: Path) -> None:
    """A file is refused while less of the disk is free than uploads leave, before it is opened."""
    disk = Disk(tmp_path, min_free=2**60)
    store = FileStore(tmp_path / "files", InProcessInspector(), disk)

    with pytest.raises(LittleRoomError):
        await store_file(store, b"content")

    assert incoming(tmp_path) == []


class ThreadNotingStore(FileStore):
    """A store that notes the threads on which it lists files."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, InProcessInspector())
        self.threads: list[int] = []

    def _list_orphans(
        self, known: frozenset[str], before: datetime, prefix: str = ""
    ) -> Sequence[UnneededFile]:
        self.threads.append(threading.get_ident())
        return super()._list_orphans(known, before, prefix)


async def test_orphans_are_listed_on_a_thread(tmp_path: Path) -> None:
    """A dry run looks at every file on the disk, and other requests are answered meanwhile."""
    files = ThreadNotingStore(tmp_path)

    await files.list_orphans(NOTHING_KNOWN, SystemClock().now())

    assert len(files.threads) == 1
    assert threading.get_ident() not in files.threads


async def test_sweep_deletes_files_of_a_crash(store: FileStore, tmp_path: Path) -> None:
    """A file that was being received by a server that crashed is deleted when it is old."""
    left = tmp_path / "files" / "incoming" / "of-another-life"
    left.write_bytes(b"half a whe")
    now = SystemClock().now()

    assert [await swept(store, NOTHING_KNOWN, now + delta) for delta in (-HOUR, HOUR)] == [0, 1]
    assert incoming(tmp_path) == []


async def test_sweep_spares_files_being_received(store: FileStore) -> None:
    """A clock that jumps by a month does not delete a file during its upload.

    It did once: by that clock the file was old.
    """
    async with store.receive() as file:
        await file.write(b"content")
        counted = await swept(store, NOTHING_KNOWN, SystemClock().now() + 720 * HOUR)
        received = await file.finish()
        await file.store()
        file.commit()

    assert counted == 0
    assert await is_stored(store, received.sha256)


async def test_sweep_spares_files_of_other_workers(store: FileStore, tmp_path: Path) -> None:
    """A sweep in one worker does not delete a file that another one is receiving."""
    sweeping = FileStore(tmp_path / "files", InProcessInspector())
    async with store.receive() as file:
        await file.write(b"content")
        counted = await swept(sweeping, NOTHING_KNOWN, SystemClock().now() + HOUR)
        await file.finish()
        await file.store()
        file.commit()

    assert counted == 0


async def test_sweep_while_uploads_end(store: FileStore, tmp_path: Path) -> None:
    """A file that disappears between being listed and being read is no error.

    It was once, and nothing was swept for another hour.
    """
    # A broken link looks like a file that has just been deleted.
    (tmp_path / "files" / "incoming" / "gone").symlink_to("nowhere")
    (tmp_path / "files" / "incoming" / "left").touch()

    assert await swept(store, NOTHING_KNOWN, SystemClock().now() + HOUR) == 1


async def test_only_the_owner_can_read(store: FileStore, tmp_path: Path) -> None:
    """Folders are 0700 and files 0600: staged files are not public."""
    await store_file(store, b"content")

    modes = {
        ("folder" if path.is_dir() else "file", stat.S_IMODE(path.stat().st_mode))
        for path in (tmp_path / "files", *(tmp_path / "files").rglob("*"))
    }

    assert modes == {("folder", 0o700), ("file", 0o600)}
