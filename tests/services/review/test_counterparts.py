"""Counterparts: downloaded within a budget, compared with their hash, and deleted."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stageproxy.core.errors import UpstreamFailedError
from stageproxy.core.index.pages import ListedFile
from stageproxy.ports import BaselineDownloads
from stageproxy.services.review.counterparts import Budget, Counterparts, NotComparedError
from tests.support.ports.fake_derived import FakeDerived

CONTENT = b"the bytes"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PAGE = "https://index.example/simple/demo/"


@dataclass(slots=True)
class FakeDownloads:
    """Sends the same bytes from every URL, if there is room for them."""

    asked: list[str] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)

    async def fetch(self, url: str, path: Path, *, size: int) -> str:
        """Write the bytes, or the first of them."""
        self.asked.append(url)
        self.paths.append(path)
        _write(path, CONTENT[:size])
        if len(CONTENT) > size:
            raise UpstreamFailedError(f"The file has more than {size} bytes.")
        return SHA256

    async def read(self, url: str, *, size: int) -> bytes:
        """Return the bytes."""
        self.asked.append(url)
        return CONTENT[:size]


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def fits_the_port(downloads: FakeDownloads) -> BaselineDownloads:
    """Return the fake as its port, which mypy checks."""
    return downloads


def listed(
    sha256: str | None = SHA256, size: int | None = len(CONTENT), link: str = "../../files/demo.whl"
) -> ListedFile:
    """Return a file as a page lists it."""
    return ListedFile("demo.whl", sha256, None, None, size=size, link=link)


async def fetch(file: ListedFile, *, left: int = 100, room: int = 2**30) -> tuple[str, Budget]:
    """Return why a file was not fetched, empty if it was, and what is left of the budget."""
    downloads, budget = FakeDownloads(), Budget(left)
    counterparts = Counterparts(downloads, FakeDerived(room=room), max_file_size=50)
    why = ""
    try:
        async with counterparts.fetched(file, PAGE, budget) as fetched:
            assert fetched.path.read_bytes() == CONTENT
            assert downloads.asked == ["https://index.example/files/demo.whl"]
    except NotComparedError as error:
        why = str(error)
    assert not any(one.exists() for one in downloads.paths)
    return why, budget


@pytest.mark.parametrize("size", [len(CONTENT), None])
async def test_fetched(size: int | None) -> None:
    """A file is there during the block, and gone after it; only what arrived counts."""
    why, budget = await fetch(listed(size=size))

    assert (why, budget.left) == ("", 100 - len(CONTENT))


@pytest.mark.parametrize(
    ("file", "left", "room", "why"),
    [
        (listed(size=51), 100, 100, "more than 0 MiB, the most that a review downloads of one"),
        (listed(), 5, 100, "others have used what a review may download"),
        (listed(), 0, 100, "others have used what a review may download"),
        (listed(size=None), 5, 100, "The file has more than 5 bytes."),
        (listed("0" * 64), 100, 100, "another hash than it lists"),
        (listed(), 100, 5, "no room on the server's disk"),
        (listed(link="https://[/x"), 100, 100, "a link that is no URL"),
    ],
)
async def test_not_compared(file: ListedFile, left: int, room: int, why: str) -> None:
    """What exceeds a limit, has another hash or cannot be had is not compared, with the reason."""
    said, _ = await fetch(file, left=left, room=room)

    assert why in said
