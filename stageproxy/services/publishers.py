"""Adding, listing and removing trusted publishers."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import AuditAction, Event
from stageproxy.core.errors import ConflictError, InvalidRequestError, NotFoundError
from stageproxy.core.identity.providers import FIELDS, Provider
from stageproxy.core.identity.publisher_fields import find_problems
from stageproxy.core.identity.publishers import TrustedPublisher
from stageproxy.core.rights import Action, ApiToken
from stageproxy.ports import Clock
from stageproxy.services.access import require, require_still

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublisherRequest:
    """A trusted publisher to add. *issuer*: empty for that of the provider."""

    project: str
    provider: Provider
    issuer: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Publishers:
    """The trusted publishers of projects. Whoever may make API tokens may change them.

    *issuers*: those that publishers may name, besides the ones of the providers.
    """

    catalogue: Catalogue
    clock: Clock
    issuers: frozenset[str]

    async def add(self, token: ApiToken, request: PublisherRequest) -> TrustedPublisher:
        """Add a publisher. Raise `ConflictError` if the project has the same one."""
        require(token, Action.TOKENS, None)
        problems = [*find_problems(request.provider, request.issuer, request.fields, self.issuers)]
        if problems:
            raise InvalidRequestError(" ".join(one.message for one in problems), problems)

        def work(rows: Rows) -> TrustedPublisher:
            now = self.clock.now()
            require_still(rows, token, Action.TOKENS, None, None, now)
            publisher = TrustedPublisher(
                id=secrets.token_hex(4),
                project=request.project,
                provider=request.provider,
                issuer=request.issuer or FIELDS[request.provider].issuer,
                fields=request.fields,
                added_at=now,
                added_by=token.id,
            )
            for one in rows.publishers.list(request.project):
                if (one.issuer, one.fields) == (publisher.issuer, publisher.fields):
                    raise ConflictError(
                        f"{request.project} has this trusted publisher already: {one.id}."
                    )
            rows.publishers.add(publisher)
            rows.audit.add(_event(publisher, AuditAction.PUBLISHER_ADDED, token.id, self.clock))
            return publisher

        added = await self.catalogue.write(work)
        log.info(
            "trusted publisher %s of %s: added by token %s", added.id, added.project, token.label
        )
        return added

    async def list(self, token: ApiToken, project: str) -> Sequence[TrustedPublisher]:
        """Return the publishers of a project, for whoever may read its audit trail."""
        require(token, Action.AUDIT, project)
        return await self.catalogue.read(lambda rows: rows.publishers.list(project))

    async def remove(self, token: ApiToken, project: str, publisher_id: str) -> TrustedPublisher:
        """Remove a publisher, and revoke the API tokens that were minted for it."""
        require(token, Action.TOKENS, None)

        def work(rows: Rows) -> TrustedPublisher:
            now = self.clock.now()
            require_still(rows, token, Action.TOKENS, None, None, now)
            found = rows.publishers.find(publisher_id)
            if found is None or found.project != project:
                raise NotFoundError(f"{project} has no trusted publisher {publisher_id}.")
            rows.publishers.remove(publisher_id)
            for one in rows.tokens.list():
                if one.publisher == publisher_id and one.is_live(now):
                    rows.tokens.save(replace(one, revoked_at=now))
            rows.audit.add(_event(found, AuditAction.PUBLISHER_REMOVED, token.id, self.clock))
            return found

        removed = await self.catalogue.write(work)
        log.info(
            "trusted publisher %s of %s: removed by token %s", removed.id, project, token.label
        )
        return removed


def _event(publisher: TrustedPublisher, action: AuditAction, actor: str, clock: Clock) -> Event:
    details = {
        "publisher": publisher.id,
        "provider": publisher.provider.value,
        "issuer": publisher.issuer,
        **publisher.fields,
    }
    return Event(clock.now(), actor, action, publisher.project, details=details)
