"""Objects that are not what was stored: damaged, replaced, or gone."""

from pathlib import Path

import pytest
from obstore.store import MemoryStore

from stageproxy.core.errors import OtherBytesError
from stageproxy.store.s3.bucket import Bucket
from stageproxy.store.s3.files import BucketFiles
from tests.store.file_stores import bucket_files, store_file

CONTENT = b"0123456789" * 1000


@pytest.fixture
def files(tmp_path: Path) -> BucketFiles:
    """Return an empty store."""
    return bucket_files(Bucket(MemoryStore()), tmp_path)


async def test_replaced_object(files: BucketFiles) -> None:
    """Other bytes of the same size are not taken for the file: nobody gets them on a disk."""
    sha256 = await store_file(files, CONTENT)
    await files.bucket.put((await files.get(sha256)).key, CONTENT[:-1] + b"?")

    with pytest.raises(OtherBytesError):
        async with files.on_disk(sha256):
            pass

    assert [*files.spool.folder.iterdir()] == []


async def test_missing_object(files: BucketFiles) -> None:
    """A file that is gone is missing, not a failure that may pass."""
    sha256 = await store_file(files, CONTENT)
    await files.bucket.delete([(await files.get(sha256)).key])

    with pytest.raises(FileNotFoundError):
        async with files.on_disk(sha256):
            pass
