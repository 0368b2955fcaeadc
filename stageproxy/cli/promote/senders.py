"""Senders: whoever sends the files of a promotion."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stageproxy.cli.promote.progress import PromotionProgress
from stageproxy.core.promotion.promotion import Publisher
from stageproxy.core.rights import Credential

Document = Mapping[str, Any]


class Sender(Protocol):
    """The server or this machine."""

    @property
    def publisher(self) -> Publisher:
        """The API's name for the sender."""

    @property
    def credential_for_server(self) -> Mapping[str, str]:
        """The credential that the request to the server contains."""

    def check(self, plan: Document) -> None:
        """Raise if the plan does not fit this machine."""

    async def prepare(self, stage: Document, plan: Document) -> None:
        """Prepare to send, before the stage is frozen. Raise if that fails."""

    async def send(self, promotion: Document, progress: PromotionProgress) -> None:
        """Send the frozen files."""


@dataclass(frozen=True, slots=True)
class ServerSender:
    """Has the server send the files, with *credential* or with its own."""

    credential: Credential | None
    publisher: Publisher = Publisher.SERVER

    @property
    def credential_for_server(self) -> Mapping[str, str]:
        """Return the credential. The server stores it in memory only."""
        if self.credential is None:
            return {}
        return {"username": self.credential.username, "token": self.credential.password}

    def check(self, plan: Document) -> None:
        """Accept the plan, which the server made."""

    async def prepare(self, stage: Document, plan: Document) -> None:
        """Do nothing."""

    async def send(self, promotion: Document, progress: PromotionProgress) -> None:
        """Do nothing: the server sends."""
