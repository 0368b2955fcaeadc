"""MD5 of staged files. It is made from the disk when something shows it: installers do not."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from stageproxy.caching import SingleFlight
from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.errors import StorageError
from stageproxy.core.stage.stage import Artifact, Stage
from stageproxy.ports import ArtifactFiles

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Md5s:
    """Makes the MD5 of files whose uploader named none, once for each."""

    catalogue: Catalogue
    files: ArtifactFiles
    flights: SingleFlight[str, str] = field(default_factory=SingleFlight, repr=False)

    async def complete(self, stage: Stage) -> Stage:
        """Return the stage with the MD5 of each file, except of those that cannot be read."""
        missing = [one for one in stage.artifacts if one.md5 is None]
        if not missing:
            return stage
        stored = await self.catalogue.read(lambda rows: _stored(rows, missing))
        made = {one.sha256: await self._md5_of(one, stored) for one in missing}
        artifacts = (
            replace(one, md5=made[one.sha256]) if one.sha256 in made else one
            for one in stage.artifacts
        )
        return replace(stage, artifacts=tuple(artifacts))

    async def _md5_of(self, artifact: Artifact, stored: Mapping[str, str | None]) -> str | None:
        if md5 := stored[artifact.sha256]:
            return md5
        try:
            return await self.flights.get(artifact.sha256, lambda: self._make(artifact))
        except FileNotFoundError:
            # Its stage ended long ago. If not, fsck and the download report it.
            return None
        except (OSError, ValueError) as error:
            log.warning("cannot make the MD5 of %s: %s", artifact.filename, error)
            return None

    async def _make(self, artifact: Artifact) -> str:
        """Read the stored file, and store its MD5 if it has the bytes that were uploaded."""
        sha256 = artifact.sha256
        digests = await self.files.digests(sha256, {"md5": 0, "sha256": 0})
        if digests["sha256"] != sha256:
            raise ValueError("the stored file has other bytes than the one that was uploaded")
        # A full disk stops no reader: then it is made again for the next one.
        with suppress(StorageError):
            await self.catalogue.write(lambda rows: rows.artifacts.save_md5(sha256, digests["md5"]))
        return digests["md5"]


def _stored(rows: Rows, artifacts: Sequence[Artifact]) -> Mapping[str, str | None]:
    """Return the MD5s that are stored by now. That is no new revision, so *artifacts* lack them."""
    return {one.sha256: rows.artifacts.find_md5(one.sha256) for one in artifacts}
