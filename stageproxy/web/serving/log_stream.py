"""The stream of the server's log, which a thread of its own writes.

Lines of the access log are gathered and written together. Any other line is written before the
call that logs it returns, after those that were gathered before it. Whoever reads the stream too
slowly holds up the server for a moment at most: lines that do not fit into the queue are lost,
and the next line states how many. See docs/adr/0043.
"""

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from select import PIPE_BUF
from threading import Event, Lock, Thread
from typing import Protocol

MOST_QUEUED = 10_000
"""The most lines that wait to be written."""

_GATHERING_SECONDS = 0.1
_PATIENCE_SECONDS = 0.25
_CLOSING_SECONDS = 5.0
_AT_ONCE = 500


class LineFormatter(Protocol):
    """Formats records, and lines of the access log."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""

    def format_access(self, at: int, message: str, request_id: str) -> str:
        """Return a line of the access log as text."""


class LogStream(logging.Handler):
    """Writes the log to an open file.

    *patience*: how long a call waits until its line is written, in seconds. After that, no call
    waits until the stream is read again.
    """

    def __init__(
        self,
        descriptor: int,
        lines: LineFormatter,
        *,
        encoding: str = "utf-8",
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines = lines
        self._encoding = encoding
        self._patience = patience
        self._queue: deque[str] = deque()
        self._waiting: deque[Event] = deque()
        self._arrived = Event()
        self._is_urgent = Event()
        self._is_stuck = False
        self._is_closed = False
        self._lost = 0
        self._counting = Lock()
        Thread(target=self._run, name="log", daemon=True).start()

    def gather(self, at: int, message: str, request_id: str) -> None:
        """Write a line of the access log within a tenth of a second, together with others."""
        # Each request takes this path: nothing here is as expensive as a call.
        if len(self._queue) >= MOST_QUEUED:
            self._lose(1)
            return
        self._queue.append(self._lines.format_access(at, message, request_id))
        if not self._arrived.is_set():
            self._arrived.set()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            text = self._lines.format(record)
        except Exception:  # noqa: BLE001 - as every handler of logging
            self.handleError(record)
            return
        if self._is_closed:
            self._write([text])
        elif len(self._queue) >= MOST_QUEUED:
            self._lose(1)
        else:
            self._queue.append(text)
            if not self._is_stuck:
                self._is_stuck = not self._wait_until_written(self._patience)

    def flush(self) -> None:
        """Write all lines. Give up after some seconds if they are not read."""
        if not self._is_closed:
            self._wait_until_written(_CLOSING_SECONDS)

    def close(self) -> None:
        """Write all lines, and end the thread. Later lines are written by whoever logs them."""
        self.flush()
        self._is_closed = True
        self._arrived.set()
        self._is_urgent.set()
        super().close()

    def _wait_until_written(self, seconds: float) -> bool:
        written = Event()
        self._waiting.append(written)
        self._arrived.set()
        self._is_urgent.set()
        return written.wait(seconds)

    def _run(self) -> None:
        while not self._is_closed:
            self._arrived.wait()
            self._is_urgent.wait(_GATHERING_SECONDS)
            self._is_urgent.clear()
            # Whatever arrives from here on is written now, or wakes the thread again.
            self._arrived.clear()
            # Those who wait have put their lines into the queue before.
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            while self._queue:
                self._write([self._queue.popleft() for _ in range(min(len(self._queue), _AT_ONCE))])
                self._is_stuck = False
            for one in waiting:
                one.set()

    def _write(self, texts: list[str]) -> None:
        with self._counting:
            lost, self._lost = self._lost, 0
        notices = [self._lines.format(_notice(lost))] if lost else []
        try:
            for piece in _pieces([self._encoded(one) for one in [*texts, *notices]]):
                self._write_all(piece)
        except OSError:
            self._lose(len(texts) + lost)

    def _encoded(self, line: str) -> bytes:
        return f"{line}\n".encode(self._encoding, "backslashreplace")

    def _write_all(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]

    def _lose(self, number: int) -> None:
        with self._counting:
            self._lost += number


def _pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Return lines together, as many as a pipe takes at once.

    Other workers of the server write to the same pipe: what is longer could be mixed with theirs.
    """
    piece = b""
    for line in lines:
        if piece and len(piece) + len(line) > PIPE_BUF:
            yield piece
            piece = b""
        piece += line
    if piece:
        yield piece


def _notice(lost: int) -> logging.LogRecord:
    text = "%d lines of the log are lost: it could not be written, or was not read"
    return logging.LogRecord(__name__, logging.WARNING, "", 0, text, (lost,), None)
