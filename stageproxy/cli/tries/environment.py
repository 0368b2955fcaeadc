"""The new environment of a try: made, filled from the stage, and asked what it is."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from stageproxy.cli.output.output import FailedError
from stageproxy.cli.tries.interpreters import find_uv
from stageproxy.cli.tries.running import Ended, Shown, ignore, run
from stageproxy.core.stage.install_commands import is_trusted_by_pip

_OWN = ("STAGEPROXY_", "_STAGEPROXY_", "PIP_", "UV_", "PYTHON", "VIRTUAL_ENV", "CONDA_")
_PUBLISHERS = ("TWINE_", "FLIT_", "HATCH_INDEX_", "POETRY_", "PDM_", "ACTIONS_ID_TOKEN_")
"""With these, what is tried could publish: credentials of uploaders, and who CI says it is."""
_KEPT = frozenset(
    {
        *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS"),
        *("UV_PYTHON_INSTALL_DIR", "PYTHONIOENCODING", "PYTHONUTF8"),
    }
)
"""What installers need to reach a server. The index, the cache and the token are not among it."""
_TOKEN = re.compile(r"\b(?:stg[uma]_|pypi-AgE)[\w-]{20,}")
_NOISE = ("DEBUG ", "TRACE ")

PROBE = """
import json, platform, sys, sysconfig
from importlib import metadata

def system():
    named = sysconfig.get_platform()
    if named.startswith("linux"):
        told = [str(sysconfig.get_config_var(one)) for one in ("SOABI", "HOST_GNU_TYPE")]
        libc = "musllinux " if "musl" in " ".join(told) else "manylinux "
        return libc + platform.machine()
    if named.startswith("macosx"):
        return "macosx " + platform.machine()
    return named.replace("-", " ")

def modules(project):
    names = {}
    try:
        files = metadata.distribution(project).files or []
    except metadata.PackageNotFoundError:
        return []
    for one in files:
        top, is_code = one.parts[0], one.name.endswith((".py", ".so", ".pyd"))
        name = top.partition(".")[0]
        if is_code and name.isidentifier() and not top.endswith((".dist-info", ".data")):
            names[name] = True
    public = [one for one in names if not one.startswith("_")]
    return sorted(public or names)

def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""

kind = "pp" if sys.implementation.name == "pypy" else "cp"
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print(json.dumps({
    "python": platform.python_version(),
    "implementation": kind + free,
    "platform": system(),
    "modules": modules(sys.argv[1]),
    "pip": version("pip"),
}))
"""
"""Runs in the new environment, whose Python may be older than the one of this command."""

IMPORT = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    print("imported", name)
"""


