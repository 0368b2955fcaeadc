"""The pages on recovery, followed step by step: every command is run, and prints what it shows."""

import asyncio
import hashlib
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.support.builders.distributions import a_wheel
from tests.support.clients.clients import clean_environment
from tests.support.console_examples import Step, assert_as_shown, placed, script, steps
from tests.support.database import execute
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.nginx import free_port
from tests.support.servers.processes import ROOT, put_commands, run, running_server

pytestmark = pytest.mark.journey

PAGE = (ROOT / "docs" / "how-to" / "recovery.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", PAGE, re.MULTILINE))
WHEEL, NEWER = a_wheel("demo", "1.0"), a_wheel("newer", "1.0")

# Starts and stops one server as systemd does: `start` returns when it is ready.
SYSTEMCTL = """#!/bin/bash
case "$1" in
stop) test -f server.pid || exit 0
    kill "$(cat server.pid)"; tail --pid "$(cat server.pid)" --sleep-interval 0.05 -f /dev/null
    rm server.pid ;;
restart) "$0" stop && "$0" start ;;
start) rm -f server.out && touch server.out
    stageproxy serve --port "$PORT" > server.out 2> server.err < /dev/null &
    echo $! > server.pid
    until grep -q "is ready" server.out; do kill -0 $! || exit 1; sleep 0.05; done ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine of an operator, in a folder, with a port for its server."""

    root: Path
    port: int
    upstream: str

    @property
    def data(self) -> Path:
        """Return the data directory."""
        return self.root / "lib"

    @property
    def backups(self) -> Path:
        """Return the folder of backups."""
        return self.root / "srv" / "backups"

    @property
    def url(self) -> str:
        """Return the URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    async def follow(self, *todo: Step) -> None:
        """Run the commands of a page in one shell, and compare what they print."""
        places = {
            "/var/lib/stageproxy": str(self.data),
            "/srv": str(self.root / "srv"),
            "/tmp/": f"{self.root}/",
        }
        commands = [placed(step, places) for step in todo]
        clean = clean_environment()
        environment = {
            **clean,
            "PATH": f"{self.root / 'bin'}:{Path(sys.executable).parent}:{clean['PATH']}",
            "PORT": str(self.port),
            "STAGEPROXY_STORAGE__DATA": str(self.data),
            "STAGEPROXY_UPSTREAM__URL": self.upstream,
            "COLUMNS": "500",
        }
        done = await run("bash", "-c", script(commands), environment=environment, folder=self.root)
        assert_as_shown(commands, done)

    async def staged(self) -> dict[str, str]:
        """Return the projects that are staged, with the SHA-256 of what their stages serve."""
        token = (self.data / "admin.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with ClientSession() as session:
            async with session.get(f"{self.url}/api/stages", headers=headers) as response:
                stages = json.loads(await response.read())["stages"]
            served = {}
            for stage in stages:
                for file in stage["files"].values():
                    async with session.get(file["link"]) as response:
                        content = await response.read()
                    served[stage["project"]] = hashlib.sha256(content).hexdigest()
            return served


def command(line: str) -> Step:
    """Return a command that prints nothing."""
    return Step(line, ())


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a machine with a backup of demo, and with newer, which came after the backup.

    Its backup was made by the steps of the page.
    """
    root = tmp_path_factory.mktemp("origin")
    asyncio.run(_fill(root))
    return root


async def _fill(root: Path) -> None:
    put_commands(root / "bin")
    systemctl = root / "bin" / "systemctl"
    systemctl.write_text(SYSTEMCTL)
    systemctl.chmod(0o755)
    async with (
        FakeIndex.running() as index,
        running_server(root / "lib", logs=root, settings={"UPSTREAM__URL": index.url}) as server,
    ):
        await server.stage(WHEEL)
        machine = Machine(root, 0, index.url)
        await machine.follow(*steps(SECTIONS["Make backups"]))
        await server.stage(NEWER)


@pytest.fixture
async def machine(origin: Path, tmp_path: Path) -> AsyncIterator[Machine]:
    """Return a machine of its own, whose server is stopped at the end."""
    root = tmp_path / "machine"
    shutil.copytree(origin, root)
    async with FakeIndex.running() as index:
        machine = Machine(root, free_port(), index.url)
        try:
            yield machine
        finally:
            await machine.follow(command("systemctl stop stageproxy"))


def lose_disk(machine: Machine) -> None:
    """Lose everything but the backups."""
    shutil.rmtree(machine.data)


def lose_half(machine: Machine) -> None:
    """Lose everything, and a file of the backup."""
    lose_disk(machine)
    next((machine.backups / "files").iterdir()).unlink()


def lose_catalogue(machine: Machine) -> None:
    """Lose the database only."""
    for path in machine.data.glob("catalogue.db*"):
        path.unlink()


def damage_catalogue(machine: Machine) -> None:
    """Overwrite pages of the database."""
    path = machine.data / "catalogue.db"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * 16384 + content[20480:])


def update(machine: Machine) -> None:
    """Do what a newer version does to the database, and what it copies before."""
    path = machine.data / "catalogue.db"
    copy = machine.data / "backups" / "catalogue.db.before-m9999_of_the_future"
    copy.parent.mkdir(exist_ok=True)
    execute(path, f"VACUUM INTO '{copy}'")
    execute(
        path,
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
        "VALUES ('stageproxy', 'm9999_of_the_future', 'later')",
    )


def lose(name: str) -> Callable[[Machine], None]:
    """Return a loss of one file of the data directory."""
    return lambda machine: (machine.data / name).unlink()


OLD, BOTH = {"demo": WHEEL.sha256}, {"demo": WHEEL.sha256, "newer": NEWER.sha256}


CASES = [
    ("The disk is lost", lose_disk, False, OLD),
    ("Only half of a backup is left", lose_half, False, {}),
    ("The backup is older than the files", lose_catalogue, False, OLD),
    ("The secret is lost", lose("secret"), True, BOTH),
    ("The admin token is lost", lose("admin.token"), True, BOTH),
    ("The database is damaged", damage_catalogue, False, OLD),
    ("The disk is full", lambda _: None, True, BOTH),
    ("An update has to be undone", update, False, BOTH),
]
"""The sections: what is lost, whether the server runs, and what it serves at the end."""


@pytest.mark.parametrize(
    ("heading", "loss", "is_running", "left"), CASES, ids=[case[0] for case in CASES]
)
async def test_recovery(
    machine: Machine,
    heading: str,
    loss: Callable[[Machine], None],
    left: dict[str, str],
    *,
    is_running: bool,
) -> None:
    """After the steps of a section, the server serves what was not lost, byte for byte."""
    loss(machine)
    start = [command("systemctl start stageproxy")] if is_running else []

    await machine.follow(*start, *steps(SECTIONS[heading]))

    assert await machine.staged() == left


def test_every_section_is_followed() -> None:
    """No section of the page is left out."""
    assert ["Make backups", *(case[0] for case in CASES)] == [*SECTIONS]
