"""File transfers and their progress bars."""

import hashlib
import io
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiofiles
import aiohttp
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)

from stageproxy.cli.client import Client
from stageproxy.cli.output.output import FailedError

_CHUNK = 2**20


@contextmanager
def progress_bars(*, hidden: bool) -> Iterator[Progress]:
    """Show progress bars on the standard error stream, if it is a terminal and not *hidden*."""
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        disable=hidden or not console.is_terminal,
    )
    with bars:
        yield bars


class WatchedFile(io.BufferedReader):
    """A file that advances a progress bar while it is read."""

    def __init__(self, path: Path, bars: Progress, bar: TaskID) -> None:
        super().__init__(io.FileIO(path))
        self._advance = partial(bars.advance, bar)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes."""
        chunk = super().read(size)
        self._advance(len(chunk))
        return chunk


async def fetch(client: Client, file: Mapping[str, Any], path: Path, bars: Progress) -> None:
    """Download a file to *path*. A file with another hash is never stored there."""
    if "link" not in file:
        raise FailedError("The stage has ended, and its files can no longer be downloaded.")
    bar = bars.add_task(path.name, total=file["size"])
    digest = hashlib.sha256()
    async with _draft(path) as draft:
        try:
            async with client.session.get(client.rebase(file["link"])) as response:
                if response.status != 200:  # noqa: PLR2004 - the one success
                    raise client.failure(response.status, await response.text())
                async for chunk in response.content.iter_chunked(_CHUNK):
                    digest.update(chunk)
                    await draft.write(chunk)
                    bars.advance(bar, len(chunk))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise client.unreachable(error) from error
        if digest.hexdigest() != file["hashes"]["sha256"]:
            raise FailedError(
                f"The download of {path.name} does not have the SHA-256 that the stage lists. "
                "Download the file again."
            )


@asynccontextmanager
async def _draft(path: Path) -> AsyncIterator[Any]:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        async with aiofiles.open(draft, "wb") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
