"""Servers of HTML pages that have no upload API, run as their users do, each in a new folder."""

import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from tests.support.builders.distributions import Distribution
from tests.support.clients.tools import Tools
from tests.support.servers.nginx import TEMPORARY, free_port, nginx
from tests.support.servers.other_indexes import running_index

_NGINX = """\
daemon off;
user root;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
{temporary}
access_log off;
types {{ application/octet-stream whl; }}
server {{ listen 127.0.0.1:{port}; root {root}; autoindex on; }}
}}
"""


@dataclass(frozen=True, slots=True)
class PageServers:
    """The servers that can be started; *index_url* is the simple index that some of them mirror."""

    tools: Tools
    folder: Path
    index_url: str

    def start(
        self, name: str, distributions: Collection[Distribution]
    ) -> AbstractAsyncContextManager[str]:
        """Run a server of `PAGE_SERVERS` with files; return its simple index."""
        return PAGE_SERVERS[name](self, distributions)

    @asynccontextmanager
    async def nginx(self, distributions: Collection[Distribution]) -> AsyncIterator[str]:
        """Run nginx on folders."""
        root, port = self._saved(distributions), free_port()
        folder = Path(mkdtemp(dir=self.folder))
        temporary = "\n".join(f"{one}_temp_path {folder}/{one};" for one in TEMPORARY)
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _NGINX.format(folder=folder, temporary=temporary, port=port, root=root)
        )
        command = nginx(), "-e", str(folder / "start.log"), "-c", str(configuration)
        async with running_index(*command, port=port, folder=folder):
            yield f"http://127.0.0.1:{port}/simple/"

    @asynccontextmanager
    async def python(self, distributions: Collection[Distribution]) -> AsyncIterator[str]:
        """Run Python's server on folders."""
        root, port = self._saved(distributions), free_port()
        where = ["--bind", "127.0.0.1", "--directory", str(root), str(port)]
        command = [sys.executable, "-m", "http.server", *where]
        async with running_index(*command, port=port, folder=self.folder):
            yield f"http://127.0.0.1:{port}/simple/"

    @asynccontextmanager
    async def simple_repository(
        self, distributions: Collection[Distribution]
    ) -> AsyncIterator[str]:
        """Run simple-repository-server on folders."""
        root, port = self._saved(distributions), free_port()
        where = ["--host", "127.0.0.1", "--port", str(port), str(root / "simple")]
        command = [str(self.tools.command("simple-repository-server")), *where]
        async with running_index(*command, port=port, folder=self.folder):
            yield f"http://127.0.0.1:{port}/simple/"

    @asynccontextmanager
    async def proxpi(self, _: Collection[Distribution]) -> AsyncIterator[str]:
        """Run proxpi in front of the index."""
        port = free_port()
        where = ["--host", "127.0.0.1", "--port", str(port)]
        command = [str(self.tools.command("proxpi")), "--app", "proxpi.server", "run"]
        settings = {"PROXPI_INDEX_URL": self.index_url}
        async with running_index(
            *command, *where, port=port, folder=self.folder, settings=settings
        ):
            yield f"http://127.0.0.1:{port}/index/"

    def _saved(self, distributions: Collection[Distribution]) -> Path:
        """Return a folder in which `simple/` has a folder with the files of each project."""
        root = Path(mkdtemp(dir=self.folder))
        for one in distributions:
            project = root / "simple" / one.filename.partition("-")[0]
            project.mkdir(parents=True, exist_ok=True)
            (project / one.filename).write_bytes(one.content)
        return root


PAGE_SERVERS: Mapping[
    str, Callable[[PageServers, Collection[Distribution]], AbstractAsyncContextManager[str]]
] = {
    "nginx": PageServers.nginx,
    "python": PageServers.python,
    "simple-repository-server": PageServers.simple_repository,
    "proxpi": PageServers.proxpi,
}
