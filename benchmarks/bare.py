"""A minimal server for files: aiohttp alone, on a local port.

`python -m benchmarks.bare FOLDER` prints its URL.
"""

import asyncio
import hashlib
import sys
from pathlib import Path

from aiohttp import BodyPartReader, web

_CHUNK = 2**20
_FOLDER = web.AppKey("folder", Path)


async def upload(request: web.Request) -> web.Response:
    """Hash the file of a form and write it to the disk."""
    digest = hashlib.sha256()
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.filename:
            with (request.app[_FOLDER] / "uploaded").open("wb") as file:
                while chunk := await part.read_chunk(_CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
    return web.Response(text=digest.hexdigest())


async def download(request: web.Request) -> web.FileResponse:
    """Serve the last uploaded file."""
    return web.FileResponse(request.app[_FOLDER] / "uploaded")


async def serve(folder: Path) -> None:
    """Serve until the process is killed."""
    app = web.Application()
    app[_FOLDER] = folder
    app.add_routes([web.post("/", upload), web.get("/", download)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)  # noqa: T201 - read by the parent process
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
