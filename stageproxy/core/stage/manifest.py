"""Manifests of stages, and their digests."""

import hashlib
from collections.abc import Iterable

from stageproxy.core.stage.stage import Artifact


def manifest(artifacts: Iterable[Artifact]) -> str:
    """Return the sorted lines `<sha256>  <filename>`, as `sha256sum` prints them for the files."""
    lines = (f"{artifact.sha256}  {artifact.filename}\n" for artifact in artifacts)
    return "".join(sorted(lines))


def manifest_digest(artifacts: Iterable[Artifact]) -> str:
    """Return the SHA-256 of the manifest, in hex."""
    return hashlib.sha256(manifest(artifacts).encode()).hexdigest()
