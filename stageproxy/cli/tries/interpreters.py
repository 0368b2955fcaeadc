"""The Python interpreter that a stage is tried with."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from stageproxy.cli.output.output import FailedError
from stageproxy.cli.tries.running import run

_VERSION = re.compile(r"(?:(?P<other>pypy)|python)?(?P<version>\d+(?:\.\d+){0,2})(?P<free>t?)")
_SHOW = """
import sys, sysconfig
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print(sys.implementation.name, ".".join(map(str, sys.version_info[:3])), "free" + free)
"""


async def find_interpreter(wanted: str | None) -> Path:
    """Return an interpreter: that of this command, one with a version such as 3.13t, or a path."""
    if wanted is None:
        return Path(sys.executable)
    if path := _path_in(wanted):
        return await _checked(path)
    parsed = _VERSION.fullmatch(wanted)
    if parsed is None:
        raise click.UsageError(
            f"--python takes a version such as 3.13, 3.13t or pypy3.11, or a path, not {wanted!r}."
        )
    implementation = "pypy" if parsed["other"] else "cpython"
    for candidate in [*_candidates(wanted.removeprefix("python")), await _known_to_uv(wanted)]:
        if candidate and await _fits(candidate, implementation, parsed["version"], parsed["free"]):
            return candidate
    raise FailedError(
        f"There is no Python {wanted} on this machine: it is not on PATH, and uv knows none. "
        f"Install it, for example with `uv python install {wanted}`, or give its path with "
        "--python."
    )


def _path_in(wanted: str) -> Path | None:
    """Return the path that *wanted* is, if it is one and not a version."""
    is_path = os.sep in wanted or Path(wanted).is_file()
    return Path(wanted).absolute() if is_path else None


async def _checked(path: Path) -> Path:
    if not await _facts_of(path):
        raise FailedError(f"{path} is no Python interpreter that runs. Give another path.")
    return path


def _candidates(wanted: str) -> Iterator[Path | None]:
    """Yield the interpreters that can have a version, the one of this command first."""
    yield Path(sys.executable)
    names = [wanted, "pypy3"] if wanted.startswith("pypy") else [f"python{wanted}", "python3"]
    for name in (*names, "python"):
        found = shutil.which(name)
        yield Path(found) if found else None


async def _known_to_uv(wanted: str) -> Path | None:
    """Return the interpreter that uv finds, which it may have installed itself."""
    uv = find_uv()
    if uv is None:
        return None
    name = wanted if wanted.startswith("pypy") else wanted.removeprefix("python")
    command = [str(uv), "python", "find", "--no-project", "--no-python-downloads", name]
    ended = await run(command, dict(os.environ), Path.cwd())
    return Path(ended.lines[-1]) if ended.code == 0 and ended.lines else None


def find_uv() -> Path | None:
    """Return uv: beside this command, or on PATH."""
    beside = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    return Path(found) if found else None


async def _fits(candidate: Path, implementation: str, version: str, free: str) -> bool:
    facts = await _facts_of(candidate)
    if not facts:
        return False
    name, full, threads = facts
    is_version = full == version or full.startswith(f"{version}.")
    return name == implementation and is_version and threads == f"free{free}"


async def _facts_of(candidate: Path) -> list[str]:
    """Return what an interpreter is. Not everything with the name of one runs, such as a shim."""
    ended = await run([candidate, "-I", "-c", _SHOW], dict(os.environ), Path.cwd())
    facts = ended.lines[-1].split() if ended.code == 0 and ended.lines else []
    return facts if len(facts) == 3 else []  # noqa: PLR2004 - what the script prints
