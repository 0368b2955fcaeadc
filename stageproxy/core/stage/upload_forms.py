"""The upload form of an artifact: as twine would send it, and as it is sent to PyPI."""

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.metadata import form_of
from stageproxy.core.rules.attestations import FIELD
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.file_uploads import FileUpload
from stageproxy.core.stage.stage import Artifact
from stageproxy.core.values import FormFields

_NOT_FOR_PYPI = frozenset({"content", "staged"})
"""The file is sent on its own; `staged` means nothing to PyPI, which publishes every file."""


def form_of_upload(
    core_metadata: bytes, name: DistributionName, upload: FileUpload, received: FileDigests
) -> FormFields:
    """Return the form that twine would send with the file."""
    form = form_of(
        core_metadata,
        name,
        sha256_digest=received.sha256,
        blake2_256_digest=received.blake2b_256,
    )
    attested = ((FIELD, upload.attestations),) if upload.attestations else ()
    return (*form, *attested)


def outgoing_form(
    form: FormFields, artifact: Artifact, *, attestations: str | None = None
) -> FormFields:
    """Return the fields to send, in the order in which they came.

    *attestations* replace those that came along, which PyPI refuses from
    anybody but the Trusted Publisher that made them. Digests that an uploader
    did not send are added: they keep broken bytes out.
    """
    kept = tuple(one for one in form if one[0] not in _NOT_FOR_PYPI | {FIELD})
    digests = (
        ("sha256_digest", artifact.sha256),
        ("blake2_256_digest", artifact.blake2b_256),
    )
    there = {name for name, _ in kept}
    missing = tuple(one for one in digests if one[0] not in there)
    attested = ((FIELD, attestations),) if attestations else ()
    return (*kept, *missing, *attested)
