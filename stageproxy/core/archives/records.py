"""Here is what a wheel's RECORD says of its files, and whether it is true."""

import base64
import csv
import io
from collections.abc import Iterator, Mapping

from stageproxy.core.archives.contents import some

LONGEST_RECORD = 32 * 2**20

_UNLISTED = ("RECORD", "RECORD.jws", "RECORD.p7s")
_SHA256 = "sha256="


def parse_record(content: bytes) -> Mapping[str, str]:
    """Return the digest of each path that RECORD lists. Raise `ValueError` if it cannot be read."""
    try:
        rows = csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline=""), strict=True)
        return {row[0]: row[1] if len(row) > 1 else "" for row in rows if row}
    except csv.Error as error:
        raise ValueError(str(error)) from error


def record_suspicions(
    record: Mapping[str, str], digests: Mapping[str, bytes], dist_info: str
) -> Iterator[str]:
    """Compare RECORD with the files of the wheel, given by their SHA-256.

    PyPI tells a project's owners of such things, and takes the wheel.
    """
    exempt = {f"{dist_info}/{name}" for name in _UNLISTED}
    if unlisted := digests.keys() - record.keys() - exempt:
        yield f"RECORD does not list files of the wheel: {some(unlisted)}."
    if missing := record.keys() - digests.keys() - exempt:
        yield f"RECORD lists files that the wheel does not have: {some(missing)}."
    listed = record.keys() & digests.keys()
    if wrong := {path for path in listed - exempt if not _is_true(record[path], digests[path])}:
        yield f"RECORD has another digest than the file: {some(wrong)}."


def _is_true(said: str, digest: bytes) -> bool:
    """Compare one digest; a stronger kind than ours is believed."""
    if not said.startswith(_SHA256):
        return said.startswith(("sha384=", "sha512="))
    return said == _SHA256 + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
