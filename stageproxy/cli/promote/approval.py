"""What was approved before: a manifest digest, or hashes of files."""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from stageproxy.cli.output.output import FailedError
from stageproxy.core.stage.checksums import Checksums, checksum_differences, parse_checksums

_STDIN = Path("-")
_DIGEST = re.compile("[0-9a-f]{64}")
_NOT_APPROVED = "The stage differs from what was approved. Check the changes and approve it again:"


@dataclass(frozen=True, slots=True)
class ApprovalOptions:
    """What may be published. With neither digest nor hashes, somebody has to be asked.

    Both are of the bytes. The `revision` is of the forms that files were uploaded with, too.
    """

    manifest_digest: str | None = None
    hashes: Checksums | None = None
    revision: int | None = None

    @property
    def is_given(self) -> bool:
        """Whether the options name the files to publish."""
        return self.manifest_digest is not None or self.hashes is not None

    def check(self, document: Mapping[str, Any], staged: Mapping[str, str]) -> None:
        """Raise with every difference to a plan or a stage.

        *staged* is the SHA-256 of each file by its name.
        """
        if problems := list(self._problems(document, staged)):
            raise FailedError("\n  ".join([_NOT_APPROVED, *problems]))

    def _problems(self, document: Mapping[str, Any], staged: Mapping[str, str]) -> Iterator[str]:
        digest, revision = document["manifest-digest"], document["revision"]
        if self.manifest_digest not in {None, digest}:
            yield f"The manifest digest is {digest}, not {self.manifest_digest}."
        if self.revision not in {None, revision}:
            yield f"The revision is {revision}, not {self.revision}."
        if self.hashes is not None:
            yield from checksum_differences(staged, self.hashes)


def read_approval(
    manifest_digest: str | None, hashes: Path | None, revision: int | None
) -> ApprovalOptions:
    """Return the approval that the options name. *hashes* is a file, or `-` for stdin."""
    if hashes is None:
        digest = parse_digest(manifest_digest) if manifest_digest else None
        return ApprovalOptions(digest, revision=revision)
    try:
        content = sys.stdin.buffer.read() if hashes == _STDIN else hashes.read_bytes()
        return ApprovalOptions(hashes=parse_checksums(content), revision=revision)
    except (OSError, ValueError) as error:
        raise FailedError(f"Could not read hashes from {hashes}: {error}") from error


def parse_digest(text: str) -> str:
    """Return a manifest digest. Raise unless it is whole: a prefix can be forged."""
    digest = text.strip().lower()
    if not _DIGEST.fullmatch(digest):
        raise click.UsageError(
            f"--manifest takes the whole manifest digest, 64 hexadecimal digits, not {text!r}. "
            "`stageproxy promote STAGE --dry-run` prints it."
        )
    return digest
