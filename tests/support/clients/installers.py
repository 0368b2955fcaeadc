"""Installers as their users call them: pip and uv by their commands, the others in a project."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.clients.clients import UV, Clients, clean_environment
from tests.support.clients.projects import PROJECTS, ProjectInstaller, Sources
from tests.support.clients.tools import Tools
from tests.support.servers.processes import CommandResult, run

ALL = ("pip", "uv pip", *PROJECTS)

_FOREIGN = ("POETRY_", "PDM_", "PIPENV_", "WORKON_HOME", "UV_NO_CONFIG")
_SWITCHES = {
    "CI": "1",
    "POETRY_NO_INTERACTION": "1",
    "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    "UV_NO_SYSTEM_CONFIG": "1",
    "PDM_CHECK_UPDATE": "0",
    "PIPENV_NOSPIN": "1",
    "PIPENV_VERBOSITY": "-1",
}
_FOLDERS = {
    "HOME": "home",
    "PIP_CACHE_DIR": "pip-cache",
    "UV_CACHE_DIR": "uv-cache",
    "POETRY_CACHE_DIR": "poetry-cache",
    "POETRY_CONFIG_DIR": "poetry-settings",
    "PDM_CACHE_DIR": "pdm-cache",
    "PDM_CONFIG_FILE": "pdm.toml",
    "PIPENV_CACHE_DIR": "pipenv-cache",
}


@dataclass(frozen=True, slots=True)
class Installation:
    """An installation: its result, and the contents of its environment."""

    done: CommandResult
    installed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Project:
    """A project and its installer."""

    installers: "Installers"
    by: ProjectInstaller
    folder: Path

    @property
    def locked(self) -> str:
        """Return the text of the lock file, empty before the first lock."""
        path = self.folder / self.by.lock_file
        return path.read_text() if path.exists() else ""

    async def lock(self, *flags: str, **settings: str) -> CommandResult:
        """Write the lock file and install nothing."""
        python = self.installers.clients.new_environment()
        return await self._run(python, self.by.lock, flags, settings)

    async def sync(self, *flags: str, **settings: str) -> Installation:
        """Install the lock file into a new environment."""
        return await self._into_new_environment(self.by.sync, flags, settings)

    async def install(self, *flags: str, **settings: str) -> Installation:
        """Lock and sync with one command, as users of a new project do."""
        return await self._into_new_environment(self.by.install, flags, settings)

    async def _into_new_environment(
        self, command: tuple[str, ...], flags: tuple[str, ...], settings: Mapping[str, str]
    ) -> Installation:
        python = self.installers.clients.new_environment()
        done = await self._run(python, command, flags, settings)
        return Installation(done, await self.installers.clients.installed(python))

    async def _run(
        self,
        python: Path,
        command: tuple[str, ...],
        flags: tuple[str, ...],
        settings: Mapping[str, str],
    ) -> CommandResult:
        tool = self.by.tool
        program = UV if tool == "uv" else self.installers.tools.command(tool)
        environment = {**self.installers.environment(python), **settings}
        arguments = [str(program), *flags, *command]
        return await run(*arguments, environment=environment, folder=self.folder)


@dataclass(frozen=True, slots=True)
class Installers:
    """All installers, with caches in one folder."""

    clients: Clients
    tools: Tools = field(repr=False)

    def project(self, installer: str, sources: Sources, requirement: str = "demo") -> Project:
        """Create a project that requires *requirement*, without a lock file."""
        by = PROJECTS[installer]
        folder = self.clients.new_folder("project")
        (folder / by.file).write_text(by.write(sources, requirement))
        return Project(self, by, folder)

    async def install(
        self, installer: str, sources: Sources, requirement: str = "demo"
    ) -> Installation:
        """Install into a new environment, with any installer."""
        if installer in PROJECTS:
            return await self.project(installer, sources, requirement).install()
        python = self.clients.new_environment()
        if installer == "pip":
            extra = ["--extra-index-url", sources.only] if sources.only else []
            indexes = ["--index-url", sources.default, *extra]
            done = await self.clients.pip("install", *indexes, requirement, python=python)
        else:
            extra = ["--index", sources.only] if sources.only else []
            indexes = ["--default-index", sources.default, *extra]
            into = ["pip", "install", "--python", str(python)]
            done = await self.clients.uv(*into, *indexes, requirement)
        return Installation(done, await self.clients.installed(python))

    async def version(self, installer: str) -> str:
        """Return the version of an installer."""
        if installer == "pip":
            output = await self.clients.pip("--version")
        elif installer.startswith("uv"):
            output = await self.clients.uv("--version")
        else:
            return self.tools.version(installer)
        return output.ok().stdout.split()[1]

    def environment(self, python: Path) -> dict[str, str]:
        """Return the environment of a shell in which the environment of *python* is activated."""
        clean = clean_environment()
        remaining = {name: text for name, text in clean.items() if not name.startswith(_FOREIGN)}
        folders = {name: str(self.clients.folder / part) for name, part in _FOLDERS.items()}
        return {**remaining, **_SWITCHES, **folders, "VIRTUAL_ENV": str(python.parent.parent)}
