"""Here is who sends the files of a promotion, as `stageproxy promote` sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stageproxy.cli.promote.progress import PromotionProgress
from stageproxy.core.rights import Credential

Document = Mapping[str, Any]


class Sender(Protocol):
    """The server, or this machine."""

    @property
    def publisher(self) -> str:
        """The API's word for it."""

    @property
    def credential_for_server(self) -> Mapping[str, str]:
        """What of a credential goes to the server with the order."""

    def check(self, plan: Document) -> None:
        """Raise what speaks against a plan here."""

    async def prepare(self, stage: Document, plan: Document) -> None:
        """Get ready, before anything is frozen. Raise if it cannot be done."""

    async def carry_out(self, promotion: Document, progress: PromotionProgress) -> None:
        """Send what was frozen."""


@dataclass(frozen=True, slots=True)
class ServerSender:
    """The server sends, with a *credential* for this once, or with its own."""

    credential: Credential | None
    publisher: str = "server"

    @property
    def credential_for_server(self) -> Mapping[str, str]:
        """The credential: the server keeps it in memory only."""
        if self.credential is None:
            return {}
        return {"username": self.credential.username, "token": self.credential.password}

    def check(self, plan: Document) -> None:
        """Raise nothing: the server has made the plan."""

    async def prepare(self, stage: Document, plan: Document) -> None:
        """Do nothing."""

    async def carry_out(self, promotion: Document, progress: PromotionProgress) -> None:
        """Leave it to the server."""
