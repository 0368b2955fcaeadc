"""pip and uv themselves, run on a local index: the file that they ask for first, or select."""

import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from stageproxy.core.index.pages import Listing, version_in
from stageproxy.core.review.impact.targets import Target
from tests.batteries.installer_choices import JSON_PAGE, as_asked_of_pip
from tests.support.clients.clients import clean_environment
from tests.support.servers.processes import CommandResult, run
from tests.support.servers.runner import running

PLATFORMS_OF_UV: Mapping[str, str] = {
    "manylinux x86_64": "x86_64-manylinux_2_40",
    "manylinux aarch64": "aarch64-manylinux_2_40",
    "musllinux x86_64": "x86_64-unknown-linux-musl",
    "musllinux aarch64": "aarch64-unknown-linux-musl",
    "macosx x86_64": "x86_64-apple-darwin",
    "macosx arm64": "aarch64-apple-darwin",
    "win amd64": "x86_64-pc-windows-msvc",
    "win arm64": "aarch64-pc-windows-msvc",
}
"""What uv calls the platforms. It knows no PyPy or free-threaded CPython of another machine."""

_NEWEST_MACOS = "26.0"
_METADATA = ".metadata"
_SELECTED = re.compile(r"Selecting: \S+ \[\w+\] \((\S+)\)")
"""The line of uv's log that names the file that it selects."""


@dataclass
class LocalIndex:
    """An index of one project. Its wheels have only metadata, and its sdists cannot be fetched."""

    project: str
    listing: Listing
    asked_for: list[str] = field(default_factory=list)

    @property
    def app(self) -> web.Application:
        """The server."""
        app = web.Application()
        app.router.add_get("/simple/{project}/", self._page)
        app.router.add_get("/files/{filename}", self._file)
        return app

    async def _page(self, request: web.Request) -> web.Response:
        if request.match_info["project"] != self.project:
            raise web.HTTPNotFound
        files: list[Mapping[str, object]] = [
            {
                "filename": one.filename,
                "url": f"/files/{one.filename}",
                "hashes": {},
                "requires-python": one.requires_python,
                "yanked": one.yanked is not None,
                "core-metadata": one.filename.endswith(".whl"),
            }
            for one in self.listing.files.values()
        ]
        page = {"meta": {"api-version": "1.1"}, "name": self.project, "files": files}
        return web.json_response(page, content_type=JSON_PAGE)

    async def _file(self, request: web.Request) -> web.Response:
        filename = request.match_info["filename"]
        self.asked_for.append(filename.removesuffix(_METADATA))
        if not filename.endswith(_METADATA):
            raise web.HTTPNotFound
        version = version_in(filename.removesuffix(_METADATA))
        return web.Response(
            text=f"Metadata-Version: 2.1\nName: {self.project}\nVersion: {version}\n"
        )


@dataclass(frozen=True)
class Installers:
    """pip in a folder, and uv, which ask a local index."""

    index: LocalIndex
    url: str
    pip: Path
    folder: Path

    async def pip_chooses(self, target: Target, version: str) -> str | None:
        """Return the file that `pip download` asks for first."""
        asked = as_asked_of_pip(target)
        command = [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir"),
            *("--index-url", f"{self.url}/simple/", "--dest", str(self.folder)),
            *("--python-version", ".".join(map(str, asked["python"]))),
            *("--implementation", asked["implementation"], "--abi", *asked["abis"]),
            *(part for one in asked["platforms"] for part in ("--platform", one)),
            f"{self.index.project}<={version}",
        ]
        await self._run(command, {"PYTHONPATH": str(self.pip)})
        return next(iter(self.index.asked_for), None)

    async def uv_chooses(self, target: Target, version: str) -> str | None:
        """Return the file that `uv pip compile` selects."""
        wanted = self.folder / "wanted.in"
        wanted.write_text(f"{self.index.project}<={version}\n")
        command = [
            *("uv", "pip", "compile", str(wanted), "--no-deps", "--no-cache", "--verbose"),
            *("--python", sys.executable),
            *("--default-index", f"{self.url}/simple/", "--python-version", f"{target.python}.99"),
            *("--python-platform", PLATFORMS_OF_UV[target.platform]),
        ]
        done = await self._run(command, {"MACOSX_DEPLOYMENT_TARGET": _NEWEST_MACOS})
        selected = _SELECTED.findall(done.stderr)
        return selected[-1] if selected else None

    async def _run(self, command: Sequence[str], more: Mapping[str, str]) -> CommandResult:
        self.index.asked_for.clear()
        path = f"{Path(sys.executable).parent}:"
        environment = clean_environment()
        environment["PATH"] = path + environment.get("PATH", "")
        return await run(*command, environment={**environment, **more}, folder=self.folder)


@asynccontextmanager
async def installers(
    project: str, listing: Listing, pip: Path, folder: Path
) -> AsyncIterator[Installers]:
    """Serve a listing of a project, for pip and uv."""
    index = LocalIndex(project, listing)
    async with running(web.AppRunner(index.app)) as url:
        yield Installers(index, url, pip, folder)
