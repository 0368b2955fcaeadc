"""Commands that are run against a server in another thread."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from stageproxy.cli import main
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import (
    CommandResult,
    Server,
    own_environment,
    run,
    running_server,
)
from tests.support.servers.thread import running_in_thread
from tests.support.stored_files import stored_file
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN

UNUSED_URL = "http://127.0.0.1:1"
"""A URL without a server."""

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """Runs commands, without any settings of this machine."""

    folder: Path
    url: str
    data: Path
    token: str = field(repr=False)
    project: str

    def run(self, *arguments: object, token: str | None = None) -> CommandResult:
        """Run a command against the server, by default with the admin token."""
        variables = {"STAGEPROXY_SERVER": self.url, "STAGEPROXY_TOKEN": token or self.token}
        return self.run_in_environment(variables, *arguments)

    def run_with_input(self, text: str, *arguments: object) -> CommandResult:
        """Run a command with text on its standard input."""
        variables = {"STAGEPROXY_SERVER": self.url, "STAGEPROXY_TOKEN": self.token}
        return self.run_in_environment(variables, *arguments, typed=text)

    def run_in_process(self, *arguments: str, token: str | None = None) -> CommandResult:
        """Run a command in its own process."""
        variables = {"STAGEPROXY_SERVER": self.url, "STAGEPROXY_TOKEN": token or self.token}
        return asyncio.run(
            run(
                *(sys.executable, "-m", "stageproxy", *arguments),
                environment={**own_environment(), **variables},
            )
        )

    def run_in_terminal(self, typed: str, *arguments: str) -> tuple[int, str]:
        """Run a command in a terminal, type text, and return its exit code and output."""
        own, other = pty.openpty()
        variables = {"STAGEPROXY_SERVER": self.url, "STAGEPROXY_TOKEN": self.token, "TERM": "xterm"}
        with subprocess.Popen(
            [sys.executable, "-m", "stageproxy", *arguments],
            env={**own_environment(), **variables, "COLUMNS": "200"},
            stdin=other,
            stdout=other,
            stderr=other,
        ) as process:
            os.close(other)
            os.write(own, typed.encode())
            text = b"".join(iter(lambda: _read(own), b""))
        os.close(own)
        return process.returncode, text.decode()

    def run_redirected(self, typed: str, *arguments: str) -> CommandResult:
        """Run a command in a terminal whose output is redirected, and type text."""
        own, other = pty.openpty()
        variables = {"STAGEPROXY_SERVER": self.url, "STAGEPROXY_TOKEN": self.token}
        with subprocess.Popen(
            [sys.executable, "-m", "stageproxy", *arguments],
            env={**own_environment(), **variables},
            stdin=other,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            os.close(other)
            os.write(own, typed.encode())
            output = process.communicate(timeout=60)
        os.close(own)
        return CommandResult(process.returncode, *output)

    def run_and_signal(
        self,
        number: signal.Signals,
        when: Callable[[], bool],
        environment: dict[str, str],
        *arguments: str,
    ) -> CommandResult:
        """Run a command in its own process, and send it a signal once *when* returns true."""
        process = subprocess.Popen(
            [sys.executable, "-m", "stageproxy", *arguments],
            env={**own_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            while not when():
                assert process.poll() is None, process.communicate()
                time.sleep(0.02)
            process.send_signal(number)
            output = process.communicate(timeout=60)
        finally:
            process.kill()
        return CommandResult(process.returncode, *output)

    def run_in_environment(
        self, environment: dict[str, str], *arguments: object, typed: str | None = None
    ) -> CommandResult:
        """Run a command with an *environment*, and without a server of this machine."""
        none = {"STAGEPROXY_SERVER": None, "STAGEPROXY_TOKEN": None}
        data = {"STAGEPROXY_STORAGE__DATA": str(self.folder / "no-data")}
        done = CliRunner().invoke(
            main,
            [str(one) for one in arguments],
            input=typed,
            env={**none, **data, **environment},
            prog_name="stageproxy",
        )
        # A traceback is always an error.
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return CommandResult(done.exit_code, done.stdout, done.stderr)

    def json(self, *arguments: object, token: str | None = None) -> Any:
        """Run a command that succeeds, and return the document that it prints."""
        ended = self.run(*arguments, "--json", token=token)
        assert (ended.code, ended.stderr) == (0, "")
        return ended.document

    def save(self, distribution: Distribution) -> Path:
        """Write a file as a build does."""
        path = self.folder / distribution.filename
        path.write_bytes(distribution.content)
        return path

    def wheel(self, version: str = "1.0", summary: str = "A demo") -> Path:
        """Write a wheel of the own project."""
        return self.save(a_wheel(self.project, version, summary=summary))

    def release(self, *tags: str) -> tuple[Path, ...]:
        """Write wheels of the own project for these platforms, and its sdist."""
        wheels = (a_wheel(self.project, tag=f"py3-none-{one}") for one in tags or ("any",))
        return tuple(map(self.save, (*wheels, an_sdist(self.project))))

    def staged(self, *files: Path) -> Any:
        """Upload files, and return their stage."""
        return self.json("upload", *(files or (self.wheel(),)))["stage"]

    def new_token(self, can: str = "upload", *more: str) -> str:
        """Create an API token for the own project."""
        made = self.json("token", "new", "--project", self.project, "--can", can, *more)
        return str(made["token"])

    def stored_file(self, sha256: str) -> Path:
        """Return the path at which the server stores a file."""
        return stored_file(self.data, sha256)


def _read(terminal: int) -> bytes:
    """Return the next output of a terminal, or nothing once it is closed."""
    try:
        return os.read(terminal, 2**16)
    except OSError:
        return b""


def promotion_of(stage: Any) -> tuple[str, ...]:
    """Return the command that publishes the files of a stage as they are in its document."""
    return "promote", stage["id"], "--manifest", stage["manifest-digest"]


def new_project_name() -> str:
    """Return the name of a project that no other test uses."""
    return f"cli-demo-{next(_numbers)}"


@dataclass(frozen=True, slots=True)
class ServerWithIndex:
    """A server, and the index that is both its upstream and its publish target."""

    server: Server
    index: FakeIndex


@asynccontextmanager
async def _server_with_index(folder: Path) -> AsyncIterator[ServerWithIndex]:
    async with FakeIndex.running() as index:
        settings = {
            "UPSTREAM__URL": index.url,
            "STAGE__MAX_PER_PROJECT": "3",
            **promotion_environment(index),
        }
        async with running_server(folder / "data", logs=folder, settings=settings) as server:
            yield ServerWithIndex(server, index)


def promotion_environment(index: FakeIndex) -> dict[str, str]:
    """Return the settings to publish on an index with short pauses."""
    return {
        "PROMOTION__REPOSITORY_URL": f"{index.url}/legacy/",
        "PROMOTION__INDEX_URL": f"{index.url}/simple/",
        "PROMOTION__TOKEN": UPLOAD_TOKEN,
        "PROMOTION__POLL": "0.05",
    }


def server_with_index_in_thread(folder: Path) -> AbstractContextManager[ServerWithIndex]:
    """Run a server and its index in another thread."""
    return running_in_thread(lambda: _server_with_index(folder))
