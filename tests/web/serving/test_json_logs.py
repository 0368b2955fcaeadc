"""Logs as JSON, one object per line, from a real server process."""

import json
import logging
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stageproxy.core.rights import TOKEN_PATTERN
from stageproxy.web.serving.logs import JsonFormatter
from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server, own_environment, run, running_server

KEYS = {"time", "level", "logger", "message"}
TOKEN = "stgu_" + "A" * 38
PLACES = {
    "alone": TOKEN,
    "in a stage URL": f"/tmp/demo/{TOKEN}/simple/",
    "at the end of a stage URL in quotes": f'"/tmp/demo/{TOKEN}" is asked for',
    "before a line break": f"/tmp/demo/{TOKEN}\nand more",
    "beside other characters": f"é {TOKEN} \x00 \\ \u2028",
}


@pytest.fixture
async def server(tmp_path: Path, index: FakeIndex) -> AsyncIterator[Server]:
    """Return a server in a process of its own that logs as JSON."""
    index.add("demo", a_wheel())
    settings = {"UPSTREAM__URL": index.url, "LOG__FORMAT": "json", "LOG__LEVEL": "debug"}
    async with running_server(tmp_path / "data", logs=tmp_path, settings=settings) as running:
        yield running


def events(server: Server) -> list[Any]:
    """Return what the server logged; fail if a line is not one object."""
    return [json.loads(line) for line in (server.logs / "stderr").read_text().splitlines()]


def requests(server: Server) -> list[str]:
    """Return the messages of the access log, without the client and what varies."""
    found = (one for one in events(server) if one["logger"] == "stageproxy.requests")
    return [one["message"].rpartition(" ")[0].partition(" ")[2] for one in found]


async def test_a_life(server: Server) -> None:
    """From start to stop each line is an object with a time, without tokens."""
    stage = await server.stage(a_wheel(version="2.0"))
    for path in ["", "simple/", "simple/demo/", "nowhere?a=b", "simple/%22demo%22/"]:
        await server.ask("GET", stage.url + path)
    await server.ask("GET", f"/tmp/demo/{TOKEN}X/simple/")
    await server.stop()

    found = events(server)
    assert [one for one in found if one.keys() - {"request-id"} != KEYS] == []
    lines = [one for one in found if one["logger"] == "stageproxy.requests"]
    assert len({one["request-id"] for one in lines}) == len(lines)
    assert {datetime.fromisoformat(one["time"]).utcoffset() for one in found} == {timedelta()}
    assert {one["level"] for one in found} <= {"debug", "info", "warning"}
    assert TOKEN_PATTERN.search((server.logs / "stderr").read_text()) is None


async def test_requests(server: Server) -> None:
    """A request is logged with its method, its path without token and query, and its status."""
    stage = await server.stage(a_wheel(version="2.0"))
    await server.ask("GET", f"{stage.url}simple/demo/?a=b")
    await server.stop()

    lines = [one.rsplit(" ", 2) for one in requests(server)]
    assert [one[0] for one in lines] == ["POST /legacy/ 200", "GET /tmp/demo/***/simple/demo/ 200"]


async def test_fault(server: Server) -> None:
    """A fault of the server is one line, with its traceback and without the token."""
    stage = await server.stage(a_wheel(version="2.0"))
    with closing(sqlite3.connect(server.data / "catalogue.db")) as other:
        other.execute("ALTER TABLE artifact_source RENAME TO gone")
    status, _ = await server.ask("GET", f"{stage.url}pypi/demo/json")

    faults = [one for one in events(server) if one["level"] == "error"]
    assert (status, [one["message"] for one in faults]) == (500, ["GET failed"])
    assert faults[0]["exception"].startswith("Traceback (most recent call last):\n")
    assert "no such table: artifact_source" in faults[0]["exception"]
    assert TOKEN_PATTERN.search(json.dumps(faults)) is None


async def test_malformed_request(server: Server) -> None:
    """A request that cannot be parsed is logged without quoting it."""
    await server.ask("BREW", f"/tmp/demo/{TOKEN}/")

    warnings = [one["message"] for one in events(server) if one["level"] == "warning"]
    assert warnings == ["a request from 127.0.0.1 cannot be answered: BadHttpMethod"]


async def test_warning_of_python() -> None:
    """Warnings of Python and of libraries are logged as JSON too."""
    code = (
        "import warnings; from stageproxy.server.run import log_to_stderr; "
        "log_to_stderr('json', 'info'); warnings.warn('take care')"
    )

    done = await run(sys.executable, "-c", code, environment=own_environment())

    event = json.loads(done.ok().stderr)
    assert (event["level"], event["logger"]) == ("warning", "py.warnings")
    assert "take care" in event["message"]


@pytest.mark.parametrize("text", PLACES.values(), ids=PLACES)
def test_token_in_a_message(text: str) -> None:
    """A token is redacted wherever it is, and the line stays valid JSON."""
    event = json.loads(JsonFormatter().format(a_record(text)))

    assert event["message"] == text.replace("/" + TOKEN, "/***").replace(TOKEN, "stgu_***")


def test_password_in_a_message() -> None:
    """The user and the password of a URL are redacted, and the line stays valid JSON."""
    error = ValueError("no 'https://user:SECRET@host/' here")

    event = json.loads(JsonFormatter().format(a_record('at "https://user:SECRET@host/"', error)))

    assert event["message"] == 'at "https://***@host/"'
    assert event["exception"].endswith("ValueError: no 'https://***@host/' here")


def test_token_in_an_exception() -> None:
    """An exception is logged with its traceback, and without the token in it."""
    error = ValueError(f'no "/tmp/demo/{TOKEN}" here')

    event = json.loads(JsonFormatter().format(a_record("it fails", error)))

    assert event["message"] == "it fails"
    assert event["exception"].endswith('ValueError: no "/tmp/demo/***" here')


def test_one_line() -> None:
    """Line breaks in a message do not break the line."""
    line = JsonFormatter().format(a_record("a\nb\r\u2028c\x85d"))

    assert line.splitlines() == [line]
    assert json.loads(line)["message"] == "a\nb\r\u2028c\x85d"


def a_record(message: str, error: Exception | None = None) -> logging.LogRecord:
    """Return a record as loggers make it."""
    exc_info = (type(error), error, None) if error else None
    return logging.LogRecord("tests", logging.INFO, "", 0, message, (), exc_info)
