"""Processes: commands, and a server."""

import asyncio
import io
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, FormData

from stageproxy.core.rights import TOKEN_PATTERN
from tests.support.builders.distributions import Distribution, upload_form

ROOT = Path(__file__).resolve().parents[3]

_SHIM = '#!/bin/sh\nPYTHONPATH="{root}" exec "{python}" {arguments} "$@"\n'
_READY = "stageproxy is ready on "
_START_SECONDS = 60
_STOP_SECONDS = 45
_RUN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of a command: its exit code and output."""

    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Return all output."""
        return self.stdout + self.stderr

    @property
    def document(self) -> Any:
        """Return the JSON document on stdout."""
        return json.loads(self.stdout)

    def ok(self) -> "CommandResult":
        """Return the result itself if the command succeeded; fail with its output otherwise."""
        assert self.code == 0, self.output
        return self


@dataclass(frozen=True, slots=True)
class StageLinks:
    """A stage with files, by its id and URL."""

    id: str
    url: str

    @property
    def index(self) -> str:
        """Return the index URL for installers."""
        return f"{self.url}simple/"

    @property
    def only(self) -> str:
        """Return the index URL of the staged release only."""
        return f"{self.url}+only/simple/"

    @property
    def uploads(self) -> str:
        """Return the URL for uploaders."""
        return f"{self.url}legacy/"


@dataclass(frozen=True, slots=True)
class Server:
    """A server in its own process."""

    url: str
    data: Path
    logs: Path
    process: Process = field(repr=False)
    first: Path | None = None
    """The data directory of the first of several servers, if it is another one."""

    @property
    def admin_token(self) -> str:
        """Return the token that the first start wrote for the operator."""
        return ((self.first or self.data) / "admin.token").read_text().strip()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Mapping[str, Any] | None = None,
        form: FormData | None = None,
        headers: Mapping[str, str] = {},
    ) -> tuple[int, bytes]:
        """Return the status and the body of a path, or of a whole URL."""
        url = path if "://" in path else self.url + path
        bearer = {"Authorization": f"Bearer {token or self.admin_token}"}
        async with (
            ClientSession(headers=bearer) as session,
            session.request(method, url, json=body, data=form, headers=headers) as response,
        ):
            return response.status, await response.read()

    async def stage(self, *distributions: Distribution) -> StageLinks:
        """Upload files of one release, and return their stage."""
        for one in distributions:
            form = FormData([*upload_form(one), ("staged", "true")])
            form.add_field("content", io.BytesIO(one.content), filename=one.filename)
            status, body = await self.ask("POST", "/legacy/", form=form)
            assert status == 200, body
        return self._staged(body)

    async def open_stage(self, **options: str) -> StageLinks:
        """Open an empty stage."""
        status, body = await self.ask("POST", "/api/stages", body=options)
        assert status == 201, body
        return self._staged(body)

    async def staged_in(self, project: str) -> list[dict[str, str]]:
        """Return the files of each stage of a project, by name, with their sha256."""
        _, body = await self.ask("GET", f"/api/stages?project={project}")
        return [
            {name: file["hashes"]["sha256"] for name, file in stage["files"].items()}
            for stage in json.loads(body)["stages"]
        ]

    async def new_token(self, project: str, *, can: str) -> str:
        """Create an API token for a project."""
        return str((await self.make_token(project=project, can=can))["token"])

    async def make_token(self, **order: str) -> Any:
        """Create an API token, and return its document."""
        status, body = await self.ask("POST", "/api/tokens", body=order)
        assert status == 201, body
        return json.loads(body)

    async def command(
        self, *arguments: str, token: str | None = None, **settings: str
    ) -> CommandResult:
        """Run a `stageproxy` command against this server, with more *settings*."""
        variables = {"STAGEPROXY_SERVER": self.url, "STAGEPROXY_TOKEN": token or self.admin_token}
        environment = {**own_environment(), **variables, **settings}
        return await run(sys.executable, "-m", "stageproxy", *arguments, environment=environment)

    def _staged(self, body: bytes) -> StageLinks:
        document = json.loads(body)
        return StageLinks(document["id"], document["links"]["stage"])

    async def stop(self) -> None:
        """Stop the server, which exits with 0."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_STOP_SECONDS):
            assert await self.process.wait() == 0

    async def kill(self) -> None:
        """Kill the server."""
        self.process.kill()
        await self.process.wait()


def put_commands(folder: Path) -> None:
    """Create `python` and `stageproxy` as in the environment of a checkout."""
    folder.mkdir()
    for name, arguments in {"python": "", "stageproxy": "-m stageproxy"}.items():
        shim = folder / name
        shim.write_text(_SHIM.format(root=ROOT, python=sys.executable, arguments=arguments))
        shim.chmod(0o755)


def own_environment() -> dict[str, str]:
    """Return an environment in which `-m stageproxy` is this checkout, without settings."""
    remaining = {
        name: text for name, text in os.environ.items() if not name.startswith("STAGEPROXY_")
    }
    paths = [str(ROOT), *filter(None, [remaining.get("PYTHONPATH")])]
    return {**remaining, "PYTHONPATH": os.pathsep.join(paths)}


async def run(
    *command: str,
    environment: Mapping[str, str],
    folder: Path | None = None,
    seconds: float = _RUN_SECONDS,
) -> CommandResult:
    """Run a command, or kill it after its time limit.

    Its output is written to files: a process that it leaves behind cannot keep us waiting.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
        try:
            async with asyncio.timeout(seconds):
                code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        text = []
        for stream in (stdout, stderr):
            stream.seek(0)
            text.append(stream.read().decode(errors="replace"))
    return CommandResult(code, *text)


