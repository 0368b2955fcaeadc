"""Six uploaders, and how each is called in the folder of a project."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist, metadata_of
from tests.support.clients.clients import clean_environment
from tests.support.clients.tools import Tools
from tests.support.servers.processes import CommandResult, run

_URL = re.compile(r"https?://\S+")
_BESIDE_PYTHON = ("twine", "uv")
_NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
_PYPROJECT = """\
[build-system]
requires = ["{requires}"]
build-backend = "{backend}"

[project]
name = "{name}"
version = "{version}"
description = "{summary}"
requires-python = ">=3.8"
"""


@dataclass(frozen=True, slots=True)
class Uploader:
    """A client: its command, the variables that configure its server, and the usual backend.

    *variables* are those that a user sets, with `URL` and `TOKEN` in place of the given values;
    *settings* keep it from prompting, from other requests, and from creating environments.
    *explained*: the option with which it prints the reason of a refusal, if it needs one.
    """

    name: str
    command: str
    variables: Mapping[str, str]
    backend: tuple[str, str] = ("setuptools", "setuptools.build_meta")
    builds: bool = False
    explained: tuple[str, ...] = ()
    refused: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)

    def environment(self, url: str, token: str, home: Path) -> dict[str, str]:
        """Return an environment with one server and without other settings."""
        given = {"URL": url, "TOKEN": token}
        variables = {name: given.get(text, text) for name, text in self.variables.items()}
        return {
            **clean_environment(),
            **_NO_KEYRING,
            **self.settings,
            **variables,
            "HOME": str(home),
        }


UPLOADERS: Mapping[str, Uploader] = {
    one.name: one
    for one in (
        Uploader(
            "twine",
            "twine upload dist/*",
            {
                "TWINE_REPOSITORY_URL": "URL",
                "TWINE_USERNAME": "__token__",
                "TWINE_PASSWORD": "TOKEN",
            },
        ),
        Uploader(
            "uv",
            "uv publish",
            {"UV_PUBLISH_URL": "URL", "UV_PUBLISH_TOKEN": "TOKEN"},
            refused=2,
        ),
        Uploader(
            "flit",
            "flit publish",
            {
                "FLIT_INDEX_URL": "URL",
                "FLIT_USERNAME": "__token__",
                "FLIT_PASSWORD": "TOKEN",
                "SOURCE_DATE_EPOCH": "1767225600",
            },
            backend=("flit_core", "flit_core.buildapi"),
            builds=True,
            settings={"FLIT_NO_NETWORK": "1"},
        ),
        Uploader(
            "poetry",
            "poetry publish --repository stage",
            {"POETRY_REPOSITORIES_STAGE_URL": "URL", "POETRY_PYPI_TOKEN_STAGE": "TOKEN"},
            backend=("poetry-core", "poetry.core.masonry.api"),
        ),
        Uploader(
            "pdm",
            "pdm publish --no-build",
            {
                "PDM_PUBLISH_REPO": "URL",
                "PDM_PUBLISH_USERNAME": "__token__",
                "PDM_PUBLISH_PASSWORD": "TOKEN",
            },
            backend=("pdm-backend", "pdm.backend"),
            explained=("-vv",),
            settings={"PDM_CHECK_UPDATE": "false", "PDM_USE_VENV": "false"},
        ),
        Uploader(
            "hatch",
            "hatch publish",
            {
                "HATCH_INDEX_REPO": "URL",
                "HATCH_INDEX_USER": "__token__",
                "HATCH_INDEX_AUTH": "TOKEN",
            },
            backend=("hatchling", "hatchling.build"),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Release:
    """The release of a project. *noise*: bytes that make its files large.

    *dist* are its files if a build does not create them.
    """

    name: str
    version: str = "2.0"
    summary: str = "A demo"
    noise: bytes = b""
    dist: tuple[Distribution, ...] = ()

    @property
    def module(self) -> str:
        """Return the import name of the release."""
        return self.name.replace("-", "_")

    def files(self) -> tuple[Distribution, ...]:
        """Return the wheel and the sdist as a build creates them."""
        metadata = metadata_of(self.name, self.version, ">=3.8", summary=self.summary)
        noise = {f"{self.module}/noise.bin": self.noise} if self.noise else {}
        return self.dist or (
            a_wheel(self.name, self.version, metadata=metadata, extra=noise),
            an_sdist(self.name, self.version, metadata=metadata, extra=noise),
        )

    def write(self, folder: Path, uploader: Uploader) -> None:
        """Write the folder as it is before the upload: sources and built files."""
        source = folder / self.module
        source.mkdir(parents=True, exist_ok=True)
        (source / "__init__.py").write_text('"""A demo."""\n')
        (source / "noise.bin").write_bytes(self.noise)
        (folder / "pyproject.toml").write_text(self._pyproject(uploader))
        dist = folder / "dist"
        dist.mkdir(exist_ok=True)
        for old in dist.iterdir():
            old.unlink()
        for file in () if uploader.builds else self.files():
            (dist / file.filename).write_bytes(file.content)

    def _pyproject(self, uploader: Uploader) -> str:
        requires, backend = uploader.backend
        return _PYPROJECT.format(
            requires=requires,
            backend=backend,
            name=self.name,
            version=self.version,
            summary=self.summary,
        )


@dataclass(frozen=True, slots=True)
class UploaderRunner:
    """Runs uploaders in their own folders, with a home for each.

    *more*: what is in their environment besides their settings.
    """

    folder: Path
    tools: Tools
    more: Mapping[str, str] = field(default_factory=dict)

    async def upload(
        self,
        uploader: Uploader,
        release: Release,
        url: str,
        token: str,
        *more: str,
        changed: int | None = None,
    ) -> CommandResult:
        """Upload a release; its sources were last *changed* now, or at a given time."""
        project = self.project(uploader, release)
        release.write(project, uploader)
        if changed is not None:
            for path in project.rglob("*"):
                os.utime(path, (changed, changed))
        home = self.folder / f"home-{project.name}"
        home.mkdir(exist_ok=True)
        program, *arguments = uploader.command.split()
        return await run(
            str(self.program(program)),
            *arguments,
            *more,
            environment={**uploader.environment(url, token, home), **self.more},
            folder=project,
        )

    def project(self, uploader: Uploader, release: Release) -> Path:
        """Return the folder of a project."""
        return self.folder / f"{release.name}-with-{uploader.name}"

    def built(self, uploader: Uploader, release: Release) -> dict[str, str]:
        """Return the files of the uploader by name, with their sha256."""
        dist = self.project(uploader, release) / "dist"
        files = (Distribution(path.name, path.read_bytes()) for path in sorted(dist.iterdir()))
        return {one.filename: one.sha256 for one in files}

    def program(self, name: str) -> Path:
        """Return the path of a command: some come with the tests, the others are installed."""
        if name in _BESIDE_PYTHON:
            return Path(sys.executable).parent / name
        return self.tools.command(name)

    def version(self, name: str) -> str:
        """Return the version of a client."""
        if name in _BESIDE_PYTHON:
            return version(name)
        return self.tools.version(name)


def find_printed_url(output: str, upload_url: str) -> str | None:
    """Return the URL of the release that a client prints: the last one in its output.

    The URL of the upload API does not count.
    """
    urls = [url for url in _URL.findall(output) if url not in {upload_url, upload_url.rstrip("/")}]
    return urls[-1] if urls else None
