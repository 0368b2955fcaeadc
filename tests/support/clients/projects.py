"""Installers of projects: their project files and their commands."""

from collections.abc import Callable
from dataclasses import dataclass

from packaging.requirements import Requirement

_PROJECT = """\
[project]
name = "consumer"
version = "0"
requires-python = ">=3.11"
dependencies = ["{requirement}"]
"""


@dataclass(frozen=True, slots=True)
class Sources:
    """The index of a project, and optionally one for a staged release only.

    Without any index, the settings of the installer apply.
    """

    default: str = ""
    only: str = ""
    name: str = "here"


@dataclass(frozen=True, slots=True)
class ProjectInstaller:
    """The commands of an installer to lock, to sync, and to do both; and its files."""

    tool: str
    write: Callable[[Sources, str], str]
    lock: tuple[str, ...]
    sync: tuple[str, ...]
    install: tuple[str, ...]
    lock_file: str
    file: str = "pyproject.toml"


def _for_uv(sources: Sources, requirement: str) -> str:
    default = _table("[tool.uv.index]", name=sources.name, url=sources.default)
    return (
        _PROJECT.format(requirement=requirement)
        + (_table("[tool.uv.index]", name="stage", url=sources.only) if sources.only else "")
        + (f"{default}default = true\n" if sources.default else "")
    )


def _for_poetry(sources: Sources, requirement: str) -> str:
    kinds = ((sources.name, sources.default, "primary"), ("stage", sources.only, "supplemental"))
    return (
        _PROJECT.format(requirement=requirement)
        + "[tool.poetry]\npackage-mode = false\n"
        + "".join(
            _table("[tool.poetry.source]", name=name, url=url, priority=priority)
            for name, url, priority in kinds
            if url
        )
    )


def _for_pdm(sources: Sources, requirement: str) -> str:
    # A source named `pypi` replaces the default source of pdm.
    kinds = (("pypi", sources.default), ("stage", sources.only))
    return (
        _PROJECT.format(requirement=requirement)
        + "[tool.pdm]\ndistribution = false\n"
        + "".join(_table("[tool.pdm.source]", name=name, url=url) for name, url in kinds if url)
    )


def _for_pipenv(sources: Sources, requirement: str) -> str:
    kinds = ((sources.name, sources.default), ("stage", sources.only))
    wanted = Requirement(requirement)
    index = ', index = "stage"' if sources.only else ""
    # pip, which pipenv calls, needs to trust an index without TLS.
    return (
        "".join(
            _table("[source]", name=name, url=url) + "verify_ssl = false\n"
            for name, url in kinds
            if url
        )
        + f'[packages]\n{wanted.name} = {{ version = "{wanted.specifier or "*"}"{index} }}\n'
    )


def _table(header: str, **keys: str) -> str:
    return f"[{header}]\n" + "".join(f'{key} = "{text}"\n' for key, text in keys.items())


PROJECTS = {
    "uv sync": ProjectInstaller(
        "uv", _for_uv, ("lock",), ("sync", "--active", "--frozen"), ("sync", "--active"), "uv.lock"
    ),
    "poetry": ProjectInstaller(
        "poetry", _for_poetry, ("lock",), ("install",), ("install",), "poetry.lock"
    ),
    "pdm": ProjectInstaller("pdm", _for_pdm, ("lock",), ("sync",), ("install",), "pdm.lock"),
    "pipenv": ProjectInstaller(
        "pipenv", _for_pipenv, ("lock",), ("sync",), ("install",), "Pipfile.lock", file="Pipfile"
    ),
}
"""Installers of projects, by name."""
