"""Distributions on this machine, chosen and read as an uploader does."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from stageproxy.cli.output.output import FailedError
from stageproxy.core.archives.contents import Contents
from stageproxy.core.archives.filenames import DistributionName, parse_distribution_name
from stageproxy.core.archives.metadata import form_of
from stageproxy.core.archives.reader import read_contents
from stageproxy.core.rules.attestations import FIELD
from stageproxy.core.values import FormFields

_CHUNK = 2**20
_ARCHIVES = (
    *(".whl", ".zip", ".egg", ".exe"),
    *(".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar"),
)
_SIGNATURE, _ATTESTATION = ".asc", ".attestation"


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A local file, and the form that twine would send with it.

    If the filename cannot be parsed, `name` is `None`, the archive was not read,
    and the form is empty.
    """

    path: Path
    name: DistributionName | None
    size: int
    sha256: str
    blake2b_256: str
    md5: str
    contents: Contents = field(repr=False)
    form: FormFields = field(repr=False)

    @property
    def is_sdist(self) -> bool:
        """Return whether it is an sdist."""
        return self.name is not None and not self.name.is_wheel


def choose_distributions(paths: Iterable[Path]) -> Mapping[Path, Sequence[Path]]:
    """Return the distributions among *paths*, each with its attestations (PEP 740).

    Everything else is skipped, as a pattern such as `dist/*` matches more than
    distributions, and is reported on the standard error stream. If none of the
    files looks like a distribution, none of them is skipped.
    """
    files = [path for path in dict.fromkeys(paths) if path.is_file()]
    others = [path for path in files if not path.name.endswith((_SIGNATURE, _ATTESTATION))]
    chosen = [path for path in others if path.name.lower().endswith(_ARCHIVES)] or others
    if not chosen:
        raise click.UsageError("None of the files is a wheel or an sdist. Name some, as in: dist/*")
    found = {path: _attestations_of(path, files) for path in chosen}
    used = {path for attestations in found.values() for path in attestations}
    for path in dict.fromkeys(paths):
        if path not in chosen and path not in used:
            click.echo(f"Skipped {path.name}: {_why_skipped(path)}", err=True)
    return found


def _attestations_of(distribution: Path, files: Iterable[Path]) -> Sequence[Path]:
    attestations = (path for path in files if path.name.endswith(_ATTESTATION))
    return sorted(path for path in attestations if _attested_by(path) == distribution.name)


def _attested_by(attestation: Path) -> str:
    """Return the name of the file that an attestation is for, FILENAME.KIND.attestation."""
    return attestation.name.removesuffix(_ATTESTATION).rpartition(".")[0]


def _why_skipped(path: Path) -> str:
    if path.is_dir():
        return "it is a folder."
    if path.name.endswith(_SIGNATURE):
        return "PyPI does not accept signatures."
    if path.name.endswith(_ATTESTATION):
        attested = _attested_by(path) or "the file that it attests"
        return f"{attested} is not among the files."
    return "it is neither a wheel nor an sdist."


def read_distribution(path: Path, attestations: Sequence[Path] = ()) -> LocalFile:
    """Return a file with its hashes, its contents and its form, which has the *attestations*."""
    name = _find_name(path.name)
    sha256, blake2b = hashlib.sha256(), hashlib.blake2b(digest_size=32)
    md5 = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            for digest in (sha256, blake2b, md5):
                digest.update(chunk)
        size = file.tell()
        contents = read_contents(file, name) if name else Contents()
    form: FormFields = ()
    if name is not None:
        metadata = contents.core_metadata or b""
        digests = {
            "sha256_digest": sha256.hexdigest(),
            "blake2_256_digest": blake2b.hexdigest(),
        }
        form = (*form_of(metadata, name, **digests), *_attestation_field(attestations))
    return LocalFile(
        path=path,
        name=name,
        size=size,
        sha256=sha256.hexdigest(),
        blake2b_256=blake2b.hexdigest(),
        md5=md5.hexdigest(),
        contents=contents,
        form=form,
    )


def _find_name(filename: str) -> DistributionName | None:
    try:
        return parse_distribution_name(filename)
    except ValueError:
        return None


def _attestation_field(paths: Sequence[Path]) -> FormFields:
    attestations = [_read_attestation(path) for path in paths]
    return ((FIELD, json.dumps(attestations)),) if attestations else ()


def _read_attestation(path: Path) -> object:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise FailedError(
            f"{path.name} is not an attestation: it is not a JSON object. "
            "Make it again, or leave it out."
        )
    return document
