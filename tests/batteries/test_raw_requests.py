"""Raw requests against a server: each gets the answers of a table, and none is read as two."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.batteries.raw_requests import TOKEN, RawRequest, raw_requests
from tests.batteries.report import SEED, BatteryReport
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import assert_no_token_is_logged, running_server

pytestmark = pytest.mark.journey

REQUESTS = list(raw_requests())
AT_ONCE = 20
PATIENCE = 30
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n")


async def send(url: str, data: bytes) -> bytes:
    """Return everything that a server sends on a connection, which may end with a reset."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    received = b""
    with suppress(ConnectionError):
        writer.write(data)
        async with asyncio.timeout(PATIENCE):
            while chunk := await reader.read(2**16):
                received += chunk
    writer.close()
    return received


async def battery(url: str, token: str) -> Iterator[str]:
    """Send each request on a connection of its own. Return what is wrong with the answers."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def check(one: RawRequest) -> str:
        async with gate:
            received = await send(url, one.data.replace(TOKEN, token.encode()))
        statuses = tuple(int(status) for status in STATUS.findall(received))
        if statuses == one.statuses:
            return ""
        return f"{one.name}: the answers are {statuses}, not {one.statuses}"

    return filter(None, await asyncio.gather(*map(check, REQUESTS)))


async def test_raw_requests(tmp_path: Path, index: FakeIndex) -> None:
    """Every request gets the answers of the table; a server reads none where there is none."""
    settings = {"UPSTREAM__URL": index.url, "UPLOAD__STALL_TIMEOUT": "2s"}
    logs = tmp_path / "logs"
    logs.mkdir()
    async with running_server(tmp_path / "data", logs=logs, settings=settings) as server:
        await server.open_stage(name="demo", version="9.9")
        violations = list(await battery(server.url, server.admin_token))
        assert (await server.ask("GET", "/health/ready"))[0] == 200
    log = (logs / "stderr").read_text()
    violations += [f"the log has {line}" for line in log.splitlines() if "smuggled" in line]
    violations += ["the log has a traceback"] * log.count("Traceback")
    violations += [f"upstream got {one.path}" for one in index.requests if "smuggled" in one.path]
    counts = Counter(f"answered with {one.statuses[0]}" for one in REQUESTS)

    BatteryReport("raw-requests", SEED, {"requests": len(REQUESTS), **counts}, violations).check()
    assert_no_token_is_logged(logs)
    assert len(REQUESTS) >= 120


@asynccontextmanager
async def careless_server() -> AsyncIterator[str]:
    """Serve as a server that ends each request at its first empty line, and checks nothing."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = await reader.read(2**18)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" * received.count(b"\r\n\r\n"))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_careless_server_is_found() -> None:
    """The battery finds a server that reads the body of one request as the next one."""
    async with careless_server() as url:
        violations = list(await battery(url, "stga_none"))

    counts = {"requests": len(REQUESTS)}
    BatteryReport("raw-requests", SEED, counts, violations, "bodies read as requests").check()
    assert any("a request in the body" in one for one in violations)
