"""What asks an index whether a document has changed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

_SECOND = timedelta(seconds=1)


def validators_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a request for a document that was answered with *headers* before.

    A time counts only if there is no ETag, and if it is older than the answer: otherwise the
    document may have changed again within that second (RFC 9110, section 8.8.2.2).
    """
    if headers.get("ETag"):
        return {"If-None-Match": headers["ETag"]}
    modified, answered = (_time(headers.get(name, "")) for name in ("Last-Modified", "Date"))
    if modified is None or answered is None or answered - modified <= _SECOND:
        return {}
    return {"If-Modified-Since": headers["Last-Modified"]}


def _time(text: str) -> datetime | None:
    try:
        time = parsedate_to_datetime(text)
    except ValueError:
        return None
    # A time without a zone cannot be compared with others.
    return time if time.tzinfo is not None else None
