"""Several servers over one PostgreSQL database and one bucket, each in its own process."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.support.servers.nginx import (
    Certificates,
    ProxiedServer,
    free_port,
    running_nginx,
)
from tests.support.servers.postgres import Postgres
from tests.support.servers.processes import Server, running_server
from tests.support.servers.s3 import S3Server

SERVER = ("stageproxy",)
SECRET = "the same secret of all servers of a test"
_ALONE = "server 127.0.0.1:8726;"
# A server that is restarted is asked again at once. Meanwhile its requests go to the next one.
_ONE_OF_SEVERAL = "server {} max_fails=0;"


@dataclass(frozen=True, slots=True)
class SharedStores:
    """An empty database and an empty bucket that several servers share."""

    postgres: Postgres
    database: str
    s3: S3Server
    bucket: str

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings of each of the servers, as variables without their prefix."""
        files = self.s3.settings(self.bucket)
        return {"STORAGE__DATABASE": self.database, "SERVER__SECRET": SECRET, **files}


@dataclass(slots=True)
class ClusterServer:
    """One of several servers: it may be killed, and started again on its port and its data."""

    folder: Path
    settings: Mapping[str, str]
    program: Sequence[str]
    first: Path
    _server: Server | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def running(self) -> Server:
        """Return the server that runs, or ran last."""
        assert self._server is not None
        return self._server

    @property
    def logs(self) -> Path:
        """Return the folder of what all servers in this place have logged."""
        return self.folder / "logs"

    @property
    def url(self) -> str:
        """Return the URL, which is the same after every start."""
        return self.running.url

    async def start(self) -> None:
        """Start the server on the data and the port of the last one."""
        self.logs.mkdir(parents=True, exist_ok=True)
        port = int(self._server.url.rpartition(":")[2]) if self._server else 0
        starting = running_server(
            self.folder / "data",
            logs=self.logs,
            settings=self.settings,
            program=self.program,
            port=port,
            first=self.first,
        )
        self._server = await self._stack.enter_async_context(starting)

    async def kill(self) -> None:
        """Kill the server."""
        await self.running.kill()
        await self.end()

    async def end(self) -> None:
        """Stop the server, if it runs."""
        await self._stack.aclose()

    def log_lines(self) -> list[str]:
        """Return what all servers in this place have logged."""
        return (self.logs / "stderr").read_text().splitlines()


@dataclass(slots=True)
class Cluster:
    """Several servers, the first of which wrote the admin token."""

    servers: Sequence[ClusterServer]
    stores: SharedStores

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,
        count: int,
        stores: SharedStores,
        settings: Mapping[str, str],
        *,
        program: Sequence[str] = SERVER,
    ) -> AsyncIterator["Cluster"]:
        """Run so many servers in folders of their own until the block ends.

        *settings*: more than those of the stores, as variables without their prefix.
        """
        own = {**stores.settings, **settings}
        first = folder / "server-1" / "data"
        folders = [folder / f"server-{number + 1}" for number in range(count)]
        cluster = cls([ClusterServer(one, own, program, first) for one in folders], stores)
        async with AsyncExitStack() as stack:
            for one in cluster.servers:
                stack.push_async_callback(one.end)
            await cluster.servers[0].start()
            async with asyncio.TaskGroup() as group:
                for one in cluster.servers[1:]:
                    group.create_task(one.start())
            yield cluster

    @property
    def urls(self) -> list[str]:
        """Return the URLs of all servers."""
        return [one.url for one in self.servers]

    @property
    def admin_token(self) -> str:
        """Return the token that is valid at every server."""
        return self.servers[0].running.admin_token

    def ask(self, question: str, *values: object) -> list[Any]:
        """Return the rows of the database that answer a question in SQL."""
        with psycopg.connect(self.stores.database, autocommit=True) as connection:
            return connection.execute(question.encode(), values).fetchall()

    def internal_errors(self) -> list[str]:
        """Return the lines of all logs on internal errors."""
        return [line for one in self.servers for line in one.log_lines() if "Traceback" in line]


@asynccontextmanager
async def running_proxied_cluster(
    folder: Path,
    count: int,
    stores: SharedStores,
    settings: Mapping[str, str],
    certificates: Certificates,
) -> AsyncIterator[tuple[Cluster, ProxiedServer]]:
    """Run so many servers behind nginx, which takes them in turn."""
    port = free_port()
    public = f"https://localhost:{port}"
    own = {"SERVER__PUBLIC_URL": public, "SERVER__TRUSTED_PROXIES": "127.0.0.1", **settings}
    async with Cluster.open(folder, count, stores, own) as cluster:
        behind = " ".join(
            _ONE_OF_SEVERAL.format(url.removeprefix("http://")) for url in cluster.urls
        )
        first = cluster.servers[0].running
        async with running_nginx(
            folder / "nginx", port, first.url, certificates, {_ALONE: behind}
        ) as logs:
            yield cluster, ProxiedServer(public, first, logs, certificates.tls_context())
