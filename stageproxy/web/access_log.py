"""Here is a line a request, and no line with a token in it."""

import json
import logging
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from stageproxy.core.rights import redacted


class AccessLog(AbstractAccessLogger):
    """Logs what was asked, without queries, headers and what opens a stage."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Log one request with its status, the bytes sent, and milliseconds."""
        path = redacted(request.raw_path.partition("?")[0])
        self.logger.info(
            "%s %s %s %d %d %.1f ms",
            request.remote or "-",
            request.method,
            path,
            response.status,
            response.body_length,
            time * 1000,
        )


class JsonFormatter(logging.Formatter):
    """Writes a line of JSON for each event, without tokens."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        if record.exc_info:
            event["exception"] = redacted(self.formatException(record.exc_info))
        # Not the whole line: what looks like a token may end in a backslash of JSON's own.
        # And in ASCII: some line ends of Unicode would part it.
        return json.dumps(event)


class RedactingFormatter(logging.Formatter):
    """Leaves tokens out of everything that is logged, whoever logs it, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without tokens."""
        return redacted(super().format(record))
