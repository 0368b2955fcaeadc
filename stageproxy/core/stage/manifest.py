"""Manifests of stages, their digests, and the comparison with checksum files."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from stageproxy.core.stage.stage import Artifact

_GNU = re.compile(r"\\?([0-9a-fA-F]{64})[ \t][ \t*]?(.+)")
_BSD = re.compile(r"SHA256 \((.+)\) ?= ?([0-9a-fA-F]{64})")
_FOLDERS = re.compile(r".*[/\\]")


def manifest(artifacts: Iterable[Artifact]) -> str:
    """Return the sorted lines `<sha256>  <filename>`, as `sha256sum` prints them for the files."""
    lines = (f"{artifact.sha256}  {artifact.filename}\n" for artifact in artifacts)
    return "".join(sorted(lines))


def manifest_digest(artifacts: Iterable[Artifact]) -> str:
    """Return the SHA-256 of the manifest, in hex."""
    return hashlib.sha256(manifest(artifacts).encode()).hexdigest()


def parse_checksums(text: str) -> dict[str, str]:
    """Return the SHA-256 of each file by its name, without folders.

    Raise `ValueError` on an invalid line, and on a name with two digests.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, sha256 = _parse_line(line.strip(), number)
        if found.setdefault(name, sha256) != sha256:
            msg = f"Line {number} has another hash for {name} than an earlier line."
            raise ValueError(msg)
    return found


def checksum_differences(staged: Mapping[str, str], expected: Mapping[str, str]) -> Iterator[str]:
    """Return a sentence for each file of the stage that is missing, additional or different."""
    for name in sorted({*staged, *expected}):
        if name not in staged:
            yield f"{name} is in the hashes, but not in the stage."
        elif name not in expected:
            yield f"{name} is in the stage, but not in the hashes."
        elif staged[name] != expected[name]:
            found = f"has sha256 {staged[name]} in the stage"
            yield f"{name} {found}, but {expected[name]} in the hashes."


def _parse_line(line: str, number: int) -> tuple[str, str]:
    if found := _GNU.fullmatch(line):
        sha256, path = found.groups()
    elif found := _BSD.fullmatch(line):
        path, sha256 = found.groups()
    else:
        msg = f"Line {number} is not in the format of sha256sum."
        raise ValueError(msg)
    return _FOLDERS.sub("", path.strip()), sha256.lower()
