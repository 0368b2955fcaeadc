"""Judgements on a machine, at each limit."""

from dataclasses import replace

import pytest

from stageproxy.core.care.diagnosis import Diagnosis, Level
from stageproxy.core.care.machine import (
    DiskFacts,
    judge_database,
    judge_descriptors,
    judge_disk,
    judge_pip,
    judge_sqlite,
)
from stageproxy.core.disk_space import MIB, DiskSpace

FLOOR = 512 * MIB
DISK = DiskFacts(
    space=DiskSpace(total=200 * 1024 * MIB, free=100 * 1024 * MIB),
    floor=FLOOR,
    free_inodes=10**6,
    file_system="ext4",
    flush=0.004,
)


def with_free(free: int) -> DiskFacts:
    """Return a disk with *free* bytes."""
    return replace(DISK, space=replace(DISK.space, free=free))


def worst_of(found: list[Diagnosis]) -> tuple[str, str]:
    """Return the level and the topic of the worst thing that is said."""
    worst = max(found, key=lambda one: [*Level].index(one.level))
    return worst.level.value, worst.topic if worst.level is not Level.OK else ""


@pytest.mark.parametrize(
    ("disk", "worst"),
    [
        (DISK, ("ok", "")),
        (with_free(FLOOR - 1), ("problem", "disk")),
        (with_free(FLOOR), ("warning", "disk")),
        (with_free(FLOOR + 1024 * MIB - 1), ("warning", "disk")),
        (with_free(FLOOR + 1024 * MIB), ("ok", "")),
        (replace(DISK, free_inodes=9_999), ("warning", "disk")),
        (replace(DISK, free_inodes=None), ("ok", "")),
        (replace(DISK, file_system="nfs4"), ("problem", "file system")),
        (replace(DISK, file_system="fuse.sshfs"), ("problem", "file system")),
        (replace(DISK, file_system="tmpfs"), ("warning", "file system")),
        (replace(DISK, file_system=""), ("ok", "")),
        (replace(DISK, flush=0.6), ("warning", "fsync")),
        (replace(DISK, flush="Input/output error"), ("problem", "fsync")),
    ],
)
def test_disk(disk: DiskFacts, worst: tuple[str, str]) -> None:
    """Space, inodes, the kind of file system and flushes are judged."""
    assert worst_of(list(judge_disk(disk))) == worst


@pytest.mark.parametrize(
    ("hard", "level"), [(1023, "problem"), (1024, "warning"), (4095, "warning"), (4096, "ok")]
)
def test_descriptors(hard: int, level: str) -> None:
    """A server needs a descriptor for each connection and each open file."""
    assert judge_descriptors(hard).level == level


@pytest.mark.parametrize(("has_bug", "level"), [(True, "warning"), (False, "ok")])
def test_sqlite(has_bug: bool, level: str) -> None:  # noqa: FBT001 - a column of the table
    """A SQLite that can corrupt its log with several connections is slow here."""
    assert judge_sqlite("3.51.2", has_wal_bug=has_bug).level == level


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("index-url", "ok"),
        ("cert", "ok"),
        ("proxy", "ok"),
        ("extra-index-url", "warning"),
        ("find-links", "warning"),
        ("no-index", "warning"),
        ("constraint", "warning"),
        ("trusted-host", "warning"),
    ],
)
def test_pip(name: str, level: str) -> None:
    """Settings of pip that change what a stage installs are warnings that say where they are."""
    (found,) = judge_pip({name: "the environment variable PIP_X"})

    assert found.level == level
    assert f"{name} in the environment variable PIP_X" in found.sentence


def test_no_settings_of_pip() -> None:
    """That pip has no settings is said, too."""
    assert [one.level for one in judge_pip({})] == ["ok"]


@pytest.mark.parametrize(
    ("seconds", "level"), [(0.0003, Level.OK), (0.02, Level.WARNING)], ids=["near", "far away"]
)
def test_database(seconds: float, level: Level) -> None:
    """A database that is far away makes every change slow, which is a warning."""
    found = judge_database("15.20", seconds)

    assert found.level == level
    assert found.sentence == f"PostgreSQL 15.20 answers within {seconds * 1000:.1f} ms."
