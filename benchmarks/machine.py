"""The machine of a run, and the versions of what runs on it."""

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from stageproxy import __version__
from tests.support.clients.clients import UV

_PACKAGES = ("aiohttp", "uvloop", "isal", "zlib-ng", "pip")
_COMMANDS = {"uv": (str(UV), "--version"), "nginx": ("nginx", "-v"), "wrk": ("wrk", "-v")}


def facts() -> Mapping[str, str]:
    """Return what a reader has to know to judge the figures."""
    return {
        "Machine": f"{os.cpu_count()} cores of {_processor()}, {_memory()} GiB of memory",
        "Kernel": f"{platform.system()} {platform.release()}",
        "Versions": ", ".join(_versions()),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _versions() -> list[str]:
    found = [f"stageproxy {__version__}", f"Python {platform.python_version()}"]
    found += [f"{name} {one}" for name in _PACKAGES if (one := _package(name))]
    return found + [f"{name} {one}" for name in _COMMANDS if (one := _command(name))]


def _package(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _command(name: str) -> str | None:
    """Return the version in the first line of a command's output: `nginx version: nginx/1.2`."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    try:
        done = subprocess.run(  # noqa: S603 - commands of our own
            _COMMANDS[name],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": path},
        )
    except FileNotFoundError:
        return None
    words = (done.stdout + done.stderr).replace("/", " ").replace("[", " ").split()
    return next((word for word in words if word[0].isdigit()), None)
