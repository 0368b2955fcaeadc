"""What was approved before: a manifest digest, or hashes of files."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stageproxy.cli.output import FailedError
from stageproxy.core.stage.manifest import checksum_differences, parse_checksums

_STDIN = Path("-")
_NOT_APPROVED = "The stage differs from what was approved. Check the changes and approve it again:"


@dataclass(frozen=True, slots=True)
class ApprovalOptions:
    """What may be published. With neither option, it is whatever is staged."""

    manifest_digest: str | None = None
    hashes: Mapping[str, str] | None = None

    def check(self, manifest_digest: str, staged: Mapping[str, str]) -> None:
        """Raise with every difference. *staged* is the SHA-256 of each file by its name."""
        if problems := list(self._problems(manifest_digest, staged)):
            raise FailedError("\n  ".join([_NOT_APPROVED, *problems]))

    def _problems(self, manifest_digest: str, staged: Mapping[str, str]) -> Iterator[str]:
        if self.manifest_digest not in {None, manifest_digest}:
            yield f"The manifest digest is {manifest_digest}, not {self.manifest_digest}."
        if self.hashes is not None:
            yield from checksum_differences(staged, self.hashes)


def read_approval(manifest_digest: str | None, hashes: Path | None) -> ApprovalOptions:
    """Return the approval that the options name. *hashes* is a file of sha256sum lines, or `-`."""
    if hashes is None:
        return ApprovalOptions(manifest_digest.strip().lower() if manifest_digest else None)
    try:
        text = sys.stdin.read() if hashes == _STDIN else hashes.read_text()
        return ApprovalOptions(hashes=parse_checksums(text))
    except (OSError, ValueError) as error:
        raise FailedError(f"Could not read hashes from {hashes}: {error}") from error
