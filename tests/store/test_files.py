"""Artifacts on disk, and the fake that stands for them."""

import asyncio
import errno
import hashlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import aiofiles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.errors import NoRoomError, RefusedError
from stageproxy.core.stage.digests import Received
from stageproxy.ports import ArtifactFiles
from stageproxy.store.files import FileStore
from tests.store.builders import HOUR
from tests.support.builders.distributions import a_wheel
from tests.support.ports.fake_files import FakeFiles
from tests.support.ports.inspectors import InspectorHere
from tests.support.stored_files import stored_file

NOTHING_KNOWN: frozenset[str] = frozenset()


class SystemClock:
    """The time by which file systems stamp their files."""

    def now(self) -> datetime:
        """Return the present time, in UTC."""
        return datetime.now(UTC)


@pytest.fixture(params=["disk", "fake"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactFiles:
    """Return an empty store of each kind."""
    if request.param == "fake":
        return FakeFiles(SystemClock())
    return FileStore(tmp_path / "files", InspectorHere())


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """Return an empty store on the disk."""
    return FileStore(tmp_path / "files", InspectorHere())


def incoming(tmp_path: Path) -> list[Path]:
    """Return what is left of files that came in."""
    return list((tmp_path / "files" / "incoming").iterdir())


async def keep(files: ArtifactFiles, content: bytes) -> str:
    """Take a file in and keep it; return its digest."""
    async with files.receive() as file:
        await file.write(content)
        received = await file.finish()
        file.commit()
    return received.sha256


def is_kept(files: ArtifactFiles, sha256: str) -> bool:
    """Say whether a file is there; those of the fake are in memory."""
    return sha256 in files.kept if isinstance(files, FakeFiles) else files.path(sha256).exists()


def digests_of(content: bytes) -> Received:
    """Return what hashlib says of some bytes."""
    return Received(
        len(content),
        hashlib.sha256(content).hexdigest(),
        hashlib.blake2b(content, digest_size=32).hexdigest(),
        hashlib.md5(content, usedforsecurity=False).hexdigest(),
    )


@given(chunks=st.lists(st.binary(max_size=100)))
def test_digests_are_those_of_the_bytes(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    """For any bytes in any pieces, what is received has their size and digests."""
    disk = FileStore(tmp_path_factory.mktemp("disk"), InspectorHere())
    stores = disk, FakeFiles(SystemClock())

    async def receive(files: ArtifactFiles) -> Received:
        async with files.receive() as file:
            for chunk in chunks:
                await file.write(chunk)
            return await file.finish()

    expected = digests_of(b"".join(chunks))
    assert [asyncio.run(receive(files)) for files in stores] == [expected, expected]


async def test_kept_file_is_named_by_its_digest(store: FileStore, tmp_path: Path) -> None:
    """A kept file has all bytes under its SHA-256, and nothing is left beside it."""
    digest = await keep(store, b"content")

    assert digest == hashlib.sha256(b"content").hexdigest()
    assert store.path(digest) == stored_file(tmp_path, digest)
    assert store.path(digest).read_bytes() == b"content"
    assert incoming(tmp_path) == []


async def test_same_bytes_twice_are_one_file(files: ArtifactFiles) -> None:
    """Bytes that are kept already can be kept again."""
    assert await keep(files, b"content") == await keep(files, b"content")


async def test_file_is_gone_unless_kept(files: ArtifactFiles) -> None:
    """A file that nobody keeps leaves nothing, however far it came."""
    async with files.receive() as file:
        await file.write(b"content")
        received = await file.finish()

    assert not is_kept(files, received.sha256)


async def test_contents_are_read_before_it_is_kept(files: ArtifactFiles) -> None:
    """An archive can be looked into while it may still be refused."""
    wheel = a_wheel()
    async with files.receive() as file:
        await file.write(wheel.content)
        await file.finish()
        contents = await file.read_contents(parse_distribution_name(wheel.filename))

    assert contents.core_metadata == wheel.metadata


@pytest.mark.parametrize("error", [RefusedError, OSError, KeyboardInterrupt])
async def test_nothing_is_left_of_a_failure(
    store: FileStore, tmp_path: Path, error: type[BaseException]
) -> None:
    """Whatever goes wrong while a file comes in, it is gone."""

    async def fail() -> None:
        async with store.receive() as file:
            await file.write(b"content")
            raise error([None])

    with pytest.raises((error, AttributeError)):
        await fail()

    assert incoming(tmp_path) == []


async def test_nothing_is_left_of_a_client_that_went_away(store: FileStore, tmp_path: Path) -> None:
    """An upload that is cancelled takes its file along, in the middle of a write or between."""

    async def receive() -> None:
        async with store.receive() as file:
            while True:
                await file.write(os.urandom(2**16))

    for seconds in (0.01, 0.02, 0.03, 0.05):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), seconds)

    assert incoming(tmp_path) == []


async def test_file_that_is_kept_while_its_block_ends(store: FileStore) -> None:
    """A file that is kept on another thread just as its block ends is no error.

    It was: the file was looked for, kept, and then could not be removed.
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


async def test_full_disk_is_told(store: FileStore, tmp_path: Path) -> None:
    """When the disk has no room, that is what is said, and the file is gone."""

    async def receive() -> None:
        # Every write to this device fails with ENOSPC.
        async with store.receive() as file, aiofiles.open("/dev/full", "wb", buffering=0) as full:
            await file.write(b"content")
            await full.write(b"content")

    with pytest.raises(NoRoomError, match="no room"):
        await receive()

    assert incoming(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
async def test_other_faults_are_not_called_full(store: FileStore, number: int) -> None:
    """A disk that is broken is a fault to look at, and no lack of room."""

    async def receive() -> None:
        async with store.receive():
            raise OSError(number, os.strerror(number))

    with pytest.raises(OSError, match=os.strerror(number)):
        await receive()


async def test_remove(files: ArtifactFiles) -> None:
    """A file can be deleted, and again: nothing to delete is no error."""
    digest = await keep(files, b"content")

    for _ in range(2):
        files.remove(digest)

    assert not is_kept(files, digest)


async def test_sweep_takes_what_is_old_and_unknown(files: ArtifactFiles) -> None:
    """A file goes if no row names it and nobody has touched it for long; it counts."""
    known, unknown = await keep(files, b"known"), await keep(files, b"unknown")
    now = SystemClock().now()

    counted = [files.sweep(frozenset({known}), now + moment) for moment in (-HOUR, HOUR, HOUR)]

    assert counted == [0, 1, 0]
    assert (is_kept(files, known), is_kept(files, unknown)) == (True, False)


async def test_sweep_takes_what_a_crash_left(store: FileStore, tmp_path: Path) -> None:
    """A file that came in for a server that is no more goes when it is old."""
    left = tmp_path / "files" / "incoming" / "of-another-life"
    left.write_bytes(b"half a whe")
    now = SystemClock().now()

    assert [store.sweep(NOTHING_KNOWN, now + moment) for moment in (-HOUR, HOUR)] == [0, 1]
    assert incoming(tmp_path) == []


async def test_sweep_spares_what_comes_in(store: FileStore) -> None:
    """A clock that jumps by a month does not take a file away under an upload.

    It did: by that clock the file was old.
    """
    async with store.receive() as file:
        await file.write(b"content")
        counted = store.sweep(NOTHING_KNOWN, SystemClock().now() + 720 * HOUR)
        received = await file.finish()
        file.commit()

    assert counted == 0
    assert is_kept(store, received.sha256)


def test_sweep_while_uploads_end(store: FileStore, tmp_path: Path) -> None:
    """A file that ends between being listed and being looked at is no error to a sweep.

    It was, and nothing was swept for another hour.
    """
    # A name that leads nowhere looks like a file that has just gone.
    (tmp_path / "files" / "incoming" / "gone").symlink_to("nowhere")
    (tmp_path / "files" / "incoming" / "left").touch()

    assert store.sweep(NOTHING_KNOWN, SystemClock().now() + HOUR) == 1


async def test_only_the_owner_reads(store: FileStore, tmp_path: Path) -> None:
    """Folders are 0700 and files 0600: what is staged is not published yet."""
    await keep(store, b"content")

    modes = {
        ("folder" if path.is_dir() else "file", stat.S_IMODE(path.stat().st_mode))
        for path in (tmp_path / "files", *(tmp_path / "files").rglob("*"))
    }

    assert modes == {("folder", 0o700), ("file", 0o600)}
