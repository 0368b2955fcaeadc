"""Minimal servers of uploads: aiohttp alone, which parses a form, hashes its file and flushes it.

`python -m benchmarks.bare_uploads FOLDER` prints its URL. `/same` makes the digests that the server
makes before it answers, `/sha256` that one alone.
"""

import asyncio
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, web

_CHUNK = 2**20
_FOLDER = web.AppKey("folder", Path)


async def upload_same(request: web.Request) -> web.Response:
    """Make SHA-256 and BLAKE2b of the file of a form, write it to the disk and flush it."""
    return await _upload(request, [hashlib.sha256(), hashlib.blake2b(digest_size=32)])


async def upload_sha256(request: web.Request) -> web.Response:
    """Make SHA-256 alone of the file of a form, write it to the disk and flush it."""
    return await _upload(request, [hashlib.sha256()])


async def _upload(request: web.Request, digests: Sequence[Any]) -> web.Response:
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise web.HTTPBadRequest
        if not part.filename:
            await part.read()
            continue
        with (request.app[_FOLDER] / "uploaded").open("wb", buffering=0) as file:
            while chunk := await part.read_chunk(_CHUNK):
                for digest in digests:
                    digest.update(chunk)
                file.write(chunk)
            os.fsync(file.fileno())
    return web.Response(text="\n".join(digest.hexdigest() for digest in digests))


async def serve(folder: Path) -> None:
    """Serve until the process is killed."""
    app = web.Application()
    app[_FOLDER] = folder
    app.add_routes([web.post("/same", upload_same), web.post("/sha256", upload_sha256)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)  # noqa: T201 - read by the parent process
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
