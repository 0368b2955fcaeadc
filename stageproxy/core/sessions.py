"""Sessions at the desk: whose one is, and how long it lasts."""

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from stageproxy.core.rights import ApiToken

_NOTES = 12
"""Into how many parts the idle time is divided: only so often is it noted that one was used."""


class HolderKind(StrEnum):
    """What somebody signs in with."""

    API_TOKEN = "api-token"  # noqa: S105 - the name of a kind


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a session is: an API token, by its id."""

    kind: HolderKind
    id: str


@dataclass(frozen=True, slots=True)
class SessionSecret:
    """The secret that a cookie brings. Its `repr` hides it."""

    value: str = field(repr=False)

    @property
    def digest(self) -> str:
        """Its SHA-256 in hex, the only form that is stored."""
        return hashlib.sha256(self.value.encode()).hexdigest()

    @property
    def form_token(self) -> str:
        """The text that each form of the session brings; a page of another site cannot know it."""
        return hmac.digest(self.value.encode(), b"form", "sha256").hex()

    def made(self, form_token: str) -> bool:
        """Return whether a form is one of this session."""
        return hmac.compare_digest(self.form_token.encode(), form_token.encode())


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """How long a session lasts: without being used, and in all."""

    idle: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """The time in which somebody is signed in.

    It ends at `expires_at`, which moves when it is used, but never beyond `ends_at`.
    """

    digest: str = field(repr=False)
    holder: Holder
    started_at: datetime
    used_at: datetime
    expires_at: datetime
    ends_at: datetime

    def is_live(self, now: datetime) -> bool:
        """Return whether the session has not expired."""
        return now < self.expires_at

    def used(self, now: datetime, times: SessionTimes) -> "Session":
        """Return the session after it was used. It is the same one if that was a moment ago."""
        if now - self.used_at < times.idle / _NOTES:
            return self
        return replace(self, used_at=now, expires_at=min(now + times.idle, self.ends_at))


def holder_of(token: ApiToken) -> Holder:
    """Return the holder of the sessions that an API token signs in to."""
    return Holder(HolderKind.API_TOKEN, token.id)


def new_session(
    secret: SessionSecret, token: ApiToken, now: datetime, times: SessionTimes
) -> Session:
    """Return the session that an API token signs in to: it ends with the token at the latest."""
    longest = now + times.longest
    ends_at = min(longest, token.expires_at) if token.expires_at else longest
    return Session(
        secret.digest,
        holder_of(token),
        started_at=now,
        used_at=now,
        expires_at=min(now + times.idle, ends_at),
        ends_at=ends_at,
    )
