"""The access log and the log formatters, which leave tokens and passwords out."""

import json
import logging
from datetime import UTC, datetime
from typing import NamedTuple

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from stageproxy.core.rights import redacted
from stageproxy.web.request_keys import REQUEST_ID


class Line(NamedTuple):
    """A request and its answer: `path` is redacted, `size` are the bytes of the body."""

    remote: str
    method: str
    path: str
    status: int
    size: int
    seconds: float
    request_id: str


class AccessLog(AbstractAccessLogger):
    """Log a line for each request, without query, headers and tokens."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Log a request with its status, the bytes sent, and the milliseconds taken."""
        path = getattr(response, "log_path", None)
        if path is None:
            path = request.raw_path.partition("?")[0]
            # Anything but a path is refused. It may be a whole URL, with a user and a password.
            path = redacted(path) if path.startswith("/") else "-"
        self.add(
            Line(
                request.remote or "-",
                request.method,
                path,
                response.status,
                response.body_length,
                time,
                # aiohttp writes the line when the work on the request has ended.
                request.get(REQUEST_ID, ""),
            )
        )

    def add(self, line: "Line") -> None:
        """Log a request that was answered."""
        self.logger.info(
            "%s %s %s %d %d %.1f ms",
            *line[:5],
            line.seconds * 1000,
            extra={"request_id": line.request_id},
        )


class JsonFormatter(logging.Formatter):
    """Format an event as a line of JSON, without tokens."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        if request_id := _request_id_of(record):
            event["request-id"] = request_id
        if record.exc_info:
            event["exception"] = redacted(self.formatException(record.exc_info))
        # Each value is redacted, not the line: that could remove a backslash that JSON needs.
        # The output is ASCII, because some Unicode line separators would split the line.
        return json.dumps(event)


class RedactingFormatter(logging.Formatter):
    """Format an event without tokens, also in tracebacks and in messages of libraries."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without tokens."""
        return redacted(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the first line, which ends with the id of the request."""
        line = super().formatMessage(record)
        request_id = _request_id_of(record)
        return f"{line} [{request_id}]" if request_id else line


def _request_id_of(record: logging.LogRecord) -> str:
    return getattr(record, "request_id", "")
