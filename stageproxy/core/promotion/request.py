"""Here is what somebody wants published, and whether that is what was looked at."""

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
    """What somebody wants published, and knowing of what.

    `manifest_digest` is what was looked at; `None` takes the stage as it is.
    `acknowledged` is the digest of the warnings that were seen; `None` takes
    them as they are, for protocols that cannot say more. A `credential` that
    comes with the order is kept in memory only.
    """

    manifest_digest: str | None
    acknowledged: str | None
    publisher: Publisher = Publisher.SERVER
    credential: Credential | None = field(default=None, repr=False)


def check_order(examination: Examination, order: PromotionRequest) -> None:
    """Raise unless it is what was ordered, PyPI would take it, and its warnings are known."""
    digest = manifest_digest(examination.stage.artifacts)
    if order.manifest_digest not in {None, digest}:
        raise ConflictError(
            f"The stage has the manifest digest {digest}, not {order.manifest_digest}. "
            "Check the stage, and promote it with its current digest."
        )
    if refused := _problems(examination, Level.REFUSE):
        raise RefusedError(refused)
    if order.acknowledged not in {None, examination.warnings_digest}:
        warnings = _problems(examination, Level.WARN)
        raise UnacknowledgedError(warnings, examination.warnings_digest)


def _problems(examination: Examination, level: Level) -> Sequence[Problem]:
    found = examination.at_level(level)
    return [Problem(name or one.source, one.message, one.page) for name, one in found]
