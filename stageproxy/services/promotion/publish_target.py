"""Here is where stages are published: the upload API, the index that confirms, the credentials."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from packaging.utils import NormalizedName

from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.plan import Pace
from stageproxy.core.promotion.promotion import PublishUrls
from stageproxy.core.promotion.replies import Reply
from stageproxy.core.rights import Credential
from stageproxy.core.stage.stage import Artifact, Stage
from stageproxy.core.stage.upload_forms import outgoing_form
from stageproxy.ports import (
    ArtifactFiles,
    Catalogue,
    Clock,
    JournalStore,
    UploadClient,
    UploadRequest,
)
from stageproxy.services.promotion.confirmed_listing import ConfirmedListing
from stageproxy.services.promotion.preflight import Preflight
from stageproxy.services.promotion.runner import PromotionRunner

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PromotionCredentials:
    """The credentials that the settings have: by project, in a file, for all, in the URL."""

    username: str
    tokens: Mapping[str, str] = field(repr=False)
    token_file: Path | None
    token: str = field(repr=False)
    in_url: Credential | None = None

    async def find(self, project: NormalizedName) -> Credential | None:
        """Return the credential to publish a project with, if there is one.

        The file is read each time: whoever changes it need not restart the server.
        """
        secret = self.tokens.get(project) or self.token
        if not secret and self.token_file is not None:
            secret = await asyncio.to_thread(_secret_in, self.token_file)
        return Credential(self.username, secret) if secret else self.in_url


def _secret_in(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            log.warning("%s can be read by others than its owner", path)
        return path.read_text().strip()
    except OSError as error:
        sentence = f"promotion.token_file, {path}, cannot be read: {error.strerror}."
        raise ConflictError(sentence) from error
    except UnicodeDecodeError:
        # Its cause would show what is in the file.
        sentence = f"promotion.token_file, {path}, cannot be read: it is not text."
        raise ConflictError(sentence) from None


@dataclass(frozen=True, slots=True)
class GivenCredential:
    """A credential that was given; see `ports.Credentials`."""

    credential: Credential

    async def get(self) -> Credential:
        """Return it."""
        return self.credential


@dataclass(frozen=True, slots=True)
class StoredUploadRequests:
    """What goes out for each artifact of a stage that is kept here; see `ports.UploadRequests`."""

    catalogue: Catalogue
    files: ArtifactFiles
    stage_id: str

    async def request_for(self, artifact: Artifact) -> UploadRequest:
        """Return the form as it came, without attestations, and the file."""
        form = await self.catalogue.read(
            lambda rows: rows.artifacts.find_form(self.stage_id, artifact.filename)
        )
        return UploadRequest(
            artifact.filename,
            self.files.path(artifact.sha256),
            artifact.size,
            artifact.sha256,
            outgoing_form(form, artifact),
        )


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
