"""The contract of the stores of files, for stored files that are opened again."""

import hashlib
from typing import Any

import pytest

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.ports import ArtifactFiles
from stageproxy.server.clock import SystemClock
from tests.store.builders import HOUR
from tests.store.file_stores import store_received
from tests.support.builders.distributions import a_wheel

WHEEL = a_wheel()
OF_ANY_LENGTH = {"shake_128": 40, "shake_256": 64}


async def test_reopened_file_is_as_received(files: ArtifactFiles) -> None:
    """A reopened file has the size, digests and contents of the received one."""
    received = await store_received(files, WHEEL.content)

    file = files.reopen(received)

    contents = await file.read_contents(parse_distribution_name(WHEEL.filename), "token")
    assert (file.size, await file.finish()) == (len(WHEEL.content), received)
    assert contents.core_metadata == WHEEL.metadata


async def test_committing_again(files: ArtifactFiles) -> None:
    """Committing a reopened file leaves it in place and updates its time."""
    received = await store_received(files, WHEEL.content)
    before = SystemClock().now()

    again = files.reopen(received)
    await again.store()
    again.commit()

    assert await files.list_orphans(frozenset(), before - HOUR) == []
    assert await files.digests(received.sha256, {"sha256": 0}) == {"sha256": received.sha256}


@pytest.mark.parametrize("name", sorted(hashlib.algorithms_guaranteed))
async def test_digests(files: ArtifactFiles, name: str) -> None:
    """Every algorithm of the standard library is computed, with the requested length."""
    content = WHEEL.content * 3000  # more than one read
    received = await store_received(files, content)
    expected: Any = hashlib.new(name, content, usedforsecurity=False)
    length = OF_ANY_LENGTH.get(name, 0)

    found = await files.digests(received.sha256, {name: length})

    assert len(content) > 2 * 2**20
    assert found == {name: expected.hexdigest(length) if length else expected.hexdigest()}


async def test_several_digests_at_once(files: ArtifactFiles) -> None:
    """Exactly the requested digests are returned."""
    received = await store_received(files, WHEEL.content)

    found = await files.digests(received.sha256, {"md5": 16, "sha256": 32, "blake2b": 64})

    assert found == {
        "md5": WHEEL.md5,
        "sha256": WHEEL.sha256,
        "blake2b": hashlib.blake2b(WHEEL.content).hexdigest(),
    }
