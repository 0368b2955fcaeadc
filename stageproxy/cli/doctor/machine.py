"""What doctor finds out about this machine: disk, versions, limits, secrets, pip's settings."""

import os
import re
import resource
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.config import Config
from stageproxy.core.care.diagnosis import Diagnosis, ok, problem, warn
from stageproxy.core.care.machine import (
    DiskFacts,
    judge_database,
    judge_descriptors,
    judge_disk,
    judge_pip,
    judge_sqlite,
)
from stageproxy.server.settings_check import check_settings
from stageproxy.server.storage import ask_database, find_database_problems
from stageproxy.store.disk import Disk
from stageproxy.store.found_files import FoundFiles
from stageproxy.store.sqlite.database import has_wal_bug

_PATIENCE = 60
_PIP_SETTING = re.compile(r"^([\w:]+)\.([\w-]+)=", re.MULTILINE)
_MOUNTS = Path("/proc/self/mountinfo")


def diagnose_machine(config: Config) -> Iterator[Diagnosis]:
    """Return what there is to say about this machine and the settings of the server on it."""
    yield from _settings(config)
    data = config.storage.data.absolute()
    existing = next(one for one in (data, *data.parents) if one.is_dir())
    yield from judge_disk(disk_facts(existing, config.storage.min_free))
    yield from _secrets(existing)
    yield from _database(config)
    yield ok("python", f"Python {sys.version.partition(' ')[0]} runs stageproxy.")
    yield judge_descriptors(_descriptors())
    yield from judge_pip(pip_settings())


def _database(config: Config) -> Iterator[Diagnosis]:
    if not config.storage.database:
        has_bug = has_wal_bug(sqlite3.sqlite_version_info)
        yield judge_sqlite(sqlite3.sqlite_version, has_wal_bug=has_bug)
    elif not list(find_database_problems(config)):
        yield judge_database(*ask_database(config))


def _settings(config: Config) -> Iterator[Diagnosis]:
    report = check_settings(config)
    for sentence in report.errors:
        yield problem("settings", sentence, "")
    for sentence in report.warnings:
        yield warn("settings", sentence, "")
    if not report.errors:
        yield ok("settings", "The settings are valid.")


def disk_facts(folder: Path, min_free: int | None) -> DiskFacts:
    """Return the facts of the disk of a folder, on which a file is written and flushed."""
    status = os.statvfs(folder)
    disk = Disk(folder, min_free=min_free)
    return DiskFacts(
        space=disk.space,
        floor=disk.floor,
        # Some file systems make inodes when they need them, and report none.
        free_inodes=status.f_favail if status.f_files else None,
        file_system=_file_system_of(folder),
        flush=_flush(folder),
    )


def _file_system_of(folder: Path) -> str:
    """Return the kind of the file system of a folder, as Linux names it; empty elsewhere."""
    if not _MOUNTS.exists():
        return ""
    mounts = {}
    for line in _MOUNTS.read_text().splitlines():
        mount, _, kind = line.partition(" - ")
        mounts[_unescaped(mount.split()[4])] = kind.split()[0]
    real = folder.resolve()
    return next((mounts[str(one)] for one in (real, *real.parents) if str(one) in mounts), "")


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def _flush(folder: Path) -> float | str:
    """Return how many seconds it takes to write and flush a small file, or why that fails."""
    path = folder / f".doctor.{secrets.token_hex(4)}"
    started = perf_counter()
    try:
        with path.open("xb") as file:
            file.write(b"stageproxy")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or type(error).__name__
    finally:
        path.unlink(missing_ok=True)
    return perf_counter() - started


def _secrets(data: Path) -> Iterator[Diagnosis]:
    exposed = FoundFiles(data).list_exposed()
    for path in exposed:
        yield warn("secrets", f"Other users can read {path}.", f"Run `chmod 600 {path}`.")
    if not exposed:
        yield ok("secrets", "Only their owner can read the secrets in the data directory.")


def _descriptors() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def pip_settings() -> Mapping[str, str]:
    """Return where each setting of pip on this machine is from, by its name, without values."""
    result = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    return {name: _origin(section, name) for section, name in _PIP_SETTING.findall(result.stdout)}


def _origin(section: str, name: str) -> str:
    if section == ":env:":
        return f"the environment variable PIP_{name.upper().replace('-', '_')}"
    return f"the section [{section}] of its configuration"
