"""The access log: a line for each request, without query, headers and tokens."""

import logging
from time import time_ns

from aiohttp import hdrs, web
from aiohttp.abc import AbstractAccessLogger

from stageproxy.core.rights import redacted
from stageproxy.web.request_keys import REQUEST_ID
from stageproxy.web.serving.log_stream import LogStream
from stageproxy.web.serving.logs import access_record

Line = tuple[str, str, str, int, int, float, str]
"""A request and its answer: the client, the method, the path, redacted, the status, the bytes
sent, with the headers, the seconds, and the id. A plain tuple, as one is made for each request."""

_LONGEST_PATH = 600
"""The most characters of a path in a line: each may have six bytes there, and the whole line has
to fit in what a pipe takes at once (`select.PIPE_BUF`)."""


class AccessLog(AbstractAccessLogger):
    """The access log.

    Lines are gathered if they go to a `LogStream` and nowhere else. Otherwise each is a record.
    """

    def __init__(self, logger: logging.Logger, log_format: str) -> None:
        super().__init__(logger, log_format)
        self._stream = _stream_of(logger)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Log a request with its status, the bytes sent, and the milliseconds taken.

        A response may have the redacted path of its request as `log_path`.
        """
        self.add(
            (
                request.remote or "-",
                request.method if request.method in hdrs.METH_ALL else redacted(request.method),
                getattr(response, "log_path", None) or _redacted_path(request.raw_path),
                response.status,
                response.body_length,
                time,
                # aiohttp writes the line when the work on the request has ended.
                request.get(REQUEST_ID, ""),
            )
        )

    def add(self, line: Line) -> None:
        """Log a request that was answered."""
        if not self.logger.isEnabledFor(logging.INFO):
            return
        remote, method, path, status, size, seconds, request_id = line
        if len(path) > _LONGEST_PATH:
            path = f"{path[:_LONGEST_PATH]}..."
        message = f"{remote} {method} {path} {status} {size} {seconds * 1000:.1f} ms"
        at = time_ns() // 1_000_000
        if self._stream is not None:
            self._stream.gather(at, message, request_id)
        else:
            self.logger.handle(access_record(at, message, request_id))


def _redacted_path(target: str) -> str:
    """Return the path in the target of a request, without tokens.

    Anything but a path is refused. It may be a whole URL, with a user and a password.
    """
    path = target.partition("?")[0]
    # What was put in the place of a user and a password may look like a part of another.
    return redacted(redacted(path)) if path.startswith("/") else "-"


def _stream_of(logger: logging.Logger) -> LogStream | None:
    """Return the stream that all lines of *logger* go to, and nothing else."""
    receivers: list[logging.Handler] = []
    source: logging.Logger | None = logger
    while source is not None:
        receivers += source.handlers
        source = source.parent if source.propagate else None
    match receivers:
        case [LogStream() as stream] if not logger.filters:
            return stream
    return None
