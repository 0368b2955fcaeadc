"""Other servers in front of the same index, each in one process and with its own defaults."""

import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiohttp import BasicAuth, ClientSession

from benchmarks.run import BUILD
from benchmarks.servers.children import Child, running_command
from benchmarks.servers.upstream import FILES, filenames
from tests.support.clients.clients import clean_environment
from tests.support.clients.tools import Tools
from tests.support.servers.nginx import TEMPORARY, free_port, nginx
from tests.support.servers.processes import run

_NGINX = """\
daemon off;
worker_processes 1;
user root;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
{temporary}
access_log {folder}/access.log;
sendfile {sendfile};
proxy_cache_path {folder}/cache keys_zone=pages:10m;
server {{
listen 127.0.0.1:{port};
location / {{ proxy_pass {upstream}; proxy_cache pages; }}
}}
}}
"""
_NO_MIRROR = "It mirrors nothing: it lists a folder with the files of all projects."
_PERYX = """\
port = {port}
data_dir = "{folder}/data"
[[index]]
name = "pypi"
route = "pypi"
ecosystem = "pypi"
[[index.upstream]]
name = "upstream"
url = "{upstream}/simple/"
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server: the folder of its project pages, its process, and what is different."""

    pages: str
    pid: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Peers:
    """Starts other servers, each in a new folder. Their environments outlive a run."""

    folder: Path
    upstream: str
    tools: Tools

    @classmethod
    def in_folder(cls, folder: Path, upstream: str) -> "Peers":
        """Return the servers that mirror the index with this URL."""
        environments = BUILD / "environments"
        environments.mkdir(parents=True, exist_ok=True)
        return cls(folder, upstream, Tools(environments))

    def start(self, name: str) -> AbstractAsyncContextManager[Peer]:
        """Run a server of `STARTS`; install it if necessary."""
        return STARTS[name](self)

    @asynccontextmanager
    async def nginx(self, sendfile: str = "off") -> AsyncIterator[Peer]:
        """Run nginx with a cache on the disk. By default it reads files itself to send them."""
        folder, port = self._new_folder(f"nginx-sendfile-{sendfile}"), free_port()
        temporary = "\n".join(f"{one}_temp_path {folder}/{one};" for one in TEMPORARY)
        text = _NGINX.format(
            folder=folder,
            temporary=temporary,
            port=port,
            sendfile=sendfile,
            upstream=self.upstream,
        )
        (folder / "nginx.conf").write_text(text)
        command = (nginx(), "-e", str(folder / "start.log"), "-c", str(folder / "nginx.conf"))
        async with running_command(command, port, folder) as child:
            yield Peer(f"{child.url}/simple/", child.pid)

    @asynccontextmanager
    async def devpi(self) -> AsyncIterator[Peer]:
        """Run devpi-server with its mirror of PyPI, set to the index."""
        folder, port = self._new_folder("devpi-server"), free_port()
        data = ("--serverdir", str(folder / "data"))
        init = str(self.tools.command("devpi-server", "devpi-init"))
        (await run(init, *data, environment=clean_environment())).ok()
        server = str(self.tools.command("devpi-server"))
        command = (server, *data, "--host", "127.0.0.1", "--port", str(port))
        async with running_command(command, port, folder) as child:
            changes = [f"mirror_url={self.upstream}/simple/"]
            auth = BasicAuth("root", "")
            url = f"{child.url}/root/pypi"
            async with (
                ClientSession(auth=auth) as session,
                session.patch(url, json=changes) as done,
            ):
                done.raise_for_status()
            yield self._peer("devpi-server", child, "root/pypi/+simple")

    @asynccontextmanager
    async def pypiserver(self) -> AsyncIterator[Peer]:
        """Run pypiserver on a folder of empty files with the same names: it mirrors nothing."""
        folder, port = self._new_folder("pypiserver"), free_port()
        files = folder / "files"
        files.mkdir()
        for project in FILES:
            for name in filenames(project):
                (files / name).touch()
        where = ("--interface", "127.0.0.1", "--port", str(port), "--disable-fallback")
        command = (str(self.tools.command("pypiserver")), "run", *where, str(files))
        async with running_command(command, port, folder) as child:
            yield self._peer("pypiserver", child, "simple", _NO_MIRROR)

    @asynccontextmanager
    async def proxpi(self) -> AsyncIterator[Peer]:
        """Run proxpi."""
        folder, port = self._new_folder("proxpi"), free_port()
        flask = str(self.tools.command("proxpi"))
        where = ("run", "--host", "127.0.0.1", "--port", str(port))
        settings = {"PROXPI_INDEX_URL": f"{self.upstream}/simple/"}
        command = (flask, "--app", "proxpi.server", *where)
        async with running_command(command, port, folder, settings) as child:
            yield self._peer("proxpi", child, "index")

    @asynccontextmanager
    async def simple_repository(self) -> AsyncIterator[Peer]:
        """Run simple-repository-server."""
        folder, port = self._new_folder("simple-repository-server"), free_port()
        server = str(self.tools.command("simple-repository-server"))
        where = ("--host", "127.0.0.1", "--port", str(port), f"{self.upstream}/simple/")
        async with running_command((server, *where), port, folder) as child:
            yield self._peer("simple-repository-server", child, "simple")

    @asynccontextmanager
    async def peryx(self) -> AsyncIterator[Peer]:
        """Run peryx."""
        folder, port = self._new_folder("peryx"), free_port()
        text = _PERYX.format(port=port, folder=folder, upstream=self.upstream)
        (folder / "peryx.toml").write_text(text)
        command = (str(self.tools.command("peryx")), "serve", "-c", str(folder / "peryx.toml"))
        async with running_command(command, port, folder) as child:
            yield self._peer("peryx", child, "pypi/simple")

    def _peer(self, name: str, child: Child, path: str, note: str = "") -> Peer:
        version = f"Version {self.tools.version(name)}."
        return Peer(f"{child.url}/{path}/", child.pid, f"{version} {note}".strip())

    def _new_folder(self, name: str) -> Path:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


STARTS: Mapping[str, Callable[[Peers], AbstractAsyncContextManager[Peer]]] = {
    "nginx with `proxy_cache`": Peers.nginx,
    "nginx with `proxy_cache` and `sendfile`": partial(Peers.nginx, sendfile="on"),
    "peryx": Peers.peryx,
    "proxpi": Peers.proxpi,
    "devpi-server": Peers.devpi,
    "pypiserver": Peers.pypiserver,
    "simple-repository-server": Peers.simple_repository,
}
