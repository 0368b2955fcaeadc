"""Here is how `stageproxy promote --here` publishes: from this machine, by its own settings.

The server keeps the stage and the journal. Where the release goes, and with
which credential, this machine decides: no server can make it send a token
anywhere else.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from aiohttp import ClientSession
from packaging.utils import canonicalize_name
from yarl import URL

from stageproxy.cli.client import Client
from stageproxy.cli.output import FailedError
from stageproxy.cli.promote.ambient_identity import identify
from stageproxy.cli.promote.credential import read_credential
from stageproxy.cli.promote.downloads import DownloadedUploadRequests, download_artifacts
from stageproxy.cli.promote.http_journal import HttpJournalStore
from stageproxy.cli.promote.progress import PromotionProgress
from stageproxy.config import Config, ConfigError, load_config
from stageproxy.core.errors import StageproxyError
from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.stage import Artifact
from stageproxy.ports import Credentials
from stageproxy.server.clock import SystemClock
from stageproxy.server.wiring import publish_target_of
from stageproxy.services.promotion.credentials import GivenCredential
from stageproxy.services.promotion.publish_target import PublishTarget
from stageproxy.services.promotion.runner import PromotionRunner
from stageproxy.upstream.pip_index import default_of_pip, urls_of
from stageproxy.upstream.session import Patience, open_session
from stageproxy.upstream.trusted_publishing import TrustedPublisher

Document = Mapping[str, Any]

_WITHOUT_CI = (
    "Trusted Publishing is for CI jobs: anywhere else, name a token with --pypi-token-file or "
    "STAGEPROXY_PROMOTION__TOKEN."
)
_INTERRUPTED = "It was interrupted where it ran."


@asynccontextmanager
async def open_client_sender(
    client: Client, config_file: Path | None, token_file: Path | None, *, as_json: bool
) -> AsyncIterator["ClientSender"]:
    """Open what publishing from this machine needs."""
    config = _settings(config_file)
    patience = Patience(config.upstream.connect_timeout, config.upstream.read_timeout)
    async with open_session(patience, keeps_connections=False) as session:
        upstream = urls_of(str(default_of_pip()))
        target = publish_target_of(config, upstream, session, count=lambda _: None)
        if target is None:
            raise FailedError(
                "Of promotion.repository_url and promotion.index_url one is set here. Set both, "
                "or none of them to publish on PyPI."
            )
        with tempfile.TemporaryDirectory(prefix="stageproxy-promote-") as folder:
            own = _Own(target, session, token_file)
            yield ClientSender(client, own, Path(folder), as_json=as_json)


def _settings(file: Path | None) -> Config:
    try:
        return load_config(file, os.environ)
    except ConfigError as error:
        raise FailedError(str(error)) from error


@dataclass(frozen=True, slots=True)
class _Own:
    """What this machine has to publish with."""

    target: PublishTarget
    session: ClientSession = field(repr=False)
    token_file: Path | None

    async def credentials(self, project: str) -> Credentials:
        """Return the credential of a file, of the settings, or else Trusted Publishing."""
        if self.token_file is not None:
            return GivenCredential(read_credential(self.token_file))
        found = await self.target.credentials.find(canonicalize_name(project))
        if found is not None:
            return GivenCredential(found)
        repository = URL(self.target.urls.repository_url)
        return TrustedPublisher(self.session, repository, identify, SystemClock())


@dataclass(slots=True)
class ClientSender:
    """This machine sends; see `senders.Sender`."""

    client: Client
    own: _Own
    folder: Path
    as_json: bool
    publisher: str = "client"
    _credentials: Credentials | None = field(default=None, repr=False)
    _artifacts: list[Artifact] = field(default_factory=list)

    @property
    def credential_for_server(self) -> Mapping[str, str]:
        """Nothing: what this machine has stays here."""
        return {}

    def check(self, plan: Document) -> None:
        """Raise if the server would publish elsewhere: then its plan is not about our index."""
        own = self.own.target.urls
        told = (plan["repository-url"], plan["index-url"])
        if told != (own.repository_url, own.index_url):
            raise FailedError(
                f"The server has planned for {told[0]} (index {told[1]}), but the settings here "
                f"say {own.repository_url} (index {own.index_url}). Nothing was sent: set "
                "promotion.repository_url and promotion.index_url alike."
            )

    async def prepare(self, stage: Document, plan: Document) -> None:
        """Get a credential and the files, before anything is frozen."""
        try:
            self._credentials = await self.own.credentials(plan["project"])
            await self._credentials.get()
        except StageproxyError as error:
            raise FailedError(f"{error.sentence} {self._hint()}".rstrip()) from error
        self._artifacts = await download_artifacts(
            self.client, stage, self.folder, hidden=self.as_json
        )
        if manifest_digest(self._artifacts) != plan["manifest-digest"]:
            raise FailedError("The stage was changed meanwhile. Nothing was sent: promote again.")

    def _hint(self) -> str:
        is_trusted = isinstance(self._credentials, TrustedPublisher)
        return _WITHOUT_CI if is_trusted else ""

    async def carry_out(self, promotion: Document, progress: PromotionProgress) -> None:
        """Send what was frozen. How it ends stands in the journal then, if the server is there."""
        progress.show(promotion["files"])
        journal_store = HttpJournalStore(
            self.client, promotion["stage"], promotion["fence"], progress
        )
        try:
            with _ended_like_interrupted():
                await self._publication(promotion, journal_store, progress).run()
        except LostLeaseError as error:
            click.echo(error.sentence, err=True)
        except asyncio.CancelledError:
            if task := asyncio.current_task():
                task.uncancel()
            await _fail(journal_store, _INTERRUPTED)
        except (StageproxyError, OSError) as error:
            await _fail(journal_store, str(error))

    def _publication(
        self, promotion: Document, journal_store: HttpJournalStore, progress: PromotionProgress
    ) -> PromotionRunner:
        credentials = self._credentials
        if credentials is None:
            raise FailedError("There is no credential.")
        workflow = credentials.workflow if isinstance(credentials, TrustedPublisher) else None
        return PromotionRunner(
            target=self.own.target,
            project=canonicalize_name(promotion["project"]),
            artifacts=self._artifacts,
            journal_store=journal_store,
            upload_requests=DownloadedUploadRequests(
                self.client, promotion["stage"], self.folder, workflow, _notify
            ),
            credentials=credentials,
            clock=SystemClock(),
            report=progress.sent,
        )


def _notify(sentence: str) -> None:
    click.echo(sentence, err=True)


async def _fail(journal_store: HttpJournalStore, reason: str) -> None:
    with suppress(LostLeaseError):
        await journal_store.fail(reason)


@contextmanager
def _ended_like_interrupted() -> Iterator[None]:
    """Let SIGTERM, by which CI systems end jobs, do what Ctrl-C does."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        yield
        return
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
