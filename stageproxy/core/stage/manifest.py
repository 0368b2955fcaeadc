"""Here is what a stage consists of, as one digest."""

import hashlib
from collections.abc import Iterable

from stageproxy.core.stage.stage import Artifact


def manifest(artifacts: Iterable[Artifact]) -> str:
    """Return the sorted lines `<sha256>  <filename>`: what `sha256sum` prints for the files."""
    lines = (f"{artifact.sha256}  {artifact.filename}\n" for artifact in artifacts)
    return "".join(sorted(lines))


def manifest_digest(artifacts: Iterable[Artifact]) -> str:
    """Return the SHA-256 of the manifest, in hex."""
    return hashlib.sha256(manifest(artifacts).encode()).hexdigest()