def clean_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables without those that would change what is installed, or that could publish.

    A token of ours or of PyPI is left out whatever its variable is called.
    """
    return {
        name: value
        for name, value in variables.items()
        if name in _KEPT
        or not (name.upper().startswith((*_OWN, *_PUBLISHERS)) or _TOKEN.search(value))
    }


@dataclass(frozen=True, slots=True)
class TryEnvironment:
    """A new virtual environment in *folder*, with *installer*: `pip` or `uv`."""

    folder: Path
    interpreter: Path
    installer: str
    variables: Mapping[str, str] = field(repr=False)
    shown: Shown = ignore

    @property
    def scripts(self) -> Path:
        """The folder of its commands."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.scripts / ("python.exe" if os.name == "nt" else "python")

    async def create(self) -> None:
        """Create it. Raise if that fails."""
        command: list[str | Path] = [self.interpreter, "-I", "-m", "venv", self.folder]
        hint = "On Debian and Ubuntu, install python3-venv. Or use --installer uv."
        if self.installer == "uv":
            command = [_uv(), "venv", "--no-project", "--python", self.interpreter, self.folder]
            hint = "Check it with `uv python list`, or use --installer pip."
        ended = await run(command, self.variables, self.folder.parent)
        if ended.code:
            last = "\n  ".join(ended.lines[-5:])
            raise FailedError(
                f"No environment could be created with {self.interpreter}. {hint}\n  {last}"
            )

    async def install(self, stage_url: str, requirements: Sequence[str]) -> Ended:
        """Install requirements through a stage URL, which no command line shows."""
        index = f"{stage_url}simple/"
        if self.installer == "uv":
            command = self._by_uv("install", "--verbose", "--no-cache")
            variables = {"UV_DEFAULT_INDEX": index, "UV_NO_CONFIG": "1", "UV_NO_PROGRESS": "1"}
        else:
            command = self._by_pip("install", "--progress-bar", "off")
            trusted = "" if is_trusted_by_pip(stage_url) else urlsplit(stage_url).netloc
            variables = {**self._pip_variables, "PIP_INDEX_URL": index, "PIP_TRUSTED_HOST": trusted}
        environment = {**self.variables, **variables}
        return await run([*command, *requirements], environment, self.folder, self._show_install)

    async def check(self) -> Ended:
        """Check whether the requirements of everything that is installed are met."""
        command = self._by_uv("check") if self.installer == "uv" else self._by_pip("check")
        environment = {**self.variables, **self._pip_variables}
        return await run(command, environment, self.folder, self.shown)

    async def import_modules(self, names: Sequence[str]) -> Ended:
        """Import modules, away from the folder in which this command was started."""
        command = [str(self.python), "-I", "-c", IMPORT, *names]
        return await run(command, self.variables, self.folder, self.shown)

    async def run(self, command: Sequence[str], folder: Path) -> Ended:
        """Run a command as if the environment were activated."""
        variables = {
            **self.variables,
            "VIRTUAL_ENV": str(self.folder),
            "PATH": f"{self.scripts}{os.pathsep}{self.variables.get('PATH', '')}",
        }
        own = self.scripts / command[0]
        program = str(own) if own.is_file() else command[0]
        return await run([program, *command[1:]], variables, folder, self.shown)

    async def facts(self, project: str) -> dict[str, Any]:
        """Return what the environment is, and the modules that the project has brought."""
        ended = await run([self.python, "-I", "-c", PROBE, project], self.variables, self.folder)
        if ended.code or not ended.lines:
            raise FailedError(f"The Python of the new environment does not run: {ended.output}")
        facts: dict[str, Any] = json.loads(ended.lines[-1])
        return facts

    async def installer_version(self, facts: Mapping[str, Any]) -> str:
        """Return the installer with its version: `pip 26.3`."""
        if self.installer == "pip":
            return f"pip {facts['pip']}"
        ended = await run([_uv(), "--version"], self.variables, self.folder)
        return " ".join(ended.output.split()[:2])

    def _by_uv(self, action: str, *options: str) -> list[str]:
        return [str(_uv()), "pip", action, "--python", str(self.python), *options]

    def _by_pip(self, action: str, *options: str) -> list[str]:
        return [str(self.python), "-I", "-m", "pip", action, *options]

    @property
    def _pip_variables(self) -> dict[str, str]:
        quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
        return {**quiet, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}

    def _show_install(self, line: str) -> None:
        if not line.startswith(_NOISE):
            self.shown(line)


def without_noise(ended: Ended) -> str:
    """Return the output of an installation without the lines that only uv's developers read."""
    return "\n".join(line for line in ended.lines if not line.startswith(_NOISE))


def installed_file(ended: Ended, staged: Sequence[str]) -> str:
    """Return which of the staged files was installed, by the output of the installer."""
    for line in map(unquote, reversed(ended.lines)):
        for filename in staged:
            after = line.partition(filename)[2]
            if filename in line and not after.startswith(".metadata"):
                return filename
    return ""


def _uv() -> Path:
    uv = find_uv()
    if uv is None:
        raise FailedError("uv is not on PATH. Install it, or use --installer pip.")
    return uv
