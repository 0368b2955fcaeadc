"""Commands that are run against a server in another thread."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from stageproxy.cli import main
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.elsewhere import elsewhere
from tests.support.servers.processes import Server, own_environment, run, running_server
from tests.support.stored_files import stored_file
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN

NOBODY = "http://127.0.0.1:1"
"""A URL without a server."""

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Ended:
    """The result of a command."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """Return the one JSON document on stdout; fail if there is anything else."""
        return json.loads(self.stdout)


@dataclass(frozen=True, slots=True)
class Desk:
    """Runs commands, without any settings of this machine."""

    folder: Path
    url: str
    data: Path
    token: str = field(repr=False)
    project: str

    def run(self, *arguments: object, token: str | None = None) -> Ended:
        """Run a command against the server, by default with the admin token."""
        told = {"STAGEPROXY_SERVER": self.url, "STAGEPROXY_TOKEN": token or self.token}
        return self.run_with(told, *arguments)

    def typing(self, text: str, *arguments: object) -> Ended:
        """Run a command with text on its standard input."""
        told = {"STAGEPROXY_SERVER": self.url, "STAGEPROXY_TOKEN": self.token}
        return self.run_with(told, *arguments, typed=text)

    def separately(self, *arguments: str, token: str | None = None) -> Ended:
        """Run a command in its own process."""
        told = {"STAGEPROXY_SERVER": self.url, "STAGEPROXY_TOKEN": token or self.token}
        done = asyncio.run(
            run(
                *(sys.executable, "-m", "stageproxy", *arguments),
                environment={**own_environment(), **told},
            )
        )
        return Ended(done.code, done.stdout, done.stderr)

    def at_a_terminal(self, typed: str, *arguments: str) -> tuple[int, str]:
        """Run a command in a terminal, type text, and return its exit code and output."""
        ours, theirs = pty.openpty()
        told = {"STAGEPROXY_SERVER": self.url, "STAGEPROXY_TOKEN": self.token, "TERM": "xterm"}
        with subprocess.Popen(
            [sys.executable, "-m", "stageproxy", *arguments],
            env={**own_environment(), **told, "COLUMNS": "200"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            os.write(ours, typed.encode())
            seen = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
        return process.returncode, seen.decode()

    def interrupted(
        self,
        number: signal.Signals,
        when: Callable[[], bool],
        environment: dict[str, str],
        *arguments: str,
    ) -> Ended:
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
            said = process.communicate(timeout=60)
        finally:
            process.kill()
        return Ended(process.returncode, *said)

    def run_with(
        self, environment: dict[str, str], *arguments: object, typed: str | None = None
    ) -> Ended:
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
        return Ended(done.exit_code, done.stdout, done.stderr)

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

    def kept_file(self, sha256: str) -> Path:
        """Return the path at which the server stores a file."""
        return stored_file(self.data, sha256)


def _read(terminal: int) -> bytes:
    """Return the next output of a terminal, or nothing once it is closed."""
    try:
        return os.read(terminal, 2**16)
    except OSError:
        return b""


def a_project() -> str:
    """Return the name of a project that no other test uses."""
    return f"cli-demo-{next(_numbers)}"


@dataclass(frozen=True, slots=True)
class Premises:
    """A server, and the index that is both its upstream and its publish target."""

    server: Server
    index: FakeIndex


@asynccontextmanager
async def _premises(folder: Path) -> AsyncIterator[Premises]:
    async with FakeIndex.running() as index:
        settings = {
            "UPSTREAM__URL": index.url,
            "STAGE__MAX_PER_PROJECT": "3",
            **publishing_on(index),
        }
        async with running_server(folder / "data", logs=folder, settings=settings) as server:
            yield Premises(server, index)


def publishing_on(index: FakeIndex) -> dict[str, str]:
    """Return the settings to publish on an index with short pauses."""
    return {
        "PROMOTION__REPOSITORY_URL": f"{index.url}/legacy/",
        "PROMOTION__INDEX_URL": f"{index.url}/simple/",
        "PROMOTION__TOKEN": UPLOAD_TOKEN,
        "PROMOTION__POLL": "0.05",
    }


def premises_elsewhere(folder: Path) -> AbstractContextManager[Premises]:
    """Run a server and its index in another thread."""
    return elsewhere(lambda: _premises(folder))


@dataclass(slots=True)
class Stranger:
    """A server that returns given answers and records the headers of its requests."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    authorizations: list[str | None] = field(default_factory=list)


@contextmanager
def a_stranger() -> Iterator[Stranger]:
    """Run such a server on a local port. Other paths are answered with `[]`."""
    stranger = Stranger()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stranger.authorizations.append(self.headers["Authorization"])
            answer = stranger.answers.get(self.path, [])
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            is_elsewhere = isinstance(answer, str)
            self.send_response(307 if is_elsewhere else 200)
            if is_elsewhere:
                self.send_header("Location", answer)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    stranger.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stranger
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
