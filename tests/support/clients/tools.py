"""Clients and other indexes that journeys install, each in its own environment."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from stageproxy.upstream.pip_index import settings_of_pip

TOOLS = ("flit", "hatch", "pdm", "pipenv", "poetry")
"""Clients besides pip, uv and twine."""

OTHER_INDEXES = ("pypiserver", "devpi-server", "simple-repository-server", "proxpi")
"""Indexes that are installed like clients."""

# pdm permits newer dependencies than it works with; `locked` has those that work.
# pypiserver reads password files with `passlib` only.
_REQUIREMENTS = {"pdm": "pdm[locked]", "pypiserver": "pypiserver[passlib]"}
_PROGRAMS = {"pypiserver": "pypi-server", "proxpi": "flask"}

_UV = Path(sys.executable).parent / "uv"


@dataclass(frozen=True, slots=True)
class Tools:
    """The clients, installed when they are first needed, from this machine's index."""

    folder: Path

    def command(self, name: str, program: str = "") -> Path:
        """Return the command of a client, or a *program* beside it; install it if necessary."""
        environment = self.folder / name
        command = environment / "bin" / (program or _PROGRAMS.get(name, name))
        if not command.exists():
            self._install(name, environment)
        return command

    def version(self, name: str) -> str:
        """Return the version of a client."""
        self.command(name)
        command = ["pip", "show", "--python", str(self.folder / name), name]
        lines = _run(*command).splitlines()
        return next(one for one in lines if one.startswith("Version: ")).split()[1]

    def versions(self) -> str:
        """Return the versions of the installed clients in one line."""
        installed = (name for name in (*TOOLS, *OTHER_INDEXES) if (self.folder / name).exists())
        return ", ".join(f"{name} {self.version(name)}" for name in installed)

    def _install(self, name: str, environment: Path) -> None:
        index = ["--default-index", str(settings_of_pip().index.simple)]
        _run("venv", "--quiet", "--python", sys.executable, str(environment))
        wanted = ["--python", str(environment), _REQUIREMENTS.get(name, name)]
        _run("pip", "install", "--quiet", *index, *wanted)


def _run(*arguments: str) -> str:
    """Run uv without its own settings."""
    environment = {**os.environ, "UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never"}
    command = [str(_UV), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout
