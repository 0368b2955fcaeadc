"""Manifests of stages, and their digests."""

import hashlib
from collections.abc import Iterable, Mapping

from stageproxy.core.stage.stage import Artifact


def manifest_of(digests: Mapping[str, str]) -> str:
    """Return the sorted lines `<sha256>  <filename>`, as `sha256sum` prints them for the files.

    *digests*: the SHA-256 of each file, by its name.
    """
    return "".join(sorted(f"{sha256}  {filename}\n" for filename, sha256 in digests.items()))


def digest_of(digests: Mapping[str, str]) -> str:
    """Return the SHA-256 of the manifest of files, in hex."""
    return hashlib.sha256(manifest_of(digests).encode()).hexdigest()


def manifest(artifacts: Iterable[Artifact]) -> str:
    """Return the manifest of artifacts."""
    return manifest_of({one.filename: one.sha256 for one in artifacts})


def manifest_digest(artifacts: Iterable[Artifact]) -> str:
    """Return the manifest digest of artifacts."""
    return digest_of({one.filename: one.sha256 for one in artifacts})
