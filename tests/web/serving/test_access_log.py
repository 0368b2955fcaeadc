"""The access log: one line per request, without tokens."""

import asyncio
import io
import logging
import random
import sys
from select import PIPE_BUF
from urllib.parse import urlsplit

import pytest

from stageproxy.core.rights import TokenKind, make_token
from stageproxy.web.serving.logs import JsonFormatter, RedactingFormatter
from tests.support.builders.distributions import a_wheel
from tests.support.clients.wire import a_request, exchange
from tests.support.servers.service import PIP, RunningService

TOKENS = {kind.name: make_token(kind, b"\x07" * 32).reveal() for kind in TokenKind}
REQUESTS = "stageproxy.requests"


async def lines_about(
    service: RunningService, caplog: pytest.LogCaptureFixture, target: str, method: str = "GET"
) -> list[str]:
    """Return the lines of the access log about a request."""
    caplog.set_level(logging.INFO, REQUESTS)
    caplog.clear()
    await exchange(service.url, a_request(target, method))
    await asyncio.sleep(0)
    return [record.getMessage() for record in caplog.records if record.name == REQUESTS]


async def test_one_line_a_request(
    service: RunningService, caplog: pytest.LogCaptureFixture
) -> None:
    """A request is one line: client, method, path, status, size and time."""
    (line,) = await lines_about(service, caplog, "/health/live")

    who, method, path, status, size, time, unit = line.split()
    assert (who, method, path, status, unit) == ("127.0.0.1", "GET", "/health/live", "200", "ms")
    assert int(size) > 0
    assert float(time) >= 0


async def test_line_of_a_long_path(
    service: RunningService, caplog: pytest.LogCaptureFixture
) -> None:
    """It fits in what a pipe takes at once: lines of other workers cannot come in between."""
    (line,) = await lines_about(service, caplog, "/" + "x\\" * 3500)

    assert len(JsonFormatter().format_access(0, line, "0" * 16)) < PIPE_BUF
    assert line.startswith("127.0.0.1 GET /" + "x\\" * 100)
    assert line.split()[3] == "400"


async def records_of(caplog: pytest.LogCaptureFixture, count: int) -> list[logging.LogRecord]:
    """Return the records of so many requests, the last of which may come after its answer."""
    async with asyncio.timeout(10):
        while True:
            found = [one for one in caplog.records if one.name == REQUESTS]
            if len(found) == count:
                return found
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("kilobytes", [1, 600])
async def test_line_of_a_staged_file(
    service: RunningService, caplog: pytest.LogCaptureFixture, kilobytes: int
) -> None:
    """However a file is sent, its line has all bytes that were sent, and an id of its own."""
    wheel = a_wheel(version="2.0", extra={"demo/x": random.Random(0).randbytes(kilobytes * 2**10)})
    stage = await service.staged(wheel)
    link = urlsplit(stage["files"][wheel.filename]["link"]).path
    caplog.set_level(logging.INFO, REQUESTS)
    caplog.clear()

    ranges = [{}, {}, {}, {"Range": "bytes=0-99"}]
    bodies = [(await service.get(link, **one)).body for one in ranges]
    records = await records_of(caplog, len(bodies))

    sizes = [int(one.getMessage().split()[4]) for one in records]
    beyond = [size - len(body) for body, size in zip(bodies, sizes, strict=True)]
    assert all(0 < headers < 1000 for headers in beyond), beyond
    assert len({one.__dict__["request_id"] for one in records} - {""}) == len(records)


TARGETS = {
    "a stage": "/tmp/demo/{}/simple/demo/",
    "a stage without slash": "/tmp/demo/{}",
    "a stage in the query": "/tmp/demo/x/?a={}",
    "a token in the query": "/health/live?token={}",
    "a token somewhere": "/api/tokens/{}",
    "a token in a file's name": "/api/stages/1/files/{}",
    "a mistyped token": "/tmp/demo/{}x/simple/",
    "dot segments": "/tmp/demo/../{}/",
    "an escape": "/tmp/demo/%zz{}/",
    "absolute form": "http://example.org/tmp/demo/{}/",
    "two slashes": "//tmp/demo/{}/",
    "an escaped prefix": "/%74mp/demo/{}/",
}


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        *(("STAGE", where) for where in TARGETS),
        *((kind, "a stage") for kind in TOKENS if kind != "STAGE"),
    ],
)
async def test_no_token_in_a_line(
    service: RunningService, caplog: pytest.LogCaptureFixture, kind: str, where: str
) -> None:
    """No line contains a token, wherever it is in the request."""
    lines = await lines_about(service, caplog, TARGETS[where].format(TOKENS[kind]))

    assert len(lines) == 1
    assert TOKENS[kind] not in lines[0]
    assert TOKENS[kind][5:] not in lines[0]


