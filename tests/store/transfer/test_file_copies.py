"""Files are copied from one store to another as they are, or not at all."""

import hashlib
from pathlib import Path

import pytest

from stageproxy.core.errors import NoRoomError
from stageproxy.ports import ArtifactFiles
from stageproxy.store.files import FileStore
from stageproxy.store.transfer.files import FileCopies, NamedFile, files_of
from tests.store.transfer.rows import FilledReader, filler
from tests.support.ports.clock import FakeClock
from tests.support.ports.fake_files import FakeFiles
from tests.support.ports.in_process_inspector import InProcessInspector

CONTENTS = [b"one", b"two" * 2**20, b""]
SIZE = sum(map(len, CONTENTS))


def named(content: bytes) -> NamedFile:
    """Return how a catalogue names a file."""
    return NamedFile(hashlib.sha256(content).hexdigest(), len(content))


FILES = [named(one) for one in CONTENTS]
DIGESTS = sorted(one.sha256 for one in FILES)


class Bar:
    """What a progress bar is told."""

    def __init__(self) -> None:
        self.size = 0

    def __call__(self, size: int) -> None:
        """Add bytes."""
        self.size += size


@pytest.fixture
def source() -> FakeFiles:
    """Return a store with files."""
    stored = {named(content).sha256: content for content in CONTENTS}
    return FakeFiles(FakeClock(), stored=stored)


@pytest.fixture
def folder(tmp_path: Path) -> FileStore:
    """Return a folder without files."""
    return FileStore(tmp_path / "files", InProcessInspector())


async def sha256_in(files: ArtifactFiles, file: NamedFile) -> str:
    """Return the SHA-256 of the bytes of a stored file."""
    return (await files.digests(file.sha256, {"sha256": 0}))["sha256"]


async def test_every_store(source: FakeFiles, files: ArtifactFiles) -> None:
    """Every store of files can be filled, and read."""
    bar, back = Bar(), FakeFiles(FakeClock())

    copied = await FileCopies(source, files, bar).copy(FILES)
    returned = await FileCopies(files, back, bar).copy(FILES)

    assert sorted(copied.copied) == sorted(returned.copied) == DIGESTS
    assert (copied.size, returned.size, bar.size) == (SIZE, SIZE, 2 * SIZE)
    assert [await sha256_in(files, one) for one in FILES] == [one.sha256 for one in FILES]
    assert back.stored == source.stored


async def test_again(source: FakeFiles, folder: FileStore) -> None:
    """What is there already is not copied again."""
    await FileCopies(source, folder, Bar()).copy(FILES[:1])

    bar = Bar()
    copied = await FileCopies(source, folder, bar).copy(FILES)

    assert copied.present == [FILES[0].sha256]
    assert len(copied.copied) == 2
    assert bar.size == SIZE


async def test_damaged_copy(source: FakeFiles, folder: FileStore) -> None:
    """A file of another size is copied again; one with other bytes if that is to be verified."""
    await FileCopies(source, folder, Bar()).copy(FILES)
    folder.path(FILES[0].sha256).write_bytes(b"eno")
    folder.path(FILES[2].sha256).write_bytes(b"too long")

    quick = await FileCopies(source, folder, Bar()).copy(FILES)
    thorough = await FileCopies(source, folder, Bar(), verify=True).copy(FILES)

    assert quick.copied == [FILES[2].sha256]
    assert thorough.copied == [FILES[0].sha256]
    assert await sha256_in(folder, FILES[0]) == FILES[0].sha256


async def test_source_that_is_not_whole(source: FakeFiles, folder: FileStore) -> None:
    """A file that is gone, or has other bytes, is named, and not copied."""
    del source.stored[FILES[0].sha256]
    source.stored[FILES[1].sha256] = b"other bytes"

    copied = await FileCopies(source, folder, Bar()).copy(FILES)

    assert copied.missing == [FILES[0].sha256]
    assert copied.damaged == [FILES[1].sha256]
    assert copied.copied == [FILES[2].sha256]
    assert copied.lost == (FILES[0].sha256, FILES[1].sha256)
    assert await folder.size(FILES[1].sha256) is None


async def test_plan(source: FakeFiles, folder: FileStore) -> None:
    """A plan names what would be copied, and changes nothing."""
    await FileCopies(source, folder, Bar()).copy(FILES[:1])
    del source.stored[FILES[2].sha256]
    bar = Bar()

    plan = await FileCopies(source, folder, bar).plan(FILES)

    assert (plan.present, plan.copied, plan.missing) == tuple([one.sha256] for one in FILES)
    assert (plan.size, bar.size) == (FILES[1].size, SIZE)
    assert await folder.size(FILES[1].sha256) is None


async def test_full_target(source: FakeFiles) -> None:
    """A target without room ends the copying."""
    target = FakeFiles(FakeClock(), room=100)

    with pytest.raises(NoRoomError):
        await FileCopies(source, target, Bar()).copy(FILES)


def test_files_of_a_catalogue() -> None:
    """The files are those that the catalogue names."""
    assert [one.sha256 for one in files_of(FilledReader(filler()))] == [
        f"sha256 {number}" for number in (1, 2, 3)
    ]
