"""Replies of the upload API, what they mean, and what to do about refusals."""

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

LONGEST_PAUSE = timedelta(hours=1)
"""The longest Retry-After that is honored."""

_LONGEST_SENTENCE = 500
_UNKNOWN = frozenset({408, 425, 429})
"""Statuses of 4xx that are not refusals."""

_PHRASES = frozenset(
    {status.phrase.casefold() for status in HTTPStatus}
    | {"content too large", "payload too large", "uri too long", "range not satisfiable"}
    | {"unprocessable content", "im used", "i'm a teapot", "unknown", "error"}
)
_LEAD = re.compile(r"\s*(error:?\s*)?([1-5]\d\d\b)?[\s:-]*", re.IGNORECASE)
"""The prefix of a message in a status line or a title: `Error: 400`."""

_MESSAGE_KEYS = ("detail", "code", "message", "error", "title")
"""Keys of messages in JSON: of RFC 9457, of PyPI, of others. PyPI's `message` is wordier."""

_TAG = re.compile(r"<[^<>]*>")
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)
_NEW_VERSION = "Publish another version."

ADVICE: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(pattern, re.IGNORECASE), advice)
    for pattern, advice in (
        (
            r"previously used by a file that has since been deleted",
            f"The filename was used before and cannot be used again. {_NEW_VERSION}",
        ),
        (
            r"already exist",
            (
                "The index has this filename with other bytes, or these bytes under another "
                f"filename. Neither can be uploaded again. {_NEW_VERSION}"
            ),
        ),
        (
            r"older than 14 days",
            f"The release accepts no more files. {_NEW_VERSION}",
        ),
        (
            r"only one sdist",
            "The release already has another sdist. Check it on the index.",
        ),
        (
            r"authentication|credential|API token|unauthori[sz]ed",
            (
                "The index rejects this credential. Set promotion.token to a valid one, or pass "
                "one: stageproxy promote --pypi-token-file FILE."
            ),
        ),
        (
            r"isn't allowed to upload|forbidden|permission",
            (
                "The credential is wrong or does not cover this project. Use a token for this "
                "project, of a user who may upload to it."
            ),
        ),
        (
            r"attestation",
            "PyPI accepts attestations only from the Trusted Publisher that made them.",
        ),
        (
            r"too many new projects|temporarily disabled|read-only",
            "PyPI does not accept this at the moment. Run `stageproxy promote STAGE` again later.",
        ),
    )
)
"""Patterns of refusals and what to do about each. The first match counts."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The index accepted the artifact, which its pages do not necessarily list yet."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The index refuses the artifact, and would refuse it again."""

    status: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """It is unknown whether the index has the artifact: check, and send it again if not.

    *retry_after*: how long the index asks to wait, up to `LONGEST_PAUSE`.
    """

    sentence: str
    retry_after: timedelta | None = None


Reply = Accepted | Refused | Unanswered


def reply_of(status: int, reason: str, headers: Mapping[str, str], body: str) -> Reply:
    """Return the meaning of a response of the upload API.

    *headers*: a case-insensitive mapping.
    """
    message = _message_of(reason, headers.get("Content-Type", ""), body)
    match status // 100:
        case 2:
            return Accepted(message or _named(status))
        case 3:
            return Refused(status, _redirection(status, headers.get("Location", "")))
        case 4 if status not in _UNKNOWN:
            return Refused(status, message or _named(status))
        case _:
            words = f": {message}" if message else "."
            return Unanswered(f"The upload API answered {_named(status)}{words}", _pause(headers))


def one_line(text: str) -> str:
    """Return a text as one printable line of at most 500 characters."""
    line = " ".join(text[: 8 * _LONGEST_SENTENCE].split())
    return "".join(one if one.isprintable() else "?" for one in line)[:_LONGEST_SENTENCE]


def _message_of(reason: str, content_type: str, body: str) -> str:
    """Return the message in the status line, or else in the body.

    PyPI sends it in both; a proxy may drop the reason phrase.
    """
    return next(filter(None, map(_stripped, _places(reason, content_type, body))), "")


def _places(reason: str, content_type: str, body: str) -> Iterator[str]:
    yield reason
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.endswith("json"):
        yield from _values_in(body)
    elif "html" in media_type:
        yield from _texts_in(body)
    elif media_type.startswith("text/"):
        yield from body.splitlines()


def _stripped(text: str) -> str:
    """Return a message without its status, empty if only a standard phrase remains."""
    line = one_line(text)
    message = line[found.end() :] if (found := _LEAD.match(line)) else line
    return "" if message.casefold().rstrip(".") in _PHRASES else message


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _values_in(text: str) -> Iterator[str]:
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(document, dict):
        yield from (value for key in _MESSAGE_KEYS if isinstance(value := document.get(key), str))


def _texts_in(page: str) -> Iterator[str]:
    """Return the title of a page and then its text, without tags, in linear time."""
    lower = page.lower()
    start, end = lower.find("<title"), lower.find("</title")
    if 0 <= start < end:
        yield html.unescape(page[start:end].partition(">")[2])
    yield html.unescape(_TAG.sub(" ", page[max(lower.find("<body"), 0) :]))


def _redirection(status: int, location: str) -> str:
    """Return the sentence on a redirect, whose target is shown without credentials."""
    try:
        parts = urlsplit(location)
        host = parts.netloc.rpartition("@")[2]
        target = one_line(urlunsplit(parts._replace(netloc=host, query="", fragment="")))
    except ValueError:
        target = ""
    return (
        f"The upload API redirects ({status}) to {target or 'nowhere'}, and uploads do not follow "
        "redirects. Set promotion.repository_url to the final URL."
    )


def _pause(headers: Mapping[str, str]) -> timedelta | None:
    """Return the time in Retry-After: seconds, or a date relative to the header Date."""
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return min(timedelta(seconds=int(text)), LONGEST_PAUSE)
    until, since = _date(text), _date(headers.get("Date", ""))
    if until is None or since is None:
        return None
    return min(max(until - since, timedelta()), LONGEST_PAUSE)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else None


def advice_on(sentence: str) -> str:
    """Return what to do about a refusal, empty if its sentence matches no pattern."""
    return next((advice for pattern, advice in ADVICE if pattern.search(sentence)), "")
