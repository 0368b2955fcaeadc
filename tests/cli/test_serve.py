"""`stageproxy serve`: the first start, and reasons to refuse to start."""

import socket
import sys
from pathlib import Path

import pytest
from sqlite_utils import Database as Tables

from stageproxy.core.rights import parse_token
from stageproxy.store.directory import DataDirectory
from tests.support.servers.processes import CommandResult, own_environment, run, running_server

pytestmark = pytest.mark.journey

UPSTREAM = {"STAGEPROXY_UPSTREAM__URL": "http://127.0.0.1:1"}


async def serve(data: Path, *options: str, **settings: str) -> CommandResult:
    """Run a server that does not start."""
    return await run(
        *(sys.executable, "-m", "stageproxy", "serve", "--data", str(data), *options),
        environment={**own_environment(), **UPSTREAM, **settings},
        seconds=20,
    )


async def test_first_start(tmp_path: Path) -> None:
    """The first start writes an admin token and prints its path; the second changes nothing."""
    data = tmp_path / "data"
    for _ in range(2):
        async with running_server(
            data, logs=tmp_path, settings={"UPSTREAM__URL": "http://127.0.0.1:1"}
        ) as server:
            status, _ = await server.ask("GET", "/api/tokens")
            assert status == 200

    ready = f"stageproxy is ready on {server.url}"
    first, second, third = (tmp_path / "stdout").read_text().splitlines()
    assert first == f"An admin token was written to {data / 'admin.token'}"
    assert second.startswith("stageproxy is ready on ")
    assert third == ready
    assert parse_token(server.admin_token) is not None
    assert not (data / "server.url").exists()


async def test_second_server(tmp_path: Path) -> None:
    """A data directory that another server uses is refused: exit code 1."""
    with DataDirectory(tmp_path).locked():
        done = await serve(tmp_path, "--port", "0")

    assert (done.code, done.stdout) == (1, "")
    assert f"Error: A server already uses the data directory {tmp_path}." in done.stderr


async def test_newer_data(tmp_path: Path) -> None:
    """Data of a newer version of stageproxy is refused, without a traceback."""
    step = {"migration_set": "stageproxy", "name": "m9999_later", "applied_at": "later"}
    with Tables(tmp_path / "catalogue.db", execute_plugins=False) as tables:
        tables.table("_sqlite_migrations").insert(step)

    done = await serve(tmp_path, "--port", "0")

    assert (done.code, done.stdout) == (1, "")
    assert "written by a newer stageproxy" in done.stderr
    assert "Traceback" not in done.stderr


async def test_port_in_use(tmp_path: Path) -> None:
    """A port that is in use is reported."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = await serve(tmp_path, "--port", port)

    assert (done.code, done.stdout) == (1, "")
    assert (
        f"Error: Cannot listen on 127.0.0.1 port {port}: Address already in use. Stop what listens "
        "there, or set another port with server.port or --port."
    ) in done.stderr


async def test_data_directory_that_cannot_be_created(tmp_path: Path) -> None:
    """A data directory that cannot be created is reported, without a traceback."""
    (tmp_path / "file").touch()

    done = await serve(tmp_path / "file" / "data", "--port", "0")

    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.endswith(
        f"The data directory {tmp_path}/file/data cannot be created: Not a directory. "
        "Move away what is in its place.\n"
    )


async def test_empty_secret(tmp_path: Path) -> None:
    """A server does not start with an empty secret."""
    (tmp_path / "secret").touch(mode=0o600)

    done = await serve(tmp_path, "--port", "0")

    assert (done.code, done.stdout) == (1, "")
    assert "secret is empty" in done.stderr


async def test_unknown_setting(tmp_path: Path) -> None:
    """A server does not start with an unknown setting."""
    done = await serve(tmp_path, STAGEPROXY_SERVER__PROT="1")

    assert (done.code, done.stdout) == (1, "")
    assert done.stderr == "Error: server.prot: there is no such setting. Check its spelling.\n"
