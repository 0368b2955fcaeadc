"""Requests to promote a stage and their validation."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from stageproxy.core.errors import ConflictError, Problem, RefusedError, UnacknowledgedError
from stageproxy.core.promotion.examination import Examination
from stageproxy.core.promotion.promotion import Publisher
from stageproxy.core.rights import Credential
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.manifest import manifest_digest


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """A request to promote a stage.

    `manifest_digest` is that of the approved files; `None` accepts the stage as it
    is. `acknowledged` is the digest of the acknowledged warnings; `None` accepts
    any, for protocols that cannot send one. A `credential` in the request is
    stored in memory only.
    """

    manifest_digest: str | None
    acknowledged: str | None
    publisher: Publisher = Publisher.SERVER
    credential: Credential | None = field(default=None, repr=False)


def check_request(examination: Examination, request: PromotionRequest) -> None:
    """Raise unless the stage is the approved one, without refusals or unacknowledged warnings."""
    digest = manifest_digest(examination.stage.artifacts)
    if request.manifest_digest not in {None, digest}:
        raise ConflictError(
            f"The stage has the manifest digest {digest}, not {request.manifest_digest}. "
            "Check the stage, and promote it with its current digest."
        )
    if refused := _problems(examination, Level.REFUSE):
        raise RefusedError(refused)
    if request.acknowledged not in {None, examination.warnings_digest}:
        warnings = _problems(examination, Level.WARN)
        raise UnacknowledgedError(warnings, examination.warnings_digest)


def _problems(examination: Examination, level: Level) -> Sequence[Problem]:
    found = examination.at_level(level)
    return [Problem(name or one.source, one.message, one.page) for name, one in found]
