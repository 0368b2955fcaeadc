"""Wheels that are too large for memory, with the same bytes in every run."""

import base64
import hashlib
import zipfile
from pathlib import Path
from random import Random

from tests.support.builders.archives import ZIP_DATE
from tests.support.builders.distributions import metadata_of, wheel_file

_BLOCK = 2**20


def write_large_wheel(folder: Path, size: int, *, name: str = "demo", version: str = "1.0") -> Path:
    """Write a wheel with one stored member of *size* bytes, and return its path."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    dist_info = f"{name}-{version}.dist-info"
    block = Random(size).randbytes(_BLOCK)
    digest = hashlib.sha256()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with archive.open(_member(f"{name}/weights"), "w", force_zip64=True) as member:
            for start in range(0, size, _BLOCK):
                piece = block[: size - start]
                digest.update(piece)
                member.write(piece)
        record = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
        small = {
            "METADATA": metadata_of(name, version).encode(),
            "WHEEL": wheel_file("py3-none-any"),
            "RECORD": f"{name}/weights,sha256={record},{size}\n".encode(),
        }
        for filename, content in small.items():
            archive.writestr(_member(f"{dist_info}/{filename}"), content)
    return path


def _member(path: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(path, ZIP_DATE)
