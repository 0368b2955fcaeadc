"""Backups that somebody has forged: they take no more room than they have, and hide nothing."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stageproxy.store.backups.manifest import BackupError, Manifest
from tests.store.backups.conftest import Backups

BLOCK = 512
HUGE = 2**50
ESCAPE = "\x1b]0;a title\x07"


def sparse_member(name: str) -> bytes:
    """Return the header of a member that is a petabyte of nothing, as GNU tar writes it."""
    size = b"\x80" + HUGE.to_bytes(11, "big")
    member = tarfile.TarInfo(name)
    member.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = size + b"%011o\0" % 0
    header[483:495] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


@pytest.mark.parametrize("part", ["manifest.json", "catalogue.db", "file"])
def test_sparse_members(archive: Backups, tmp_path: Path, part: str) -> None:
    """A member that would be larger than the archive is no part of the backup."""
    manifest = archive.make()
    name = manifest.files[0].name if part == "file" else f"snapshots/{manifest.snapshot}/{part}"
    with tarfile.open(archive.place) as whole:
        end = whole.getmembers()[-1]
    padded = -(-end.size // BLOCK) * BLOCK
    content = archive.place.read_bytes()[: end.offset_data + padded]
    archive.place.write_bytes(content + sparse_member(name) + bytes(2 * BLOCK))

    assert archive.read(tmp_path / "new").missing == ()


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("size", [HUGE, 2**70])
def test_impossible_sizes(tmp_path: Path, kind: bytes, size: int) -> None:
    """An archive that announces more bytes than there can be is damaged, and no fault of ours."""
    member = tarfile.TarInfo("snapshots/1/manifest.json")
    member.type, member.size = kind, size
    place = tmp_path / "backup.tar"
    place.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(20 * BLOCK))

    with pytest.raises(BackupError):
        Backups(tmp_path, place, is_folder=False).read(tmp_path / "new")


def _other_snapshot(document: Any) -> None:
    document["snapshot"] = "20990101T000000Z"


def _negative_size(document: Any) -> None:
    document["files"][0]["size"] = -HUGE


def _escape_in_version(document: Any) -> None:
    document["stageproxy"] = ESCAPE


def _escape_in_step(document: Any) -> None:
    document["schema"] = [ESCAPE]


def _escape_in_time(document: Any) -> None:
    document["made-at"] = ESCAPE


@pytest.mark.parametrize(
    "forge",
    [_other_snapshot, _negative_size, _escape_in_version, _escape_in_step, _escape_in_time],
)
def test_forged_manifest(folder: Backups, tmp_path: Path, forge: Callable[[Any], None]) -> None:
    """A manifest of another snapshot, with impossible sizes or with control characters is none."""
    snapshot = folder.make().snapshot
    path = folder.place / "snapshots" / snapshot / "manifest.json"
    document = json.loads(path.read_bytes())
    forge(document)
    path.write_text(json.dumps(document))

    with pytest.raises(BackupError, match="has no whole snapshot of the catalogue"):
        folder.read(tmp_path / "new")


def test_manifest_of_a_release_candidate(folder: Backups) -> None:
    """Every version number is one that a manifest can have."""
    document = json.loads(folder.make().to_json()) | {"stageproxy": "1!2.0rc1.post2.dev3+local.4"}

    assert Manifest.parse(json.dumps(document).encode())
