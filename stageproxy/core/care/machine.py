"""Judgements on the machine of a server: its disk, versions, limits, and pip's settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stageproxy.core.care.diagnosis import Diagnosis, ok, problem, warn
from stageproxy.core.disk_space import DiskSpace, shortage

_MIB = 2**20
_GIB = 2**30
_FEW_FREE = _GIB
_LEAST_INODES = 10_000
_LEAST_DESCRIPTORS = 1024
_ENOUGH_DESCRIPTORS = 4096
_SLOW_DATABASE = 0.005
_SLOW_FLUSH = 0.5

NETWORKED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre"}
)
"""File systems on other machines, as Linux names them. Those of FUSE begin with `fuse.`."""
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_ADDS_FILES = ("extra-index-url", "find-links")
_PREVENTS = ("constraint", "no-index", "require-hashes", "no-deps")
_UNSAFE = ("trusted-host",)


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """The disk of a data directory.

    *floor* is how much of it uploads leave free, *flush* how long an fsync took, or why it failed.
    """

    space: DiskSpace
    floor: int
    free_inodes: int | None
    file_system: str
    flush: float | str


def judge_disk(disk: DiskFacts) -> Iterator[Diagnosis]:
    """Return what there is to say about the disk of the data directory."""
    yield _space(disk)
    if disk.free_inodes is not None and disk.free_inodes < _LEAST_INODES:
        yield warn(
            "disk",
            f"Only {disk.free_inodes} more files fit on the disk.",
            "Delete files, or make a file system with more inodes: each staged file needs one.",
        )
    yield _file_system(disk.file_system)
    yield _flush(disk.flush)


def _space(disk: DiskFacts) -> Diagnosis:
    lacking = shortage(disk.space, disk.floor)
    if lacking:
        return problem("disk", lacking, "")
    free = f"{disk.space.free // _MIB} MiB are free on the disk of the data directory"
    if disk.space.free - disk.floor < _FEW_FREE:
        return warn(
            "disk",
            f"{free}, and uploads leave {disk.floor // _MIB} MiB free (storage.min_free).",
            "Free space: a release may be larger than what is left.",
        )
    return ok("disk", f"{free}.")


def _file_system(name: str) -> Diagnosis:
    if name in NETWORKED or name.startswith("fuse."):
        return problem(
            "file system",
            f"The data directory is on {name}, whose locks and flushes SQLite cannot rely on.",
            "Put the data directory on a disk of this machine.",
        )
    if name in _IN_MEMORY:
        return warn(
            "file system",
            f"The data directory is on {name}, which is in memory and lost at a restart.",
            "Put the data directory on a disk.",
        )
    return ok("file system", f"The data directory is on {name or 'a file system of this machine'}.")


def _flush(flush: float | str) -> Diagnosis:
    if isinstance(flush, str):
        return problem(
            "fsync",
            f"A file in the data directory cannot be written and flushed: {flush}.",
            "Check the disk and the owner of the data directory.",
        )
    if flush > _SLOW_FLUSH:
        return warn(
            "fsync",
            f"A flush to the disk takes {flush:.1f} s, and each upload waits for several.",
            "Use a faster disk for the data directory.",
        )
    return ok("fsync", f"A flush to the disk takes {flush * 1000:.0f} ms.")


def judge_sqlite(version: str, *, has_wal_bug: bool) -> Diagnosis:
    """Return what there is to say about the version of SQLite."""
    if has_wal_bug:
        return warn(
            "sqlite",
            f"SQLite {version} has a bug in its write-ahead log, so the server is slow.",
            "Install pysqlite3, or a Python with SQLite 3.51.3 or newer.",
        )
    return ok("sqlite", f"SQLite {version} has no known bug that matters.")


def judge_database(version: str, seconds: float) -> Diagnosis:
    """Return what there is to say about a PostgreSQL server that answers after these *seconds*."""
    sentence = f"PostgreSQL {version} answers within {seconds * 1000:.1f} ms."
    if seconds > _SLOW_DATABASE:
        advice = "A change asks it some twenty times: run the servers in the same place as it."
        return warn("database", sentence, advice)
    return ok("database", sentence)


def judge_descriptors(hard: int) -> Diagnosis:
    """Return what there is to say about the *hard* limit of open files, to which servers go."""
    sentence = f"The server may open {hard} files and connections."
    if hard < _LEAST_DESCRIPTORS:
        return problem("descriptors", sentence, "Raise it: `ulimit -Hn 65536`, or LimitNOFILE=.")
    if hard < _ENOUGH_DESCRIPTORS:
        return warn("descriptors", sentence, "Raise it: `ulimit -Hn 65536`, or LimitNOFILE=.")
    return ok("descriptors", sentence)


def judge_pip(settings: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Return what pip's *settings* on this machine change when a stage is installed.

    *settings*: where each is from, by its name. Values may be secrets, and are not here.
    """
    names = {name: settings[name] for name in sorted(settings)}
    if not names:
        yield ok("pip", "pip has no settings on this machine.")
    for name, origin in names.items():
        yield _pip_setting(name, origin)


def _pip_setting(name: str, origin: str) -> Diagnosis:
    what = f"pip has {name} in {origin}"
    if name in _ADDS_FILES:
        return warn(
            "pip",
            f"{what}: it takes files from there as well when it installs from a stage.",
            f"Install with `PIP_CONFIG_FILE=/dev/null` and without PIP_ variables, or remove "
            f"{name}: a file of the same version there may be installed instead of the staged one.",
        )
    if name in _PREVENTS:
        return warn("pip", f"{what}: it may prevent installs from a stage.", f"Remove {name}.")
    if name in _UNSAFE:
        return warn(
            "pip",
            f"{what}: the certificate of that host is not checked.",
            f"Remove {name}, and give pip the authority with `cert`.",
        )
    return ok("pip", f"{what}.")
