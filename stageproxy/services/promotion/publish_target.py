"""Here is where stages are published: the upload API, the index that confirms, the credentials."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.plan import Pace
from stageproxy.core.promotion.promotion import PublishUrls
from stageproxy.core.promotion.replies import Reply
from stageproxy.core.rights import Credential
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import (
    ArtifactFiles,
    Catalogue,
    Clock,
    JournalStore,
    UploadClient,
    UploadRequest,
)
from stageproxy.services.promotion.confirmed_listing import ConfirmedListing
from stageproxy.services.promotion.credentials import GivenCredential
from stageproxy.services.promotion.preflight import Preflight
from stageproxy.services.promotion.runner import PromotionRunner
from stageproxy.services.promotion.upload_requests import StoredUploadRequests


@dataclass(frozen=True, slots=True)
class CountingUploadClient:
    """A upload_client whose replies are counted by their kind; see `ports.UploadClient`."""

    upload_client: UploadClient
    count: Callable[[str], None]

    async def publish(
        self, upload_request: UploadRequest, credential: Credential, report: Callable[[int], None]
    ) -> Reply:
        """Send an artifact once, and return what becomes of it."""
        reply = await self.upload_client.publish(upload_request, credential, report)
        self.count(type(reply).__name__.lower())
        return reply


@dataclass(frozen=True, slots=True)
class PublishTarget:
    """Where a server publishes, and with what."""

    target: PublishUrls
    preflight: Preflight
    confirmed_listing: ConfirmedListing
    upload_client: UploadClient
    catalogue: Catalogue
    files: ArtifactFiles
    clock: Clock
    pace: Pace
    pause: Callable[[timedelta], Awaitable[None]]

    def publication(
        self,
        stage: Stage,
        journal_store: JournalStore,
        credential: Credential,
        report: Callable[[str, int], None],
    ) -> PromotionRunner:
        """Return what publishes a frozen stage from here."""
        return PromotionRunner(
            project=stage.project,
            artifacts=stage.artifacts,
            journal_store=journal_store,
            upload_requests=StoredUploadRequests(self.catalogue, self.files, stage.id),
            confirmed_listing=self.confirmed_listing,
            upload_client=self.upload_client,
            credentials=GivenCredential(credential),
            clock=self.clock,
            pause=self.pause,
            pace=self.pace,
            report=report,
        )


def get_publish_target(publish_target: PublishTarget | None) -> PublishTarget:
    """Return where stages are published; raise if nobody said so."""
    if publish_target is None:
        raise ConflictError(
            "This server does not know where to publish. Its upstream is not PyPI, and so "
            "promotion.repository_url and promotion.index_url have to be set."
        )
    return publish_target
