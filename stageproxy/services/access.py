"""Authentication of API tokens, and the checks of what they permit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.errors import (
    ForbiddenError,
    MissingCredentialError,
    UnknownCredentialError,
)
from stageproxy.core.rights import Action, ApiToken, parse_token
from stageproxy.ports import Clock
from stageproxy.services.quotas import Rates

_ON_THE_SERVER: Mapping[Action, str] = {
    Action.TOKENS: "manage API tokens",
    Action.VERIFY: "verify the audit trail",
}
"""The rights that do not concern a project, as the error names them."""


@dataclass(frozen=True, slots=True)
class Access:
    """Authenticates requests. Nothing is cached: a revoked token is refused at once."""

    catalogue: Catalogue
    clock: Clock
    rates: Rates = field(default_factory=Rates)

    def count_change(self, token: ApiToken) -> None:
        """Count a request that may change something. Raise if there are too many."""
        self.rates.check_change(token, self.clock.now())

    async def authenticate(self, credential: str | None) -> ApiToken:
        """Return the API token of a credential. Raise if it is missing, unknown or not valid."""
        if credential is None:
            raise MissingCredentialError
        found = await self._find(credential)
        if found is None:
            raise UnknownCredentialError
        if not found.is_live(self.clock.now()):
            raise _not_valid()
        return found

    async def recognize(self, credential: str | None) -> ApiToken | None:
        """Return the API token of a credential if it is valid, for what needs none.

        Raise if it is unknown.
        """
        if not credential:
            return None
        found = await self._find(credential)
        if found is None:
            raise UnknownCredentialError
        return found if found.is_live(self.clock.now()) else None

    async def names(self) -> Mapping[str, str]:
        """Return the names of API tokens by their ids, to show who did something."""
        return await self.catalogue.read(lambda rows: rows.tokens.names())

    async def _find(self, credential: str) -> ApiToken | None:
        token = parse_token(credential)
        if token is None:
            return None
        return await self.catalogue.read(lambda rows: rows.tokens.find(token.digest))


def require(
    token: ApiToken, action: Action, project: str | None, version: str | None = None
) -> None:
    """Raise unless *token* permits *action*, whether or not the project exists."""
    if not token.permits(action, project, version):
        what = f"{action} {project}" if project else _ON_THE_SERVER.get(action, action)
        raise ForbiddenError(f"This API token cannot {what}.")


def require_still(
    rows: Rows,
    token: ApiToken,
    action: Action,
    project: str | None,
    version: str | None,
    now: datetime,
) -> None:
    """Raise unless *token* permits *action* at the moment of the transaction that does it.

    A request is authenticated before its body arrives, which can take long: a token that is
    revoked or expires until then changes nothing any more.
    """
    require(get_valid(rows, token, now), action, project, version)


def get_valid(rows: Rows, token: ApiToken, now: datetime) -> ApiToken:
    """Return an API token as it is within a transaction. Raise if it was revoked or expired."""
    current = rows.tokens.find(token.digest)
    if current is None or not current.is_live(now):
        raise _not_valid()
    return current


def require_on(token: ApiToken, action: Action, project: str, version: str | None) -> None:
    """Raise unless *token* permits *action* on a stage of a release.

    A token that cannot show the stage does not learn that it exists.
    """
    if not token.permits(Action.SHOW, project, version):
        raise _forbidden()
    require(token, action, project, version)


def require_everywhere(token: ApiToken, action: Action) -> None:
    """Raise unless *token* permits *action* on every stage, as `require_on` would."""
    if not token.permits(action, None):
        raise _forbidden()


def _not_valid() -> ForbiddenError:
    return ForbiddenError("This API token is revoked or has expired. Ask for a new one.")


def _forbidden() -> ForbiddenError:
    return ForbiddenError("There is no such stage, or this API token cannot access it.")
