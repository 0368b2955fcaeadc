"""A small index on which the demo publishes: `python -m stageproxy.cli.demo.throwaway_index`.

It accepts uploads as PyPI does and lists them on simple pages, on this machine
only. It reads the token for uploads from the first line of its standard input,
and ends when the standard input ends.
"""

import asyncio
import hashlib
import hmac
import sys
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click
from aiohttp import BodyPartReader, web
from packaging.utils import canonicalize_name

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.rights import TOKEN_USER, Credential

_FOLDER = web.AppKey("folder", Path)
_AUTHORIZATION = web.AppKey("authorization", str)
_CHUNK = 2**20


def make_app(folder: Path, token: str) -> web.Application:
    """Return an index that stores files in a folder and accepts uploads with a token."""
    app = web.Application()
    app[_FOLDER] = folder
    app[_AUTHORIZATION] = Credential(TOKEN_USER, token).authorization
    app.router.add_post("/legacy/", _accept_upload)
    app.router.add_get("/simple/", _show_projects)
    app.router.add_get("/simple/{project}/", _show_project)
    app.router.add_static("/files/", folder)
    return app


async def _accept_upload(request: web.Request) -> web.Response:
    """Store a file. A file that exists is never replaced."""
    authorization = request.headers.get("Authorization", "")
    if not hmac.compare_digest(authorization.encode(), request.app[_AUTHORIZATION].encode()):
        return _response(
            HTTPStatus.FORBIDDEN, "Invalid or non-existent authentication information."
        )
    fields: dict[str, str] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        if part.name != "content":
            fields[part.name or ""] = await part.text()
            continue
        return await _store(part, request.app[_FOLDER], fields.get("sha256_digest", ""))
    return _response(HTTPStatus.BAD_REQUEST, "Upload payload does not have a file.")


async def _store(part: BodyPartReader, folder: Path, sha256: str) -> web.Response:
    name = Path(part.filename or "").name
    path, draft = folder / name, folder / f".{name}"
    if not name or path.exists():
        return _response(HTTPStatus.BAD_REQUEST, "File already exists.")
    digest = hashlib.sha256()
    with draft.open("wb") as file:
        while chunk := await part.read_chunk(_CHUNK):
            digest.update(chunk)
            await asyncio.to_thread(file.write, chunk)
    if digest.hexdigest() != sha256:
        draft.unlink()
        return _response(HTTPStatus.BAD_REQUEST, "The digest supplied does not match the file.")
    draft.rename(path)
    return _response(HTTPStatus.OK, "OK")


def _response(status: HTTPStatus, text: str) -> web.Response:
    return web.Response(status=status, reason=text, text=text)


async def _show_projects(request: web.Request) -> web.Response:
    """List all projects, as PEP 691 defines it."""
    projects = {_project_of(one) for one in _files_in(request.app[_FOLDER])}
    return _page({"projects": [{"name": one} for one in sorted(filter(None, projects))]})


async def _show_project(request: web.Request) -> web.Response:
    """List the files of a project, as PEP 691 defines it."""
    project = canonicalize_name(request.match_info["project"])
    paths = [one for one in _files_in(request.app[_FOLDER]) if _project_of(one) == project]
    if not paths:
        raise web.HTTPNotFound
    files = [
        {
            "filename": path.name,
            "url": f"../../files/{path.name}",
            "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
        }
        for path in paths
    ]
    return _page({"name": project, "files": files})


def _page(document: Mapping[str, Any]) -> web.Response:
    page = {"meta": {"api-version": "1.0"}, **document}
    return web.json_response(page, content_type=SimpleType.V1_JSON)


def _files_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*"))


def _project_of(path: Path) -> str | None:
    try:
        return parse_distribution_name(path.name).project
    except ValueError:
        return None


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
def main(folder: Path) -> None:
    """Serve FOLDER as an index on a free port, until the standard input ends."""
    asyncio.run(_serve(folder, sys.stdin.readline().strip()))


async def _serve(folder: Path, token: str) -> None:
    runner = web.AppRunner(make_app(folder, token), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        click.echo(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    main(prog_name="python -m stageproxy.cli.demo.throwaway_index")
