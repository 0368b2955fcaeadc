"""Here is what the bearer of a token may do."""

from collections.abc import Mapping
from dataclasses import dataclass

from stageproxy.core.errors import (
    ForbiddenError,
    MissingCredentialError,
    UnknownCredentialError,
)
from stageproxy.core.rights import Action, ApiToken, parse_token
from stageproxy.ports import Catalogue, Clock

_ON_THE_SERVER: Mapping[Action, str] = {
    Action.TOKENS: "manage API tokens",
    Action.VERIFY: "verify the audit trail",
}
"""What an API token cannot do where no project is concerned."""


@dataclass(frozen=True, slots=True)
class Access:
    """Tells who asks. Every request asks anew: what is revoked is over at once."""

    catalogue: Catalogue
    clock: Clock

    async def authenticate(self, credential: str | None) -> ApiToken:
        """Return the API token that a request came with, or raise why it does not count."""
        if credential is None:
            raise MissingCredentialError
        found = await self._find(credential)
        if found is None:
            raise UnknownCredentialError
        if not found.is_live(self.clock.now()):
            raise ForbiddenError("This API token is revoked or has expired. Ask for a new one.")
        return found

    async def recognize(self, credential: str | None) -> ApiToken | None:
        """Return the API token that a reader sent along, if it counts; reading needs none."""
        found = await self._find(credential) if credential else None
        return found if found and found.is_live(self.clock.now()) else None

    async def _find(self, credential: str) -> ApiToken | None:
        token = parse_token(credential)
        if token is None:
            return None
        return await self.catalogue.read(lambda rows: rows.tokens.find(token.digest))


def require(
    token: ApiToken, action: Action, project: str | None, version: str | None = None
) -> None:
    """Raise unless *token* permits *action*; the answer is the same for what does not exist."""
    if not token.permits(action, project, version):
        what = f"{action} {project}" if project else _ON_THE_SERVER.get(action, action)
        raise ForbiddenError(f"This API token cannot {what}.")


def require_on(token: ApiToken, action: Action, project: str, version: str | None) -> None:
    """Raise unless *token* permits *action* on a stage that is, or was, of a release."""
    if not token.permits(Action.SHOW, project, version):
        raise _forbidden()
    require(token, action, project, version)


def require_everywhere(token: ApiToken, action: Action) -> None:
    """Raise unless *token* permits *action* on every stage, as it would on a stage that exists."""
    if not token.permits(action, None):
        raise _forbidden()


def _forbidden() -> ForbiddenError:
    return ForbiddenError("There is no such stage, or this API token cannot access it.")
