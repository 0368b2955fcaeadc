"""Files that are kept already and looked at again, on disk and in the fake that stands for it."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.stage.digests import FileDigests
from stageproxy.ports import ArtifactFiles
from stageproxy.store.files import FileStore
from tests.store.builders import HOUR
from tests.support.builders.distributions import a_wheel
from tests.support.ports.fake_files import FakeFiles
from tests.support.ports.inspectors import InspectorHere

WHEEL = a_wheel()
OF_ANY_LENGTH = {"shake_128": 40, "shake_256": 64}


class SystemClock:
    """The time by which file systems stamp their files."""

    def now(self) -> datetime:
        """Return the present time, in UTC."""
        return datetime.now(UTC)


@pytest.fixture(params=["disk", "fake"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactFiles:
    """Return an empty store of each kind."""
    if request.param == "disk":
        return FileStore(tmp_path / "files", InspectorHere())
    return FakeFiles(SystemClock())


async def keep(files: ArtifactFiles, content: bytes = WHEEL.content) -> FileDigests:
    """Take a file in and keep it; return what was received."""
    async with files.receive() as file:
        await file.write(content)
        received = await file.finish()
        file.commit()
    return received


async def test_reopened_file_is_what_came_in(files: ArtifactFiles) -> None:
    """A file that is kept looks like one that has just come in: its size, digests and contents."""
    received = await keep(files)

    file = files.reopen(received)

    contents = await file.read_contents(parse_distribution_name(WHEEL.filename))
    assert (file.size, await file.finish()) == (len(WHEEL.content), received)
    assert contents.core_metadata == WHEEL.metadata


async def test_kept_again(files: ArtifactFiles) -> None:
    """Keeping a reopened file leaves it where it is, as new as one that has just come in."""
    received = await keep(files)
    before = SystemClock().now()

    files.reopen(received).commit()

    assert files.sweep(frozenset(), before - HOUR) == 0
    assert await files.digests(received.sha256, {"sha256": 0}) == {"sha256": received.sha256}


@pytest.mark.parametrize("name", sorted(hashlib.algorithms_guaranteed))
async def test_digests(files: ArtifactFiles, name: str) -> None:
    """Every algorithm that every Python has is computed of a kept file, at the length asked for."""
    content = WHEEL.content * 3000  # more than is read at once
    received = await keep(files, content)
    expected: Any = hashlib.new(name, content, usedforsecurity=False)
    length = OF_ANY_LENGTH.get(name, 0)

    found = await files.digests(received.sha256, {name: length})

    assert len(content) > 2 * 2**20
    assert found == {name: expected.hexdigest(length) if length else expected.hexdigest()}


async def test_several_digests_at_once(files: ArtifactFiles) -> None:
    """All digests that are asked for come, and no others."""
    received = await keep(files)

    found = await files.digests(received.sha256, {"md5": 16, "sha256": 32, "blake2b": 64})

    assert found == {
        "md5": WHEEL.md5,
        "sha256": WHEEL.sha256,
        "blake2b": hashlib.blake2b(WHEEL.content).hexdigest(),
    }
