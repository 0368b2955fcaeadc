"""The contract of the stores of files: the folder, a bucket, and the fake."""

import os

import pytest

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.ports import ArtifactFiles
from stageproxy.server.clock import SystemClock
from tests.store.builders import HOUR
from tests.store.file_stores import (
    NOTHING_KNOWN,
    is_stored,
    naming,
    store_file,
    store_received,
    swept,
)
from tests.support.builders.distributions import a_wheel


async def test_size_of_a_stored_file(files: ArtifactFiles) -> None:
    """The size of a stored file is known; one that is missing has none."""
    digest = await store_file(files, b"content")

    assert await files.size(digest) == len(b"content")
    assert await files.size(digest[::-1]) is None


async def test_same_bytes_twice_are_one_file(files: ArtifactFiles) -> None:
    """Bytes that are stored already can be stored again."""
    assert await store_file(files, b"content") == await store_file(files, b"content")


async def test_file_is_removed_unless_committed(files: ArtifactFiles) -> None:
    """A file that is not committed leaves nothing, however much was received."""
    async with files.receive() as file:
        await file.write(b"content")
        received = await file.finish()

    assert not await is_stored(files, received.sha256)


async def test_contents_are_read_before_the_commit(files: ArtifactFiles) -> None:
    """An archive can be read while it may still be refused."""
    wheel = a_wheel()
    async with files.receive() as file:
        await file.write(wheel.content)
        await file.finish()
        contents = await file.read_contents(parse_distribution_name(wheel.filename), "token")

    assert contents.core_metadata == wheel.metadata


async def test_remove(files: ArtifactFiles) -> None:
    """A file can be deleted twice: a missing file is no error."""
    digest = await store_file(files, b"content")

    for _ in range(2):
        await files.remove_unnamed([digest], naming(NOTHING_KNOWN))

    assert not await is_stored(files, digest)


async def test_named_file_is_not_removed(files: ArtifactFiles) -> None:
    """A file that rows name again by the time of its deletion is not deleted."""
    digest = await store_file(files, b"content")

    await files.remove_unnamed([digest], naming(frozenset({digest})))

    assert await is_stored(files, digest)


async def test_sweep_deletes_old_unknown_files(files: ArtifactFiles) -> None:
    """A file is deleted if no row names it and it was not touched for long."""
    known, unknown = await store_file(files, b"known"), await store_file(files, b"unknown")
    now = SystemClock().now()

    counted = [await swept(files, frozenset({known}), now + delta) for delta in (-HOUR, HOUR, HOUR)]

    assert counted == [0, 1, 0]
    assert (await is_stored(files, known), await is_stored(files, unknown)) == (True, False)


@pytest.mark.parametrize("size", [0, 1, 9 * 2**20])
async def test_files_of_any_size(files: ArtifactFiles, size: int) -> None:
    """Files of any size are stored whole: empty ones, and those that are sent in parts."""
    received = await store_received(files, os.urandom(size))

    assert await files.size(received.sha256) == size
    assert await files.digests(received.sha256, {"sha256": 0}) == {"sha256": received.sha256}


async def test_missing_file_has_no_digests(files: ArtifactFiles) -> None:
    """The digests of a file that is missing cannot be read."""
    with pytest.raises(FileNotFoundError):
        await files.digests("0" * 64, {"sha256": 0})


async def test_commit_runs_again(files: ArtifactFiles) -> None:
    """A transaction that runs again can commit its file again."""
    async with files.receive() as file:
        await file.write(b"content")
        received = await file.finish()
        await file.store()
        file.commit()
        file.commit()

    assert await is_stored(files, received.sha256)
