"""The formats of the log, which leave tokens and passwords out.

Lines of the access log are formatted without a record, in a tenth of the time.
"""

import json
import logging
import time
from datetime import UTC, datetime
from functools import lru_cache

from stageproxy.core.rights import redacted

ACCESS_LOGGER = "stageproxy.requests"
_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def access_record(at: int, message: str, request_id: str) -> logging.LogRecord:
    """Return a line of the access log as loggers make it. *at*: milliseconds since the epoch."""
    record = logging.LogRecord(ACCESS_LOGGER, logging.INFO, "", 0, message, (), None)
    record.created, record.msecs = at / 1000, float(at % 1000)
    record.request_id = request_id
    return record


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

    def format_access(self, at: int, message: str, request_id: str) -> str:
        """Return a line of the access log, redacted already, as its record is formatted."""
        end = f', "request-id": "{request_id}"}}' if request_id else "}"
        return f"{_json_start(at)}{_quoted(message)}{end}"


class RedactingFormatter(logging.Formatter):
    """Format an event as text without tokens, also in tracebacks and messages of libraries."""

    def __init__(self, layout: str = _TEXT) -> None:
        super().__init__(layout)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without tokens."""
        return redacted(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the first line, which ends with the id of the request."""
        line = super().formatMessage(record)
        request_id = _request_id_of(record)
        return f"{line} [{request_id}]" if request_id else line

    def format_access(self, at: int, message: str, request_id: str) -> str:
        """Return a line of the access log, redacted already, as its record is formatted."""
        end = f" [{request_id}]" if request_id else ""
        return f"{_text_start(at)}{message}{end}"


def _request_id_of(record: logging.LogRecord) -> str:
    return getattr(record, "request_id", "")


_quoted = json.JSONEncoder().encode


@lru_cache(maxsize=4)
def _text_start(at: int) -> str:
    second, millisecond = divmod(at, 1000)
    moment = time.strftime(logging.Formatter.default_time_format, time.localtime(second))
    return f"{moment},{millisecond:03} INFO {ACCESS_LOGGER}: "


@lru_cache(maxsize=4)
def _json_start(at: int) -> str:
    second, millisecond = divmod(at, 1000)
    moment = datetime.fromtimestamp(second, UTC).isoformat()[:-6]
    return (
        f'{{"time": "{moment}.{millisecond:03}+00:00", "level": "info", '
        f'"logger": "{ACCESS_LOGGER}", "message": '
    )
