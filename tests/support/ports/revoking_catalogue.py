"""A catalogue in which an API token is revoked between the authorization and the write."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.rights import ApiToken
from tests.support.ports.clock import NOON

T = TypeVar("T")
Service = TypeVar("Service")


@dataclass(slots=True)
class RevokingCatalogue:
    """A catalogue in which *token* is revoked just before one of the transactions that write.

    *passing*: how many of them come before that. `revoked_at` is the number of the last
    record of the audit trail then, and -1 if it was not revoked at all.
    """

    inner: Catalogue
    token: ApiToken
    passing: int = 0
    revoked_at: int = -1

    async def write(self, work: Callable[[Rows], T]) -> T:
        """Revoke the token if its time has come, and do *work* after that."""
        if self.passing == 0:
            self.revoked_at = await self.inner.write(self._revoke)
        self.passing -= 1
        return await self.inner.write(work)

    async def read(self, work: Callable[[Rows], T]) -> T:
        """Do *work* on the committed rows."""
        return await self.inner.read(work)

    def _revoke(self, rows: Rows) -> int:
        rows.tokens.save(replace(self.token, revoked_at=NOON))
        return rows.audit.head().number


def over(service: Service, catalogue: RevokingCatalogue) -> Service:
    """Return a service that works on *catalogue*, and so do all services that it uses."""
    if not is_dataclass(service) or isinstance(service, type):
        return service
    changes: dict[str, Any] = {}
    for one in fields(service):
        value = getattr(service, one.name)
        if value is catalogue.inner:
            changes[one.name] = catalogue
        elif type(value).__module__.startswith("stageproxy.services"):
            changes[one.name] = over(value, catalogue)
    return replace(service, **changes)
