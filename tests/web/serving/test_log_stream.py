"""The stream of the log: what is gathered, what is written at once, and what is lost."""

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.web.serving.log_stream import MOST_QUEUED, LogStream
from stageproxy.web.serving.logs import (
    ACCESS_LOGGER,
    JsonFormatter,
    RedactingFormatter,
    access_record,
)
from tests.support.clients.wire import a_request, exchange
from tests.support.servers.service import RunningService

AT = 1_790_000_000_123
MESSAGE = "127.0.0.1 GET /tmp/demo/***/simple/ 200 5 0.1 ms"
FORMATTERS: Mapping[str, RedactingFormatter | JsonFormatter] = {
    "text": RedactingFormatter(),
    "json": JsonFormatter(),
}


@pytest.fixture
def file(tmp_path: Path) -> Iterator[IO[bytes]]:
    """Return an empty file."""
    with (tmp_path / "log").open("a+b") as opened:
        yield opened


@pytest.fixture
def stream(file: IO[bytes]) -> Iterator[LogStream]:
    """Return a stream into the file that has the messages alone."""
    stream = LogStream(file.fileno(), MessageFormatter())
    yield stream
    stream.close()


class MessageFormatter(logging.Formatter):
    """Formats every line as its message."""

    def format_access(self, at: int, message: str, request_id: str) -> str:  # noqa: ARG002 - as there
        """Return the message."""
        return message


def a_record(message: str) -> logging.LogRecord:
    """Return a record as loggers make it."""
    return logging.LogRecord("tests", logging.INFO, "", 0, message, (), None)


def lines_in(file: IO[bytes]) -> list[str]:
    """Return the lines of a file."""
    file.seek(0)
    return file.read().decode().splitlines()


@pytest.mark.parametrize("formatter", FORMATTERS.values(), ids=FORMATTERS)
@given(
    at=st.integers(0, 4_000_000_000_000),
    message=st.text('a/*"\\%é\u2028\udce9 ', max_size=60),
    request_id=st.text("0aZ._-", max_size=64),
)
def test_same_as_a_record(
    formatter: RedactingFormatter | JsonFormatter, at: int, message: str, request_id: str
) -> None:
    """A line of the access log is formatted as a record with its time, message and id."""
    line = formatter.format_access(at, message, request_id)

    assert line == formatter.format(access_record(at, message, request_id))


def test_examples() -> None:
    """The lines are documented formats, which other programs read."""
    text, as_json = (
        one.format_access(AT, MESSAGE, "0a1b2c3d4e5f6071") for one in FORMATTERS.values()
    )

    assert text[19:] == f",123 INFO stageproxy.requests: {MESSAGE} [0a1b2c3d4e5f6071]"
    assert as_json == (
        '{"time": "2026-09-21T14:13:20.123+00:00", "level": "info", '
        f'"logger": "stageproxy.requests", "message": "{MESSAGE}", '
        '"request-id": "0a1b2c3d4e5f6071"}'
    )


def test_order(stream: LogStream, file: IO[bytes]) -> None:
    """When a line has been logged it is in the file, after what was gathered before it."""
    stream.gather(AT, "first", "")
    stream.gather(AT, "second", "")

    stream.handle(a_record("third"))

    assert lines_in(file) == ["first", "second", "third"]


def test_flush(stream: LogStream, file: IO[bytes]) -> None:
    """Flushing writes what has been gathered."""
    stream.gather(AT, "first", "")

    stream.flush()

    assert lines_in(file) == ["first"]


def test_gathered_lines_are_written_in_time() -> None:
    """What has been gathered is written without anybody asking for it."""
    reading, writing = os.pipe()
    with open(reading, "rb") as lines, open(writing, "wb") as pipe:  # noqa: PTH123 - descriptors
        stream = LogStream(pipe.fileno(), MessageFormatter())
        stream.gather(AT, "first", "")

        assert lines.readline() == b"first\n"
        stream.close()


def test_nobody_reads() -> None:
    """Nobody waits for a stream that is not read, and the lines that are lost are counted."""
    reading, writing = os.pipe()
    stream = LogStream(writing, MessageFormatter(), patience=0)
    for number in range(3 * MOST_QUEUED):
        stream.gather(AT, f"{number:020}", "")
        if number % 1000 == 0:
            stream.handle(a_record(f"{number:020}"))

    written: list[str] = []
    lost = 0
    with open(reading, "rb") as lines:  # noqa: PTH123 - a descriptor
        while len(written) + lost < 3 * MOST_QUEUED + 30:
            first, *notice = lines.readline().decode().split()
            if notice:
                lost += int(first)
            else:
                written.append(first)
    stream.close()
    os.close(writing)

    assert len(written) + lost == 3 * MOST_QUEUED + 30
    assert lost > MOST_QUEUED
    assert written == sorted(written)


def test_disk_is_full(file: IO[bytes]) -> None:
    """Lines that cannot be written are counted in the first one that can be."""
    with Path("/dev/full").open("wb") as full:
        stream = LogStream(full.fileno(), MessageFormatter())
        stream.gather(AT, "first", "")
        stream.handle(a_record("second"))
        os.dup2(file.fileno(), full.fileno())

        stream.handle(a_record("third"))
        stream.close()

    third, notice = lines_in(file)
    assert third == "third"
    assert notice.startswith("2 lines of the log are lost")


def test_characters_that_are_none(stream: LogStream, file: IO[bytes]) -> None:
    """Bytes of a target that are no UTF-8 are escaped."""
    stream.gather(AT, "/caf\udce9", "")
    stream.flush()

    assert lines_in(file) == ["/caf\\udce9"]


def test_end_of_the_log(file: IO[bytes]) -> None:
    """What has been gathered is written when the log is closed."""
    stream = LogStream(file.fileno(), MessageFormatter())
    for number in range(1000):
        stream.gather(AT, str(number), "")

    stream.close()

    assert lines_in(file) == [str(number) for number in range(1000)]


def test_after_the_end(file: IO[bytes]) -> None:
    """A line that is logged after the end of the log is written."""
    stream = LogStream(file.fileno(), MessageFormatter())
    stream.close()

    stream.handle(a_record("late"))

    assert lines_in(file) == ["late"]


async def test_log_of_another_program(
    service: RunningService, file: IO[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Where others handle the log too, a line of the access log is a record for all of them."""
    stream = LogStream(file.fileno(), MessageFormatter())
    logger = logging.getLogger(ACCESS_LOGGER)
    logger.addHandler(stream)
    caplog.set_level(logging.INFO, ACCESS_LOGGER)

    await exchange(service.url, a_request("/health/live"))
    logger.removeHandler(stream)
    stream.close()

    assert lines_in(file) == [one for one in caplog.messages if " /health/live 200 " in one]
    assert len(lines_in(file)) == 1
