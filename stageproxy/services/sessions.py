"""Signing in to the desk and out of it."""

import logging
import secrets
from dataclasses import dataclass

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import AuditAction, Event
from stageproxy.core.errors import StorageError
from stageproxy.core.rights import ApiToken
from stageproxy.core.sessions import (
    HolderKind,
    Session,
    SessionSecret,
    SessionTimes,
    new_session,
)
from stageproxy.core.stage.listing import rfc3339
from stageproxy.ports import Clock
from stageproxy.services.access import get_valid

log = logging.getLogger(__name__)

_ENTROPY = 32
MOST_SESSIONS = 20
"""How many sessions a holder has at most; the next one ends the earliest."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in: the session with its secret, and the API token with whose rights."""

    session: Session
    secret: SessionSecret
    token: ApiToken


@dataclass(frozen=True, slots=True)
class Sessions:
    """Starts, finds and ends sessions. Only the digest of a session's secret is stored."""

    catalogue: Catalogue
    clock: Clock
    times: SessionTimes

    async def start(self, token: ApiToken, former: SessionSecret | None) -> SignedIn:
        """Sign in with an API token, which ends the *former* session of the same browser.

        The secret is always a new one: nobody can know it beforehand.
        """
        secret = SessionSecret(secrets.token_urlsafe(_ENTROPY))
        now = self.clock.now()

        def work(rows: Rows) -> Session:
            current = get_valid(rows, token, now)
            session = new_session(secret, current, now, self.times)
            if former is not None:
                rows.sessions.remove(former.digest)
            for excess in rows.sessions.list(session.holder)[MOST_SESSIONS - 1 :]:
                rows.sessions.remove(excess.digest)
            rows.sessions.save(session)
            details = {"until": rfc3339(session.ends_at)}
            rows.audit.add(Event(now, token.id, AuditAction.SIGNED_IN, details=details))
            return session

        session = await self.catalogue.write(work)
        log.info("token %s: signed in to the desk", token.label)
        return SignedIn(session, secret, token)

    async def find(self, secret: SessionSecret) -> SignedIn | None:
        """Return who is signed in with a secret, or `None` if the session or its token is over."""
        now = self.clock.now()

        def work(rows: Rows) -> SignedIn | None:
            session = rows.sessions.find(secret.digest)
            if session is None or not session.is_live(now):
                return None
            token = _token_of(rows, session)
            return SignedIn(session, secret, token) if token and token.is_live(now) else None

        found = await self.catalogue.read(work)
        if found is not None:
            await self._note_use(found.session)
        return found

    async def end(self, signed_in: SignedIn) -> None:
        """Sign out."""

        def work(rows: Rows) -> None:
            rows.sessions.remove(signed_in.session.digest)
            event = Event(self.clock.now(), signed_in.token.id, AuditAction.SIGNED_OUT)
            rows.audit.add(event)

        await self.catalogue.write(work)
        log.info("token %s: signed out of the desk", signed_in.token.label)

    async def _note_use(self, session: Session) -> None:
        """Note that a session was used, now and then. A failing disk prevents no reading."""
        used = session.used(self.clock.now(), self.times)
        if used is session:
            return

        def work(rows: Rows) -> None:
            # It may have been ended meanwhile.
            if rows.sessions.find(session.digest) is not None:
                rows.sessions.save(used)

        try:
            await self.catalogue.write(work)
        except StorageError as error:
            log.warning("the use of a session was not noted: %s", error.sentence)


def _token_of(rows: Rows, session: Session) -> ApiToken | None:
    """Return the API token that a session has the rights of."""
    match session.holder.kind:
        case HolderKind.API_TOKEN:
            return rows.tokens.find_by_id(session.holder.id)
