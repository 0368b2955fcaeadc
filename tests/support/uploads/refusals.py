"""Refused uploads: their preparation, the release, and the sentence."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.recipes import build_recipe
from tests.support.clients.uploaders import Release
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server

LARGEST = 2**20
"""The greatest size of a file in these tests."""

SETTINGS = {
    "UPLOAD__MAX_FILE_SIZE": str(LARGEST),
    "STAGE__MAX_PER_PROJECT": "1",
}

_NOISE = hashlib.shake_256(b"noise").digest(LARGEST + 2**17)
_OVER = "This API token is revoked or has expired. Ask for a new one."
_EXISTS = "File already exists ('{file}', with blake2_256 hash '"


@dataclass(frozen=True, slots=True)
class RefusalSetup:
    """A project without uploads, and the servers that know it."""

    server: Server
    index: FakeIndex
    name: str

    @property
    def url(self) -> str:
        """Return the URL for uploads that open a stage."""
        return f"{self.server.url}/legacy/"

    async def token(self, **order: str) -> Mapping[str, Any]:
        """Create a token for uploads to the project."""
        made: Mapping[str, Any] = await self.server.make_token(
            **{"project": self.name, "can": "upload", **order}
        )
        return made

    async def secret(self, **order: str) -> str:
        """Create a token and return its text."""
        return str((await self.token(**order))["token"])


Arrange = Callable[[RefusalSetup], Awaitable[tuple[str, str]]]
"""Prepares a refusal, and returns the URL and the token of the user."""


async def nothing(setup: RefusalSetup) -> tuple[str, str]:
    """Prepare nothing: the file itself is refused."""
    return setup.url, await setup.secret()


async def no_token(setup: RefusalSetup) -> tuple[str, str]:
    """Give the user a text that is no token."""
    return setup.url, "nonsense"


async def token_of_another_project(setup: RefusalSetup) -> tuple[str, str]:
    """Give the user the token of another project."""
    return setup.url, await setup.secret(project="somebody-elses")


async def revoked_token(setup: RefusalSetup) -> tuple[str, str]:
    """Give the user a revoked token."""
    token = await setup.token()
    await setup.server.ask("DELETE", f"/api/tokens/{token['id']}")
    return setup.url, str(token["token"])


async def published(setup: RefusalSetup) -> tuple[str, str]:
    """Add other files of these names to PyPI."""
    setup.index.add(setup.name, *_others(setup.name))
    return await nothing(setup)


async def archived(setup: RefusalSetup) -> tuple[str, str]:
    """Archive the project on PyPI."""
    setup.index.add(setup.name, a_wheel(setup.name, "1.0"), status="archived")
    return await nothing(setup)


async def stage_of_another_version(setup: RefusalSetup) -> tuple[str, str]:
    """Give the user the URL of a stage of another release."""
    stage = await setup.server.open_stage(name=setup.name, version="1.0")
    return stage.uploads, await setup.secret()


async def canceled_stage(setup: RefusalSetup) -> tuple[str, str]:
    """Give the user the URL of a canceled stage."""
    stage = await setup.server.open_stage(name=setup.name, version="2.0")
    await setup.server.ask("DELETE", f"/api/stages/{stage.id}")
    return stage.uploads, await setup.secret()


async def as_many_stages_as_may_be(setup: RefusalSetup) -> tuple[str, str]:
    """Open the one stage that a project may have."""
    await setup.server.open_stage(name=setup.name, version="1.0")
    return await nothing(setup)


@dataclass(frozen=True, slots=True)
class RefusalCase:
    """A case: the sentence, with the `name` of the release and a `file` filled in.

    *by_hand*: no build creates its files, so flit cannot send them.
    """

    sentence: str
    arrange: Arrange = nothing
    changes: Callable[[str], Mapping[str, Any]] = field(default=lambda _: {})
    by_hand: bool = False

    def release(self, name: str) -> Release:
        """Return the release to upload."""
        return Release(name, **self.changes(name))

    def sentences(self, release: Release) -> tuple[str, ...]:
        """Return the sentence for each file. An uploader stops at the first one."""
        names = [file.filename for file in release.files()]
        return tuple(self.sentence.format(name=release.name, file=name) for name in names)


def _others(name: str) -> tuple[Distribution, ...]:
    return a_wheel(name, "2.0", summary="Another"), an_sdist(name, "2.0", summary="Another")


def _without_record(name: str) -> Distribution:
    return build_recipe(
        {
            "kind": "wheel",
            "filename": f"{name.replace('-', '_')}-2.0-py3-none-any.whl",
            "omit": ["{di}/RECORD"],
        }
    )


REFUSALS: Mapping[str, RefusalCase] = {
    "unknown token (403)": RefusalCase(
        "Invalid or non-existent authentication information.", arrange=no_token
    ),
    "token of another project (403)": RefusalCase(
        "This API token cannot upload {name}.",
        arrange=token_of_another_project,
    ),
    "revoked token (403)": RefusalCase(_OVER, arrange=revoked_token),
    "name that PyPI has with other bytes (400)": RefusalCase(_EXISTS, arrange=published),
    "archived project (400)": RefusalCase(
        "Project {name} is archived on PyPI and accepts no uploads.", arrange=archived
    ),
    "file too large (400)": RefusalCase(
        "File too large. Limit for project '{name}' is 1 MB.",
        changes=lambda _: {"noise": _NOISE},
    ),
    "summary too long (400)": RefusalCase(
        "'summary' field must be 512 characters or less.",
        changes=lambda _: {"summary": "x" * 513},
    ),
    "file of another release than the stage (409)": RefusalCase(
        "{file} does not belong to stage {name} 1.0.",
        arrange=stage_of_another_version,
    ),
    "canceled stage (410)": RefusalCase("Stage {name} 2.0 ended on ", arrange=canceled_stage),
    "as many stages as may be (429)": RefusalCase(
        "{name} already has 1 live stage. Cancel one first: a manage token can cancel any",
        arrange=as_many_stages_as_may_be,
    ),
    "wheel without RECORD (400)": RefusalCase(
        "Wheel '{file}' does not contain the required RECORD file",
        changes=lambda name: {"dist": (_without_record(name),)},
        by_hand=True,
    ),
    "wheel for a platform that PyPI does not take (400)": RefusalCase(
        "Binary wheel '{file}' has an unsupported platform tag 'linux_x86_64'.",
        changes=lambda name: {"dist": (a_wheel(name, "2.0", tag="py3-none-linux_x86_64"),)},
        by_hand=True,
    ),
}
