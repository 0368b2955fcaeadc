"""The files of a bucket, as fsck finds them."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from stageproxy.core.care.snapshot import Place, Unreadable
from stageproxy.store.found_files import FoundFiles
from stageproxy.store.s3.bucket import Bucket, open_bucket
from stageproxy.store.s3.found_objects import FoundObjects
from stageproxy.store.s3.generations import new_key
from tests.store.file_stores import address_of, digests_of

URL = "s3://bucket/files"
CONTENT = b"the bytes of a file"
WHOLE = digests_of(CONTENT)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Return a runner of coroutines."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def found(tmp_path: Path, runner: asyncio.Runner) -> FoundObjects:
    """Return the files of an empty bucket and of an empty data directory."""
    return FoundObjects(URL, Bucket(MemoryStore()), FoundFiles(tmp_path), runner)


def put(found: FoundObjects, content: bytes, at: datetime = NOW) -> str:
    """Put a generation of the file into the bucket, and return its key."""
    key = new_key(WHOLE.sha256, at)
    found.runner.run(found.bucket.put(key, content))
    return key


def ignore(_: int) -> None:
    """Report nothing."""


def test_newest_generation(found: FoundObjects) -> None:
    """A file is the newest of its generations."""
    put(found, b"other bytes", NOW - timedelta(hours=1))
    put(found, CONTENT)

    [listed] = found.list_files()

    assert (listed.name, listed.size, listed.place) == (WHOLE.sha256, WHOLE.size, Place.KEPT)
    assert found.read(WHOLE.sha256, ignore) == WHOLE


def test_progress(found: FoundObjects) -> None:
    """Every byte that is read is reported."""
    put(found, CONTENT)
    counts: list[int] = []

    found.read(WHOLE.sha256, counts.append)

    assert sum(counts) == len(CONTENT)


def test_missing_file(found: FoundObjects) -> None:
    """A file without a generation is missing."""
    assert found.read(WHOLE.sha256, ignore) is None


def test_damaged_file(found: FoundObjects) -> None:
    """Damaged bytes are put aside, and are no file of the store any more."""
    key = put(found, b"damaged")

    found.put_aside(WHOLE.sha256)

    aside = f"damaged/{WHOLE.sha256}/{key.rpartition('/')[2]}"
    [left] = found.runner.run(found.bucket.list(""))
    assert left.key == aside
    assert found.list_files() == []


def test_deleted_file(found: FoundObjects) -> None:
    """A file is deleted with all of its generations, and a local one by its path."""
    put(found, b"one")
    put(found, b"another", NOW + timedelta(hours=1))
    local = found.local.data / "admin.token.0123abcd"
    local.touch()

    for one in found.list_files():
        found.delete(one.path)

    assert found.list_files() == []
    assert not local.exists()


def test_objects_of_others(found: FoundObjects) -> None:
    """What servers put there for themselves is no file; anything else is unexpected."""
    for key in ("probe", "installation", "notes.txt", "kept/ab/abc"):
        found.runner.run(found.bucket.put(key, b"text"))

    listed = {one.path: one.place for one in found.list_files()}

    assert listed == {f"{URL}/notes.txt": Place.UNKNOWN, f"{URL}/kept/ab/abc": Place.UNKNOWN}


def test_folder_of_a_former_store(found: FoundObjects) -> None:
    """Files that a move has left in the data directory are not looked at."""
    path = found.local.data / "files" / "kept" / WHOLE.sha256[:2] / WHOLE.sha256
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)

    assert found.list_files() == []


def test_bucket_that_fails(tmp_path: Path, runner: asyncio.Runner) -> None:
    """A file of a bucket that does not answer is unreadable, and not missing."""
    bucket = open_bucket(address_of("nowhere", "http://127.0.0.1:1", timeout=0.2))
    found = FoundObjects(URL, bucket, FoundFiles(tmp_path), runner)

    assert found.read(WHOLE.sha256, ignore) == Unreadable("it did not answer in time")
