"""The upload requests of artifacts that this server stores."""

from dataclasses import dataclass

from stageproxy.core.stage.stage import Artifact
from stageproxy.core.stage.upload_forms import outgoing_form
from stageproxy.ports import ArtifactFiles, Catalogue, UploadRequest


@dataclass(frozen=True, slots=True)
class StoredUploadRequests:
    """The upload requests of a stage that this server stores; see `ports.UploadRequests`."""

    catalogue: Catalogue
    files: ArtifactFiles
    stage_id: str

    async def request_for(self, artifact: Artifact) -> UploadRequest:
        """Return the form as it was uploaded, without attestations, and the file."""
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
