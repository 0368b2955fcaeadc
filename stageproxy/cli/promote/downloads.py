"""Upload requests for files that were downloaded from a stage."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from stageproxy.cli.client import Client
from stageproxy.cli.output.output import FailedError, OutOfReachError
from stageproxy.cli.transfers import fetch, progress_bars
from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.errors import ConflictError, UpstreamUnavailableError
from stageproxy.core.rules.attestations import own_attestations
from stageproxy.core.stage.stage import Artifact, ArtifactKind
from stageproxy.core.stage.upload_forms import outgoing_form
from stageproxy.core.values import FormFields
from stageproxy.ports import UploadRequest


async def download_artifacts(
    client: Client, stage: Mapping[str, Any], folder: Path, *, hidden: bool
) -> list[Artifact]:
    """Download the files of a stage into a folder, and return them as artifacts."""
    artifacts = [_artifact(name, file) for name, file in stage["files"].items()]
    with progress_bars(hidden=hidden) as bars:
        for artifact in artifacts:
            await fetch(client, stage["files"][artifact.filename], folder / artifact.filename, bars)
    return artifacts


@dataclass(frozen=True, slots=True)
class DownloadedUploadRequests:
    """Upload requests from files in a *folder* and forms on the server; see `ports.UploadRequests`.

    *workflow* is the CI workflow that publishes, if one does: only its attestations
    are sent. *notify* receives a message about the others.
    """

    client: Client
    stage_id: str
    folder: Path
    workflow: str | None
    notify: Callable[[str], None]

    @asynccontextmanager
    async def request_for(self, artifact: Artifact) -> AsyncIterator[UploadRequest]:
        """Return the stored form with the attestations of this workflow, and the file."""
        form = await self._form(artifact.filename)
        own, others = own_attestations(form, self.workflow)
        if others:
            self.notify(_left_out(artifact.filename, others, self.workflow))
        attestations = json.dumps(own) if own else None
        yield UploadRequest(
            artifact.filename,
            self.folder / artifact.filename,
            artifact.size,
            artifact.sha256,
            outgoing_form(form, artifact, attestations=attestations),
        )

    async def _form(self, filename: str) -> FormFields:
        path = f"api/stages/{self.stage_id}/files/{filename}/form"
        try:
            document = await self.client.request("GET", path)
        except OutOfReachError as error:
            raise UpstreamUnavailableError(str(error)) from error
        except FailedError as error:
            raise ConflictError(
                f"Could not fetch the upload form of {filename}: {error}"
            ) from error
        return tuple((name, value) for name, value in document["fields"])


def _left_out(filename: str, count: int, workflow: str | None) -> str:
    why = (
        f"they were not made by {workflow}"
        if workflow
        else "PyPI accepts them only from Trusted Publishers"
    )
    return f"{filename}: {count} of its attestations are not sent, because {why}."


def _artifact(filename: str, file: Mapping[str, Any]) -> Artifact:
    """Return an artifact with the fields that publishing needs."""
    try:
        is_wheel = parse_distribution_name(filename).is_wheel
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    hashes, metadata = file["hashes"], file["metadata"]
    return Artifact(
        filename=filename,
        kind=ArtifactKind.WHEEL if is_wheel else ArtifactKind.SDIST,
        sha256=hashes["sha256"],
        blake2b_256=hashes["blake2b_256"],
        md5=hashes.get("md5"),
        size=file["size"],
        form_sha256="",
        requires_python=metadata["requires-python"],
        summary=metadata["summary"],
        requires_dist=tuple(metadata["requires-dist"]),
        core_metadata_sha256=None,
        uploaded_at=datetime.fromisoformat(file["upload-time"]),
        uploaded_by="",
        attestations=file["attestations"],
    )
