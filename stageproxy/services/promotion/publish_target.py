"""Where a stage is published and confirmed, and what is sent there."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from stageproxy.catalogue import Catalogue
from stageproxy.core.errors import ConflictError, DamagedArtifactError, OtherBytesError
from stageproxy.core.promotion.plan import Pace
from stageproxy.core.promotion.promotion import PublishUrls
from stageproxy.core.stage.stage import Artifact
from stageproxy.core.stage.upload_forms import outgoing_form
from stageproxy.ports import ArtifactFiles, UploadClient, UploadRequest
from stageproxy.services.promotion.confirmed_listing import ConfirmedListing
from stageproxy.services.promotion.credentials import PromotionCredentials
from stageproxy.services.upstream_state import UpstreamReader


@dataclass(frozen=True, slots=True)
class PublishTarget:
    """Where stages are published and confirmed: with which clients, which credentials, how fast.

    *reader* and *confirmed_listing* read the index that confirms, which may
    be another one than the index that is previewed. *count* is called with the
    kind of each reply to an upload.
    """

    urls: PublishUrls
    reader: UpstreamReader
    confirmed_listing: ConfirmedListing
    upload_client: UploadClient
    credentials: PromotionCredentials
    pace: Pace
    pause: Callable[[timedelta], Awaitable[None]]
    count: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class StoredUploadRequests:
    """The upload requests of a stage that this server stores; see `ports.UploadRequests`."""

    catalogue: Catalogue
    files: ArtifactFiles
    stage_id: str

    @asynccontextmanager
    async def request_for(self, artifact: Artifact) -> AsyncIterator[UploadRequest]:
        """Return the form as it was uploaded, without attestations, and the file."""
        form = await self.catalogue.read(
            lambda rows: rows.artifacts.find_form(self.stage_id, artifact.filename)
        )
        fields = outgoing_form(form, artifact)
        async with AsyncExitStack() as opened:
            try:
                path = await opened.enter_async_context(self.files.on_disk(artifact.sha256))
            except (FileNotFoundError, OtherBytesError) as error:
                raise DamagedArtifactError(artifact.filename) from error
            yield UploadRequest(artifact.filename, path, artifact.size, artifact.sha256, fields)


def get_publish_target(publish_target: PublishTarget | None) -> PublishTarget:
    """Return where stages are published. Raise `ConflictError` if the settings name none."""
    if publish_target is None:
        raise ConflictError(
            "This server has no index to publish on, because its upstream is not PyPI. Set "
            "promotion.repository_url and promotion.index_url."
        )
    return publish_target