USERINFO = (
    "https://user:SECRET@index.example/simple/",
    "https://SECRET@index.example/simple/",
    "https://user:SEC/SECRET@index.example/simple/",
    "HTTP://user:SECRET@index.example",
    "//user:SECRET@index.example/simple/",
    "user:SECRET@index.example:443",
    "/tmp/demo/x/https://user:SECRET@index.example/",
    "/tmp/demo/x/https:/user:SECRET@index.example/",
    "/simple/user:SECRET@index.example/",
    "/https:%2F%2Fuser:SECRET%40index.example/",
    "/health/live?url=https://user:SECRET@index.example/",
)


@pytest.mark.parametrize("target", USERINFO)
@pytest.mark.parametrize("method", ["GET", "POST", "CONNECT", "OPTIONS"])
async def test_no_password_anywhere(
    service: RunningService, log: io.StringIO, target: str, method: str
) -> None:
    """A user or password in a target is in no log, answer or metric."""
    secret = "https://user:SECRET@index.example/"
    headers = (f"Referer: {secret}", f"Origin: {secret}", "Host: user:SECRET@index.example")

    answer = await exchange(service.url, a_request(target, method, "1.1", *headers))

    metrics = await service.get("/metrics")
    assert "SECRET" not in log.getvalue()
    assert b"SECRET" not in answer
    assert "SECRET" not in metrics.text


async def test_form_of_the_target(
    service: RunningService, caplog: pytest.LogCaptureFixture
) -> None:
    """A target that is not a path is refused, and its line has none."""
    (line,) = await lines_about(service, caplog, "https://user:SECRET@index.example/simple/")

    assert " GET - 400 " in line


async def test_mistyped_stage_url(
    service: RunningService, caplog: pytest.LogCaptureFixture
) -> None:
    """The segment of the stage token is left out even if it is not a token."""
    (line,) = await lines_about(service, caplog, "/tmp/demo/nearly-a-token/simple/")

    assert " /tmp/demo/***/simple/ " in line


@pytest.mark.parametrize("path", ["x", "account/", "%zz", "a//b", "simple/missing/", "legacy/"])
async def test_no_token_in_an_error(service: RunningService, prefix: str, path: str) -> None:
    """Error answers do not contain the token of the stage URL."""
    answer = await service.get(prefix + path, PIP, Referer=prefix)

    token = prefix.split("/")[-2]
    headers = {name: value for name, value in answer.headers.items() if name != "Location"}
    assert token not in answer.text + str(headers)


async def test_no_query(service: RunningService, caplog: pytest.LogCaptureFixture) -> None:
    """Queries are not logged."""
    (line,) = await lines_about(service, caplog, "/health/live?secret=42")

    assert "secret" not in line


def test_formatter_redacts_tracebacks() -> None:
    """A token in a message or a traceback is not logged."""
    token = TOKENS["ADMIN"]
    try:
        int(token)
    except ValueError:
        record = logging.LogRecord("x", 40, __file__, 1, "saw %s", (token,), sys.exc_info())

    line = RedactingFormatter("%(message)s").format(record)

    assert token not in line
    assert line.startswith("saw stga_***")
    assert line.endswith("'stga_***'")


async def test_line_of_a_broken_answer(
    service: RunningService, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A request that fails has its line too."""
    service.index.remove("other")
    caplog.set_level(logging.INFO, REQUESTS)

    await service.get(f"{prefix}simple/other/", PIP)
    await asyncio.sleep(0)

    assert " /tmp/demo/***/simple/other/ 404 " in caplog.text