ServerStart = Callable[..., AbstractAsyncContextManager[Server]]
"""Starts a server on a data directory; see the fixture `start_server`."""


@asynccontextmanager
async def running_server(
    data: Path,
    *,
    logs: Path,
    settings: Mapping[str, str] = {},
    program: Sequence[str] = ("stageproxy",),
    port: int = 0,
    first: Path | None = None,
) -> AsyncIterator[Server]:
    """Run `stageproxy serve`, by default on a free port; its output is appended to files in *logs*.

    The block may kill it.
    *settings*: environment variables without their prefix, as `UPSTREAM__URL`.
    *program*: another module that runs the server, and its arguments before `serve`.
    *first*: the data directory of the first of several servers, which has the admin token.
    """
    given = {f"STAGEPROXY_{name}": text for name, text in settings.items()}
    command = ["-m", *program, "serve", "--port", str(port), "--data", str(data)]
    with (logs / "stdout").open("a+") as stdout, (logs / "stderr").open("a") as stderr:
        offset = stdout.tell()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            env={**own_environment(), **given},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
        try:
            url = await _wait_until_ready(process, logs, offset)
            server = Server(url, data, logs, process, first)
            yield server
            if process.returncode != -signal.SIGKILL:
                await server.stop()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def assert_no_token_is_logged(logs: Path) -> None:
    """Fail if the output of a server, which has started, contains a token."""
    texts = {path.name: path.read_text() for path in logs.iterdir()}
    assert _READY in texts["stdout"]
    assert [name for name, text in texts.items() if TOKEN_PATTERN.search(text)] == []


async def _wait_until_ready(process: Process, logs: Path, offset: int) -> str:
    async with asyncio.timeout(_START_SECONDS):
        while process.returncode is None:
            text = (logs / "stdout").read_text()[offset:]
            *lines, _ = text.split("\n")
            if lines and lines[-1].startswith(_READY):
                return lines[-1].removeprefix(_READY)
            await asyncio.sleep(0.02)
    raise AssertionError(f"The server did not start:\n{(logs / 'stderr').read_text()}")
