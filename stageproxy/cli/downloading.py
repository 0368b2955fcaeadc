"""Here is how `stageproxy download` works: files fetched, checked, and only then named."""

import hashlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiofiles
import aiofiles.os
import aiohttp
from rich.progress import Progress

from stageproxy.cli.client import Client, failure
from stageproxy.cli.connection import Connection
from stageproxy.cli.output import FailedError
from stageproxy.cli.progress import progress_bars

_CHUNK = 2**20


async def download_files(
    connection: Connection, stage: str, dest: Path, *, hidden: bool
) -> list[dict[str, str]]:
    """Download the artifacts of a stage, with bars unless *hidden*; return where they are."""
    reference = connection.stage(stage)
    await aiofiles.os.makedirs(dest, exist_ok=True)
    files = []
    async with connection.open(reference.server) as client:
        document = await client.stage(reference)
        with progress_bars(hidden=hidden) as bars:
            for filename, file in document["files"].items():
                path = dest / Path(filename).name
                await fetch(client, file, path, bars)
                files.append({"path": str(path), "sha256": file["hashes"]["sha256"]})
    return files


async def fetch(client: Client, file: Mapping[str, Any], path: Path, bars: Progress) -> None:
    """Download one file next to its place; what has another hash never gets its name."""
    if "link" not in file:
        raise FailedError("The stage has ended: its files cannot be reached any more.")
    bar = bars.add_task(path.name, total=file["size"])
    digest = hashlib.sha256()
    async with _draft(path) as draft:
        try:
            async with client.session.get(client.here(file["link"])) as response:
                if response.status != 200:  # noqa: PLR2004 - the one success
                    raise failure(response.status, await response.text())
                async for chunk in response.content.iter_chunked(_CHUNK):
                    digest.update(chunk)
                    await draft.write(chunk)
                    bars.advance(bar, len(chunk))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise client.unreachable(error) from error
        if digest.hexdigest() != file["hashes"]["sha256"]:
            raise FailedError(f"{path.name} came with another hash than the stage says.")


@asynccontextmanager
async def _draft(path: Path) -> AsyncIterator[Any]:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        async with aiofiles.open(draft, "wb") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
