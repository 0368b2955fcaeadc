"""Upload forms of artifacts, as twine sends them and as they are sent to PyPI."""

from stageproxy.core.rules.attestations import FIELD
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.file_uploads import FileUpload
from stageproxy.core.stage.stage import Artifact
from stageproxy.core.values import FormFields

_NOT_FOR_PYPI = frozenset({"content", "staged"})
"""`content` is the file itself; PyPI does not know `staged`."""


def form_of_upload(form: FormFields, upload: FileUpload, received: FileDigests) -> FormFields:
    """Return the form that twine would send with the file, from what its metadata says."""
    digests = (("sha256_digest", received.sha256), ("blake2_256_digest", received.blake2b_256))
    attested = ((FIELD, upload.attestations),) if upload.attestations else ()
    return (*form, *digests, *attested)


def outgoing_form(
    form: FormFields, artifact: Artifact, *, attestations: str | None = None
) -> FormFields:
    """Return the fields to send to PyPI, in the order of the form.

    *attestations* replace those of the form, which PyPI accepts only from the
    Trusted Publisher that made them. Digests that the uploader did not send are
    added, so that PyPI refuses damaged bytes.
    """
    fields = tuple(one for one in form if one[0] not in _NOT_FOR_PYPI | {FIELD})
    digests = (
        ("sha256_digest", artifact.sha256),
        ("blake2_256_digest", artifact.blake2b_256),
    )
    present = {name for name, _ in fields}
    missing = tuple(one for one in digests if one[0] not in present)
    attested = ((FIELD, attestations),) if attestations else ()
    return (*fields, *missing, *attested)
