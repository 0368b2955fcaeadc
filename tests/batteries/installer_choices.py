"""The table of impact beside what pip and uv choose, for real projects.

`python -m tests.batteries.installer_choices` records the files of these projects and what pip
chooses of them in `tests/data/installer_choices.json`, for the short form.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.index.releases import releases_in
from stageproxy.core.index.simple_json import read_json_page
from stageproxy.core.review.impact.impact import Impact
from stageproxy.core.review.impact.impacts import impact_of
from stageproxy.core.review.impact.targets import DEFAULT_TARGETS, Target, platform_tags
from stageproxy.upstream.pip_index import settings_of_pip
from tests.support.builders.listings import merged
from tests.support.builders.stages import an_artifact
from tests.support.servers.processes import ROOT, own_environment, run

PROJECTS = (
    *("numpy", "lxml", "cryptography", "pydantic-core", "orjson", "pyyaml", "pillow", "ruff"),
    *("uv", "cffi", "psycopg2-binary", "grpcio", "black", "attrs", "protobuf", "coverage"),
    *("markupsafe", "aiohttp", "scipy", "pandas", "tokenizers", "msgpack", "greenlet"),
    *("setuptools", "zope-interface", "psutil", "torch", "polars", "mypy", "pyzmq"),
)
RECORDED = ROOT / "tests" / "data" / "installer_choices.json"
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
ASK_PIP = Path(__file__).with_name("pip_choices.py")
_NEWEST = 2
"""How many releases are recorded in any case; older ones only if something chooses them."""

Choices = tuple[str | None, ...]
"""The filename that is chosen for each target, in their order."""


@dataclass(frozen=True)
class Release:
    """The newest release of a project, as if it were staged, and what is listed before it."""

    project: str
    version: str
    listing: Listing

    @property
    def files(self) -> Sequence[ListedFile]:
        """The files of the release, which are not yanked."""
        listed = self.listing.files_of(self.version)
        return [one for one in listed if one.yanked is None]

    @property
    def before(self) -> Listing:
        """What is listed without the release."""
        own = {one.filename for one in self.listing.files_of(self.version)}
        return merged(*(one for name, one in self.listing.files.items() if name not in own))

    def impact(self) -> Impact:
        """Return the impact of the release."""
        staged = [
            an_artifact(one.filename, requires_python=one.requires_python) for one in self.files
        ]
        return impact_of(staged, self.before, self.version, DEFAULT_TARGETS)

    def table(self) -> tuple[Choices, Choices]:
        """Return what the table of impact says is chosen today and afterwards."""
        rows = self.impact().rows
        today = tuple(one.today.filename or None for one in rows)
        return today, tuple(one.after.filename or None for one in rows)

    def shortened(self) -> "Release":
        """Return the release with only those older ones that are chosen for some target."""
        chosen = {name for choices in self.table() for name in choices}
        releases = releases_in(self.listing)
        kept = [
            one
            for place, one in enumerate(releases)
            if place < _NEWEST or chosen.intersection(one.filenames)
        ]
        names = {name for one in kept for name in one.filenames}
        return Release(
            self.project,
            self.version,
            merged(*(one for name, one in self.listing.files.items() if name in names)),
        )


def newest_release(project: str, listing: Listing) -> Release:
    """Return the newest final release of a project."""
    finals = (one for one in releases_in(listing) if not one.version.is_prerelease)
    return Release(project, str(next(one for one in finals if one.files).version), listing)


async def fetched(project: str) -> Release:
    """Return the newest release of a project by the page of the index that pip uses."""
    url = f"{settings_of_pip().index.simple}{project}/"
    async with (
        aiohttp.ClientSession(trust_env=True) as session,
        session.get(url, headers={"Accept": JSON_PAGE}) as answer,
    ):
        answer.raise_for_status()
        return newest_release(project, read_json_page(await answer.read(), project))


def as_asked_of_pip(target: Target) -> dict[str, Any]:
    """Return a target as the options of pip name it, with a late patch release of its Python."""
    number = target.python.replace(".", "")
    abi = f"pypy{number}_pp73" if target.implementation == "pp" else target.interpreter
    return {
        "platforms": [*platform_tags(target.platform)],
        "python": [*map(int, target.python.split(".")), 99],
        "abis": [abi],
        "implementation": target.implementation.removesuffix("t"),
    }


async def choices_of_pip(release: Release, listing: Listing, pip: Path) -> Choices:
    """Return what pip chooses of a listing; *pip* is the folder that it is installed in."""
    question = {
        "project": release.project,
        "specifier": f"<={release.version}",
        "files": [
            [one.filename, one.requires_python, one.yanked] for one in listing.files.values()
        ],
        "targets": [as_asked_of_pip(one) for one in DEFAULT_TARGETS],
    }
    environment = {**own_environment(), "PYTHONPATH": str(pip)}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(question, file)
        file.flush()
        done = await run(
            sys.executable, str(ASK_PIP), file.name, environment=environment, seconds=600
        )
    return tuple(json.loads(done.ok().stdout))


async def compared_with_pip(release: Release, pip: Path) -> list[str]:
    """Return each difference between the table of a release and what pip chooses."""
    before, after = release.table()
    theirs = [await choices_of_pip(release, one, pip) for one in (release.before, release.listing)]
    return [
        *differences(release.project, "today", before, theirs[0]),
        *differences(release.project, "afterwards", after, theirs[1]),
    ]


def differences(project: str, when: str, ours: Choices, theirs: Choices) -> list[str]:
    """Return a sentence on each target for which two choices differ."""
    return [
        f"{project}, {target}, {when}: the table has {own}, and the installer chooses {other}"
        for target, own, other in zip(DEFAULT_TARGETS, ours, theirs, strict=True)
        if own != other
    ]


def as_recorded(release: Release, today: Choices, after: Choices) -> dict[str, Any]:
    """Return the facts of a release: its files, and choices as places among them."""
    listed = list(release.listing.files.values())
    places = {one.filename: place for place, one in enumerate(listed)}
    requires = list(dict.fromkeys(one.requires_python for one in listed))
    return {
        "project": release.project,
        "version": release.version,
        "requires-python": requires,
        "files": [[one.filename, requires.index(one.requires_python)] for one in listed],
        "yanked": [places[one.filename] for one in listed if one.yanked is not None],
        "today": [None if one is None else places[one] for one in today],
        "after": [None if one is None else places[one] for one in after],
    }


def recorded(facts: Mapping[str, Any]) -> tuple[Release, Choices, Choices]:
    """Return a recorded release, and what pip chose today and afterwards."""
    names = [name for name, _ in facts["files"]]
    files = [
        ListedFile(
            name,
            None,
            facts["requires-python"][requires],
            "" if place in facts["yanked"] else None,
        )
        for place, (name, requires) in enumerate(facts["files"])
    ]
    today, after = (
        tuple(None if one is None else names[one] for one in facts[when])
        for when in ("today", "after")
    )
    return Release(facts["project"], facts["version"], merged(*files)), today, after


async def record(pip: Path) -> None:
    """Record the choices of pip for all projects."""
    lines = []
    for project in PROJECTS:
        release = (await fetched(project)).shortened()
        today = await choices_of_pip(release, release.before, pip)
        after = await choices_of_pip(release, release.listing, pip)
        lines.append(json.dumps(as_recorded(release, today, after), separators=(",", ":")))
    RECORDED.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    asyncio.run(record(Path(sys.argv[1])))
