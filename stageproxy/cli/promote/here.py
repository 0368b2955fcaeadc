"""`stageproxy promote --here`: publishing from this machine.

The server stores the stage and the journal. The settings of this machine choose
the index and the credential, so that no server can direct a token elsewhere.
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
from stageproxy.cli.identities import identity_for
from stageproxy.cli.output.output import FailedError
from stageproxy.cli.promote.credential import read_credential
from stageproxy.cli.promote.downloads import DownloadedUploadRequests, download_artifacts
from stageproxy.cli.promote.http_journal import HttpJournalStore
from stageproxy.cli.promote.progress import PromotionProgress
from stageproxy.config import Config, ConfigError, load_config
from stageproxy.core.errors import ConflictError, StageproxyError
from stageproxy.core.promotion.promotion import LostLeaseError, Publisher
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.stage import Artifact
from stageproxy.ports import Credentials
from stageproxy.server.clock import SystemClock
from stageproxy.server.indexes import publish_target_of
from stageproxy.services.promotion.credentials import GivenCredential
from stageproxy.services.promotion.publish_target import PublishTarget
from stageproxy.services.promotion.runner import PromotionRunner
from stageproxy.upstream.pip_index import default_of_pip, urls_of
from stageproxy.upstream.session import Timeouts, open_session
from stageproxy.upstream.trusted_publishing import TrustedPublisher

Document = Mapping[str, Any]

_NO_CI_HINT = (
    "Trusted Publishing works only in CI jobs. Elsewhere, pass a token with --pypi-token-file or "
    "STAGEPROXY_PROMOTION__TOKEN."
)
_INTERRUPTED = "Publishing was interrupted on the machine that ran it."


@asynccontextmanager
async def open_client_sender(
    client: Client, config_file: Path | None, token_file: Path | None, *, as_json: bool
) -> AsyncIterator["ClientSender"]:
    """Open a sender that publishes from this machine."""
    config = _settings(config_file)
    patience = Timeouts(config.upstream.connect_timeout, config.upstream.read_timeout)
    async with open_session(patience, keep_alive=False) as session:
        upstream = urls_of(str(default_of_pip()))
        target = publish_target_of(config, upstream, session, count=lambda _: None)
        if target is None:
            raise FailedError(
                "Set both promotion.repository_url and promotion.index_url, or neither to publish "
                "on PyPI."
            )
        with tempfile.TemporaryDirectory(prefix="stageproxy-promote-") as folder:
            setup = _Setup(target, session, token_file)
            yield ClientSender(client, setup, Path(folder), as_json=as_json)


def _settings(file: Path | None) -> Config:
    try:
        return load_config(file, os.environ)
    except ConfigError as error:
        raise FailedError(str(error)) from error


@dataclass(frozen=True, slots=True)
class _Setup:
    """Where this machine publishes, and the file with the credential, if one was named."""

    target: PublishTarget
    session: ClientSession = field(repr=False)
    token_file: Path | None

    async def credentials(self, project: str) -> Credentials:
        """Return the credential of the file, else of the settings, else Trusted Publishing."""
        if self.token_file is not None:
            return GivenCredential(read_credential(self.token_file))
        found = await self.target.credentials.find(canonicalize_name(project))
        if found is not None:
            return GivenCredential(found)
        repository = URL(self.target.urls.repository_url)
        return TrustedPublisher(self.session, repository, _identify, SystemClock())


async def _identify(audience: str) -> str:
    """Return the identity of this CI job for an audience. Raise if there is none."""
    found = await identity_for(audience)
    if found is None:
        raise ConflictError(
            "There is no credential to publish with: promotion.token is not set, and there is no "
            "CI job identity for Trusted Publishing."
        )
    return found


@dataclass(slots=True)
class ClientSender:
    """Sends files from this machine; see `senders.Sender`."""

    client: Client
    setup: _Setup
    folder: Path
    as_json: bool
    publisher: Publisher = Publisher.CLIENT
    _credentials: Credentials | None = field(default=None, repr=False)
    _artifacts: list[Artifact] = field(default_factory=list)

    @property
    def credential_for_server(self) -> Mapping[str, str]:
        """Return nothing: the credential stays on this machine."""
        return {}

    def check(self, plan: Document) -> None:
        """Raise if the server would publish on another index: its plan is not about this one."""
        local = self.setup.target.urls
        planned = (plan["repository-url"], plan["index-url"])
        if planned != (local.repository_url, local.index_url):
            raise FailedError(
                f"The server would publish on {planned[0]} (index {planned[1]}), but the settings "
                f"on this machine name {local.repository_url} (index {local.index_url}). "
                "Nothing was sent. Set promotion.repository_url and promotion.index_url to the "
                "same values on both machines."
            )

    async def prepare(self, stage: Document, plan: Document) -> None:
        """Fetch a credential and the files, before the stage is frozen."""
        try:
            self._credentials = await self.setup.credentials(plan["project"])
            await self._credentials.get()
        except StageproxyError as error:
            raise FailedError(f"{error.sentence} {self._hint()}".rstrip()) from error
        self._artifacts = await download_artifacts(
            self.client, stage, self.folder, hidden=self.as_json
        )
        if manifest_digest(self._artifacts) != plan["manifest-digest"]:
            raise FailedError(
                "The stage was changed in the meantime. Nothing was sent. Check the changes and "
                "run `stageproxy promote STAGE` again."
            )

    def _hint(self) -> str:
        is_trusted = isinstance(self._credentials, TrustedPublisher)
        return _NO_CI_HINT if is_trusted else ""

    async def send(self, promotion: Document, progress: PromotionProgress) -> None:
        """Send the frozen files. The journal records how it ends, if the server can be reached."""
        progress.show(promotion["files"])
        journal_store = HttpJournalStore(
            self.client, promotion["stage"], promotion["fence"], progress
        )
        try:
            with _canceled_by_sigterm():
                await self._runner(promotion, journal_store, progress).run()
        except LostLeaseError as error:
            click.echo(error.sentence, err=True)
        except asyncio.CancelledError:
            if task := asyncio.current_task():
                task.uncancel()
            await _fail(journal_store, _INTERRUPTED)
        except (StageproxyError, OSError) as error:
            await _fail(journal_store, str(error))

    def _runner(
        self, promotion: Document, journal_store: HttpJournalStore, progress: PromotionProgress
    ) -> PromotionRunner:
        credentials = self._credentials
        if credentials is None:
            raise FailedError("There is no credential to publish with.")
        workflow = credentials.workflow if isinstance(credentials, TrustedPublisher) else None
        return PromotionRunner(
            target=self.setup.target,
            project=canonicalize_name(promotion["project"]),
            artifacts=self._artifacts,
            journal_store=journal_store,
            upload_requests=DownloadedUploadRequests(
                self.client, promotion["stage"], self.folder, workflow, _notify
            ),
            credentials=credentials,
            clock=SystemClock(),
            report=progress.sent,
            wait_for=progress.wait_for,
        )


def _notify(sentence: str) -> None:
    click.echo(sentence, err=True)


async def _fail(journal_store: HttpJournalStore, reason: str) -> None:
    with suppress(LostLeaseError):
        await journal_store.fail(reason)


@contextmanager
def _canceled_by_sigterm() -> Iterator[None]:
    """Cancel the current task on SIGTERM, with which CI systems end jobs."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        yield
        return
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
