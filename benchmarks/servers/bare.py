"""A minimal server: aiohttp alone, with one handler for each answer.

`python -m benchmarks.servers.bare FOLDER` prints its URL. `/NAME` has the answer that was saved
under this name, from memory; `/sendfile/NAME` has its body from the file.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession, web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from benchmarks.servers.serving import serve

_OWN = frozenset({"Connection", "Content-Length", "Date", "Server", "Transfer-Encoding"})
"""Headers that each server writes itself."""


@dataclass(frozen=True, slots=True)
class Answers:
    """A folder of answers that a minimal server repeats."""

    folder: Path

    async def save(self, name: str, url: str, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Save what a server answers, and return the headers."""
        async with (
            ClientSession(auto_decompress=False) as session,
            session.get(url, headers=headers, skip_auto_headers=["Accept-Encoding"]) as answer,
        ):
            answer.raise_for_status()
            body = await answer.read()
            shared = {key: text for key, text in answer.headers.items() if key not in _OWN}
            described = {"status": answer.status, "headers": shared}
        (self.folder / name).write_bytes(body)
        (self.folder / f"{name}.json").write_text(json.dumps(described))
        return CIMultiDict(shared)


def application(folder: Path) -> web.Application:
    """Return an application with the saved answers."""
    app = web.Application()
    for described in folder.glob("*.json"):
        app.add_routes(
            [
                web.get(f"/{described.stem}", _from_memory(described)),
                web.get(f"/sendfile/{described.stem}", _from_file(described)),
            ]
        )
    return app


def _from_memory(described: Path) -> Handler:
    answer = json.loads(described.read_text())
    status, headers = answer["status"], answer["headers"]
    body = described.with_suffix("").read_bytes() or None

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, headers=headers, status=status)

    return handler


def _from_file(described: Path) -> Handler:
    headers = json.loads(described.read_text())["headers"]
    path = described.with_suffix("")

    async def handler(_: web.Request) -> web.FileResponse:
        return web.FileResponse(path, headers=headers)

    return handler


if __name__ == "__main__":
    asyncio.run(serve(application(Path(sys.argv[1]))))
