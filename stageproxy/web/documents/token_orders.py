"""API tokens to make, as requests and forms name them."""

from collections.abc import Mapping
from typing import Literal

from stageproxy.core.rights import TokenKind
from stageproxy.services.tokens import TokenRequest
from stageproxy.web.bodies import Body, Duration, ProjectNameOrEvery, TokenName, VersionText

_KINDS = {"upload": TokenKind.UPLOAD, "manage": TokenKind.MANAGE, "admin": TokenKind.ADMIN}
CAN: Mapping[TokenKind, str] = {kind: name for name, kind in _KINDS.items()}
"""What people call the kinds of API tokens."""


class MakeToken(Body):
    """An API token to make."""

    project: ProjectNameOrEvery
    can: Literal["upload", "manage", "admin"]
    version: VersionText | None = None
    expires: Duration | None = None
    name: TokenName | None = None

    @property
    def order(self) -> TokenRequest:
        """What the service makes of it."""
        return TokenRequest(
            _KINDS[self.can], self.project, self.version, self.expires, self.name or ""
        )
