"""Real clients: pip, uv and twine, with empty caches and without settings of this machine."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from tests.support.builders.distributions import Distribution
from tests.support.servers.processes import CommandResult, run

Installer = Literal["pip", "uv"]
INSTALLERS: tuple[Installer, ...] = ("pip", "uv")

_BIN = "Scripts" if os.name == "nt" else "bin"
UV = Path(sys.executable).parent / "uv"
_SETTINGS = (
    *("PIP_", "UV_", "TWINE_", "POETRY_", "PDM_", "HATCH_", "FLIT_", "PIPENV_", "STAGEPROXY_"),
    *("PYTHONPATH", "VIRTUAL_ENV", "NO_PROXY", "XDG_", "SOURCE_DATE_EPOCH"),
    # A client of many modules takes twice as long if it cannot store them compiled.
    "PYTHONDONTWRITEBYTECODE",
)
_KEPT = frozenset({"PIP_CERT"})
_LOCAL = "127.0.0.1"
_TRUSTED = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def clean_environment() -> dict[str, str]:
    """Return an environment in which clients have no index but the given one.

    Of pip's settings only the CA certificate stays: an extra index or a folder of wheels could
    fake a success.
    """
    environment = {
        name: text
        for name, text in os.environ.items()
        if name in _KEPT or not name.upper().startswith(_SETTINGS)
    }
    return {
        **environment,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "NO_PROXY": _LOCAL,
        "COLUMNS": "1000",
    }


def python_in(environment: Path) -> Path:
    """Return the Python of a virtual environment."""
    return environment / _BIN / "python"


def make_environment(folder: Path) -> Path:
    """Create a virtual environment without packages, and return its Python."""
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, env=clean_environment())
    return python_in(folder)


def newest_pip(folder: Path) -> Path:
    """Return the Python of an environment with the newest pip of this machine's index.

    pip is reinstalled by force: if the index cannot be reached, the bundled one must not be used.
    """
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = python_in(folder)
    install = [str(python), "-m", "pip", "install", "--quiet", "--force-reinstall", "pip"]
    subprocess.run(install, check=True)
    return python


def versions(pip: Path) -> str:
    """Return the versions of all clients in one line."""
    commands = ([str(pip), "-m", "pip"], [str(UV)], [sys.executable, "-m", "twine"])
    outputs = (
        subprocess.run([*one, "--version"], check=True, capture_output=True, text=True).stdout
        for one in commands
    )
    return ", ".join(" ".join(one.split()[:3]) for one in outputs)


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients, with caches in their *folder*.

    pip runs in its own environment and works on others with `--python`, which saves an
    installation of pip in each of them.
    """

    folder: Path
    pip_python: Path
    _numbers: "count[int]"
    authority: Path | None = None
    """The certificate authority of servers, if this machine does not trust it."""

    @classmethod
    def in_folder(cls, folder: Path, pip_python: Path) -> "Clients":
        """Return the clients with empty caches."""
        return cls(folder, pip_python, count(1))

    def new_environment(self) -> Path:
        """Create an empty virtual environment and return its Python."""
        return make_environment(self.folder / f"environment-{next(self._numbers)}")

    def new_folder(self, name: str) -> Path:
        """Create an empty folder."""
        folder = self.folder / f"{name}-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def save(self, *distributions: Distribution) -> list[str]:
        """Write files as a build does, in their own folder; return their paths."""
        folder = self.new_folder("dist")
        for one in distributions:
            (folder / one.filename).write_bytes(one.content)
        return [str(folder / one.filename) for one in distributions]

    async def pip(
        self, *arguments: str, python: Path | None = None, **settings: str
    ) -> CommandResult:
        """Run pip, on the environment of *python* if given, with more settings.

        pip caches pages of a trusted host only, unless they are served over TLS.
        """
        into = ["--python", str(python)] if python else []
        usual = {
            "PIP_TRUSTED_HOST": _LOCAL,
            "PIP_CACHE_DIR": str(self.folder / "pip-cache"),
        }
        command = [str(self.pip_python), "-m", "pip", *into, *arguments]
        return await self._run(*command, settings={**usual, **settings})

    async def uv(self, *arguments: str) -> CommandResult:
        """Run uv."""
        settings = {"UV_CACHE_DIR": str(self.folder / "uv-cache")}
        return await self._run(str(UV), *arguments, settings=settings)

    async def install(
        self, installer: Installer, index_url: str, *requirements: str
    ) -> tuple[Path, CommandResult]:
        """Install into a new environment, from one index only; return its Python and the result."""
        python = self.new_environment()
        match installer:
            case "pip":
                done = await self.pip(
                    "install", "-vv", "--index-url", index_url, *requirements, python=python
                )
            case "uv":
                into = ["pip", "install", "--python", str(python)]
                done = await self.uv(*into, "--default-index", index_url, *requirements)
        return python, done

    async def installed(self, python: Path) -> dict[str, str]:
        """Return the versions in an environment, by name."""
        done = await self.uv("pip", "freeze", "--python", str(python))
        lines = done.ok().stdout.splitlines()
        return {name: version for name, _, version in (line.partition("==") for line in lines)}

    async def python(self, python: Path, code: str) -> str:
        """Return what *code* prints in an environment."""
        return (await self._run(str(python), "-c", code)).ok().stdout.strip()

    async def twine_upload(self, url: str, token: str, *files: str) -> CommandResult:
        """Upload with twine, which prints the answer of the server with --verbose."""
        settings = {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token}
        command = [sys.executable, "-m", "twine", "upload", "--verbose", "--non-interactive"]
        return await self._run(*command, "--repository-url", url, *files, settings=settings)

    async def uv_publish(
        self, url: str, token: str, *files: str, check_url: str = ""
    ) -> CommandResult:
        """Upload with uv, which reads *check_url* first for existing files."""
        check = ["--check-url", check_url] if check_url else []
        command = ["publish", "--trusted-publishing", "never", "--publish-url", url, *check]
        return await self.uv(*command, "--token", token, *files)

    async def _run(self, *command: str, settings: Mapping[str, str] = {}) -> CommandResult:
        trusted = dict.fromkeys(_TRUSTED, str(self.authority)) if self.authority else {}
        environment = {**clean_environment(), **settings, **trusted}
        return await run(*command, environment=environment, folder=self.folder)
