"""The examination of a stage before its promotion, and the request that must match it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from stageproxy.core.errors import ConflictError, Problem, RefusedError, UnacknowledgedError
from stageproxy.core.promotion.looks import (
    Change,
    Look,
    SeenFile,
    change_sentence,
    changes,
)
from stageproxy.core.promotion.promotion import Approval, Promotion, Publisher
from stageproxy.core.rights import Credential
from stageproxy.core.rules.findings import Finding, FindingsByFile, Level
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.stage import Artifact, Stage, Status

NO_NAMES: Mapping[str, str] = MappingProxyType({})
"""The names of API tokens, where none is known."""


@dataclass(frozen=True, slots=True)
class Examination:
    """The findings on a stage at one time, and the files already published.

    `notices` are for people and do not affect the promotion.
    """

    stage: Stage
    findings: FindingsByFile
    published: frozenset[str] = frozenset()
    notices: tuple[str, ...] = ()

    def at_level(self, level: Level) -> list[tuple[str, Finding]]:
        """Return the findings of one level, each with its filename."""
        return [
            (filename, finding)
            for filename, findings in self.findings.items()
            for finding in findings
            if finding.level is level
        ]

    @property
    def warnings(self) -> list[str]:
        """The sentences to acknowledge."""
        return [_sentence(*one) for one in self.at_level(Level.WARN)]

    @property
    def warnings_digest(self) -> str:
        """The SHA-256 of the warnings in hex, by which they are acknowledged; empty if none."""
        lines = "".join(sorted(f"{line}\n" for line in self.warnings))
        return hashlib.sha256(lines.encode()).hexdigest() if lines else ""


UNSEEN = (
    "The request to publish named no manifest digest, so whatever was staged at that moment was "
    "approved. Send `manifest-digest` to publish only files that somebody has seen."
)
"""The notice on a promotion that nobody bound to files."""


def find_damage(artifact: Artifact, sha256: str | None) -> Finding | None:
    """Return the refusal of an artifact whose file is missing or has another *sha256*."""
    if sha256 == artifact.sha256:
        return None
    return Finding(
        "content",
        "The server's copy of the file is damaged. Upload the file again, or restore a backup.",
    )


def attestation_notices(artifacts: Iterable[Artifact]) -> list[str]:
    """Return the notices on attestations that a promotion with an API token leaves out."""
    return [
        f"{one.filename}: {one.attestations} attestations are left out, because PyPI accepts them "
        "from Trusted Publishers only. To publish them, run `stageproxy promote --here` in the "
        "workflow that made them."
        for one in artifacts
        if one.attestations
    ]


def _sentence(filename: str, finding: Finding) -> str:
    return f"{filename}: {finding.message}" if filename else finding.message


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """A request to promote a stage.

    `manifest_digest` is that of the approved files, and `revision` that of the stage
    as it was shown: the same bytes with another form are another release. `None`
    accepts the stage as it is. `acknowledged` is the digest of the acknowledged
    warnings; `None` accepts any, for protocols that cannot send one. A `credential`
    in the request is stored in memory only.
    """

    manifest_digest: str | None
    acknowledged: str | None
    publisher: Publisher = Publisher.SERVER
    credential: Credential | None = field(default=None, repr=False)
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class StageHistory:
    """What is known of the past of a stage when a request to promote it is checked.

    `seen` is what was shown of it when it was approved, if that is known. `forms` are
    the files whose bytes came with more than one form, and `names` those of API tokens.
    """

    seen: Look | None = None
    forms: Sequence[Change] = ()
    names: Mapping[str, str] = field(default_factory=dict)


def check_request(
    examination: Examination, request: PromotionRequest, history: StageHistory
) -> None:
    """Raise unless the stage is the approved one, without refusals or unacknowledged warnings."""
    stage, seen, names = examination.stage, history.seen, history.names
    digest = manifest_digest(stage.artifacts)
    if request.manifest_digest not in {None, digest}:
        raise ConflictError(
            f"The stage has the manifest digest {digest}, not {request.manifest_digest}. "
            "Check the stage, and promote it with its current digest.",
            change_problems(seen.files if seen else stage.artifacts, stage, names),
        )
    if request.revision not in {None, stage.revision}:
        raise ConflictError(
            f"The stage has revision {stage.revision}, not {request.revision}: it was changed "
            "since it was shown. Check the stage, and promote it with its current revision.",
            change_problems(seen.files if seen else stage.artifacts, stage, names),
        )
    if history.forms and request.manifest_digest is not None and request.revision is None:
        raise ConflictError(
            "The manifest digest covers the bytes of files, and not the forms that they were "
            f"uploaded with. Check the stage, and name its revision as well: {stage.revision}.",
            [Problem(one.filename, change_sentence(one, names)) for one in history.forms],
        )
    if refused := _problems(examination, Level.REFUSE):
        raise RefusedError(refused)
    if request.acknowledged not in {None, examination.warnings_digest}:
        warnings = _problems(examination, Level.WARN)
        raise UnacknowledgedError(warnings, examination.warnings_digest)


def change_problems(
    former: Iterable[SeenFile | Artifact], stage: Stage, names: Mapping[str, str] = NO_NAMES
) -> Sequence[Problem]:
    """Return a problem for each file of a stage that is not as it was."""
    return [
        Problem(one.filename, change_sentence(one, names))
        for one in changes(former, stage.artifacts)
    ]


def approval_to_resume(promotion: Promotion | None, stage: Stage) -> Approval | None:
    """Return the approval of a promotion that stopped, if it is of the stage as it is now."""
    if promotion is None or stage.status is not Status.ERROR:
        return None
    approval = promotion.approval
    approved = (approval.manifest_digest, approval.revision)
    is_same = approved == (manifest_digest(stage.artifacts), stage.revision)
    return approval if is_same else None


def _problems(examination: Examination, level: Level) -> Sequence[Problem]:
    found = examination.at_level(level)
    return [Problem(name or one.source, one.message, one.page) for name, one in found]
