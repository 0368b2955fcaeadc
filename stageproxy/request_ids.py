"""The id of the request that is being answered, in log lines and on requests to upstream.

It follows the work that a request starts, also into threads and background tasks, so
that one search finds everything that belongs to it. See docs/adr/0039.
"""

import logging
import os
import re
import secrets
from contextvars import ContextVar, Token

HEADER = "X-Request-ID"

_DIGITS = 16
_AT_ONCE = 256
_GIVEN = re.compile("[A-Za-z0-9._-]{8,64}")
_ready: list[str] = []
os.register_at_fork(after_in_child=_ready.clear)
_current: ContextVar[str] = ContextVar("request_id", default="")


def new_request_id() -> str:
    """Return an id that no other request has: it is random."""
    while True:
        try:
            return _ready.pop()
        except IndexError:
            # Asking the system for many at once saves a call for each.
            digits = secrets.token_hex(_AT_ONCE * _DIGITS // 2)
            _ready.extend(digits[at : at + _DIGITS] for at in range(0, len(digits), _DIGITS))


def is_request_id(text: str) -> bool:
    """Return whether an id that a proxy has given to a request can be used as it is."""
    return _GIVEN.fullmatch(text) is not None


def current_request_id() -> str:
    """Return the id of the request that is being answered; empty outside of requests."""
    return _current.get()


def enter_request(request_id: str) -> Token[str]:
    """Begin the work on a request, until `leave_request`."""
    return _current.set(request_id)


def leave_request(entered: Token[str]) -> None:
    """End the work on a request."""
    _current.reset(entered)


class RequestIdFilter(logging.Filter):
    """Adds the request id to every record, unless whoever logs has set it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id, and pass the record."""
        if not hasattr(record, "request_id"):
            record.request_id = current_request_id()
        return True
