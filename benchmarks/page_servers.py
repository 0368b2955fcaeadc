"""An index with one large page, and a minimal server of that page: both from memory.

`python -m benchmarks.page_servers upstream` and `… bare FOLDER` print their URLs.
"""

import asyncio
import gzip
import hashlib
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from tests.support.builders.stages import a_listed_entry, as_json

PROJECT = "numpy"
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
FILES = 4400
PLAIN, PACKED = "plain", "packed"

_A_RELEASE = 44
_LIKE_PYPI = {
    "Content-Type": JSON_PAGE,
    "Cache-Control": "max-age=600, public",
    "Vary": "Accept-Encoding, Accept",
    "X-PyPI-Last-Serial": "7",
}


def a_large_page() -> bytes:
    """Return a page as large as numpy's: 4,400 files, 2.9 MB of JSON."""
    entries = [_an_entry(number) for number in range(FILES)]
    page = {
        "files": entries,
        "meta": {"_last-serial": 7, "api-version": "1.4"},
        "name": PROJECT,
        "project-status": {"status": "active"},
        "versions": [f"1.{number}.0" for number in range(FILES // _A_RELEASE)],
    }
    return as_json(page)


def _an_entry(number: int) -> dict[str, Any]:
    release, build = divmod(number, _A_RELEASE)
    tag = f"cp3{build}-cp3{build}-manylinux_2_27_x86_64.manylinux_2_28_x86_64"
    filename = f"{PROJECT}-1.{release}.0-{tag}.whl"
    digest = hashlib.sha256(filename.encode()).hexdigest()
    metadata = {"sha256": digest[::-1]}
    folder = f"{digest[:2]}/{digest[2:4]}/{digest[4:]}"
    entry = a_listed_entry(
        filename,
        requires_python=">=3.11",
        size=16_000_000 + number,
        url=f"https://files.example.org/packages/{folder}/{filename}",
    )
    return {**entry, "core-metadata": metadata, "data-dist-info-metadata": metadata}


def upstream() -> dict[str, Handler]:
    """Return the application of an index: the page, compressed on request, and 304."""
    plain = a_large_page()
    packed = gzip.compress(plain, mtime=0)
    etag = f'"{hashlib.sha256(plain).hexdigest()[:22]}"'

    async def page(request: web.Request) -> web.Response:
        headers = {**_LIKE_PYPI, "ETag": etag}
        if etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=packed, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=plain, headers=headers)

    return {f"/simple/{PROJECT}/": page}


def bare(folder: Path) -> dict[str, Handler]:
    """Return an application that returns stored bytes for any request."""
    return {
        f"/{PLAIN}": _answering((folder / PLAIN).read_bytes(), _LIKE_PYPI),
        f"/{PACKED}": _answering(
            (folder / PACKED).read_bytes(), {**_LIKE_PYPI, "Content-Encoding": "gzip"}
        ),
        "/not-modified": _answering(b"", _LIKE_PYPI, status=304),
    }


def _answering(body: bytes, headers: dict[str, str], *, status: int = 200) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body or None, headers=headers, status=status)

    return answer


async def serve(handlers: dict[str, Handler]) -> None:
    """Serve until the process is killed."""
    app = web.Application()
    app.add_routes([web.get(path, handler) for path, handler in handlers.items()])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)  # noqa: T201 - read by the parent process
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(upstream() if sys.argv[1] == "upstream" else bare(Path(sys.argv[2]))))
