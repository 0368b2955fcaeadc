"""Here is what is said of a stage before it is published, and what of it must be acknowledged."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.stage.stage import Artifact, Stage

RELEASE = ""
"""Where findings stand that concern the release as a whole: under no filename."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found about a stage at one moment, by filename, and what is out already.

    `notices` are for people, and stop nothing.
    """

    stage: Stage
    findings: Mapping[str, Sequence[Finding]]
    published: frozenset[str] = frozenset()
    notices: tuple[str, ...] = ()

    def at_level(self, level: Level) -> list[tuple[str, Finding]]:
        """Return the findings of one level, with the filename that each is about."""
        return [
            (filename, finding)
            for filename, findings in self.findings.items()
            for finding in findings
            if finding.level is level
        ]

    @property
    def warnings(self) -> list[str]:
        """What somebody has to acknowledge, a sentence each."""
        return [_told(*one) for one in self.at_level(Level.WARN)]

    @property
    def warnings_digest(self) -> str:
        """What an acknowledgement names: SHA-256 of the warnings' lines, in hex; or nothing."""
        lines = "".join(sorted(f"{line}\n" for line in self.warnings))
        return hashlib.sha256(lines.encode()).hexdigest() if lines else ""


def damage(artifact: Artifact, sha256: str | None) -> Finding | None:
    """Return the refusal of an artifact whose file has another *sha256* by now, or none at all."""
    if sha256 == artifact.sha256:
        return None
    return Finding(
        "content",
        "The server's copy of the file is damaged. Upload the file again, or restore a backup.",
    )


def dropped_attestations(artifacts: Iterable[Artifact]) -> list[str]:
    """Return the notices on attestations that a promotion by API token has to leave out."""
    return [
        f"{one.filename}: {one.attestations} attestations are left out, because PyPI accepts them "
        "from Trusted Publishers only. To publish them, run `stageproxy promote --here` in the "
        "workflow that made them."
        for one in artifacts
        if one.attestations
    ]


def _told(filename: str, finding: Finding) -> str:
    return f"{filename}: {finding.message}" if filename else finding.message
