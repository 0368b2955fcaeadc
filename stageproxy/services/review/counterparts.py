"""The published files that staged ones are compared with, downloaded within a budget."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from stageproxy.core.errors import StageproxyError, StorageError
from stageproxy.core.index.pages import ListedFile, UnreadablePageError, resolved
from stageproxy.ports import BaselineDownloads, DerivedResults, ReviewedFile

_UNIT = 2**20


class NotComparedError(Exception):
    """A staged file cannot be compared; the message is the sentence that says why."""


@dataclass(slots=True)
class Budget:
    """How many bytes one review may still download."""

    left: int


@dataclass(frozen=True, slots=True)
class Counterparts:
    """Downloads published files. No file may have more than *max_file_size* bytes."""

    downloads: BaselineDownloads
    derived: DerivedResults
    max_file_size: int

    @asynccontextmanager
    async def fetched(
        self, listed: ListedFile, page_url: str, budget: Budget
    ) -> AsyncIterator[ReviewedFile]:
        """Hold a published file on the disk during the block.

        Raise `NotComparedError` if it exceeds the budget, or cannot be had.
        """
        size = self._permitted(listed, budget)
        budget.left -= size
        with ExitStack() as stack:
            path = self._room_for(size, stack)
            await self._fetch(listed, page_url, path, size)
            # Some pages list no sizes: only what has arrived counts.
            budget.left += size - path.stat().st_size
            yield ReviewedFile(path, listed.filename)

    def _room_for(self, size: int, stack: ExitStack) -> Path:
        try:
            return stack.enter_context(self.derived.draft(size))
        except StorageError as error:
            raise NotComparedError(
                "There is no room on the server's disk for the published file."
            ) from error

    async def _fetch(self, listed: ListedFile, page_url: str, path: Path, size: int) -> None:
        try:
            sha256 = await self.downloads.fetch(_url_of(listed, page_url), path, size=size)
        except StageproxyError as error:
            raise NotComparedError(
                f"The published file was not downloaded: {error.sentence}"
            ) from error
        if listed.sha256 not in {None, sha256}:
            raise NotComparedError(
                "The index sent the published file with another hash than it lists."
            )

    def _permitted(self, listed: ListedFile, budget: Budget) -> int:
        """Return how many bytes a file may have. Raise `NotComparedError` if it has more."""
        if listed.size is not None and listed.size > self.max_file_size:
            raise NotComparedError(
                f"The published file has more than {self.max_file_size // _UNIT} MiB, the most "
                "that a review downloads of one (review.max_file_size)."
            )
        size = listed.size if listed.size is not None else min(self.max_file_size, budget.left)
        if not 0 < size <= budget.left:
            raise NotComparedError(
                "The published file was not downloaded: others have used what a review may "
                "download (review.max_download)."
            )
        return size


def _url_of(listed: ListedFile, page_url: str) -> str:
    try:
        return resolved(page_url, listed.link).partition("#")[0]
    except UnreadablePageError as error:
        raise NotComparedError(
            "The index lists the published file with a link that is no URL."
        ) from error
