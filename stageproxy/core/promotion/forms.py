"""Here is the form that goes to PyPI with an artifact: the one it came with."""

from stageproxy.core.rules.attestations import FIELD
from stageproxy.core.stage.stage import Artifact
from stageproxy.core.values import FormFields

_NOT_FOR_PYPI = frozenset({"content", "staged"})
"""The file goes on its own, and a draft marker means nothing to PyPI: what has one goes live."""


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
