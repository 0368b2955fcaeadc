"""Distributions on this machine, read as an uploader reads them."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from stageproxy.core.archives.contents import Contents
from stageproxy.core.archives.filenames import DistributionName, parse_distribution_name
from stageproxy.core.archives.metadata import form_of
from stageproxy.core.archives.reader import read_contents
from stageproxy.core.values import FormFields

_CHUNK = 2**20


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


def read_distribution(path: Path) -> LocalFile:
    """Return a file with its hashes, its contents and its form."""
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
        form = form_of(metadata, name, **digests)
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
