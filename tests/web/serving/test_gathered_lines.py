"""Gathered lines of the access log, in real processes: none is lost at the end."""

import asyncio
import re
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import own_environment, run, running_server

REQUESTS = 1000
REQUEST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = REQUEST.replace(b"Host", b"Connection: close\r\nHost")
LINE = re.compile(r" INFO stageproxy.requests: 127.0.0.1 GET /health/live 200 .* \[(\w{16})\]$")
ONE_LINE = """
import logging, sys
from stageproxy.web.serving.access_log import AccessLog
from stageproxy.web.serving.log_stream import LogStream
from stageproxy.web.serving.logs import RedactingFormatter

logging.basicConfig(level="INFO", handlers=[LogStream(2, RedactingFormatter())])
log = AccessLog(logging.getLogger("stageproxy.requests"), "")
log.add(("127.0.0.1", "GET", "/health/live", 200, 5, 0.1, "0123456789abcdef"))
"""
ENDS = {
    "with a status": "sys.exit(3)",
    "by an exception": "raise RuntimeError",
    "by SIGINT": "import signal; signal.raise_signal(signal.SIGINT)",
}
NO_STREAM = """
import logging
from stageproxy.server.run import log_to_stderr

log_to_stderr("text", "info")
open("other", "w")
logging.warning("nobody sees it")
logging.shutdown()
print("done")
"""

MALFORMED = """
from aiohttp import multipart
from stageproxy.server.run import log_to_stderr

log_to_stderr("text", "info")
for number in range(3):
    multipart.parse_content_disposition(f"form-data; {number}")
    multipart.parse_content_disposition(f"form-data; name=a{number}; filename*=x")
print([key for key in vars(multipart).get("__warningregistry__", {}) if key != "version"])
"""


async def test_stop(tmp_path: Path, index: FakeIndex) -> None:
    """Every request that was answered before SIGTERM has its line, with an id of its own."""
    settings = {"UPSTREAM__URL": index.url}
    async with running_server(tmp_path / "data", logs=tmp_path, settings=settings) as server:
        answers = await ask_in_a_row(server.url)
        await server.stop()

    found = [LINE.search(line) for line in (tmp_path / "stderr").read_text().splitlines()]
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == REQUESTS
    assert len({one[1] for one in found if one}) == sum(map(bool, found)) == REQUESTS


async def ask_in_a_row(url: str) -> bytes:
    """Return the answers to many requests on one connection."""
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    with closing(writer):
        writer.write(REQUEST * (REQUESTS - 1) + LAST)
        return await reader.read()


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_end(end: str) -> None:
    """A process writes what it has gathered, however it ends but for SIGKILL."""
    done = await run(sys.executable, "-c", ONE_LINE + end, environment=own_environment())

    assert [bool(LINE.search(line)) for line in done.stderr.splitlines()].count(True) == 1


async def test_without_an_error_stream(tmp_path: Path) -> None:
    """A server whose standard error stream is closed logs nothing, into no other file."""
    command = ("sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, NO_STREAM)

    done = await run(*command, environment=own_environment(), folder=tmp_path)

    assert (done.code, done.stdout, (tmp_path / "other").read_text()) == (0, "done\n", "")


async def test_malformed_headers_of_forms() -> None:
    """Nobody who uploads can write into the log, nor have the server remember it, as warnings."""
    done = await run(sys.executable, "-c", MALFORMED, environment=own_environment())

    assert (done.code, done.stdout, done.stderr) == (0, "[]\n", "")
