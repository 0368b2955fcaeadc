"""pip and uv read the same from HTML and JSON pages of a stage."""

import random
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pip._internal.index.collector import IndexContent, parse_links

from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.pages import Document, StagedFile
from stageproxy.core.index.simple import add_to_page, new_page
from stageproxy.core.stage.listing import staged_files
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.stages import (
    FILES,
    LINKS,
    PAGE,
    a_listed_entry,
    a_stage,
    an_artifact,
    as_json,
)
from tests.support.clients.clients import Clients
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.index.pages import detail_html
from tests.support.servers.processes import Server, ServerStart, StageLinks

STAGES = 500
STAGE_PAGE = LINKS.page_url
TYPES = (SimpleType.V1_JSON, SimpleType.V1_HTML, SimpleType.HTML)
VERSIONS = (
    "0.9",
    "1.0",
    "1.0.0",
    "1.0.post1",
    "1!0.1",
    "2.0a1",
    "2.0rc1",
    "2.0",
    "10.0",
    "2.0.dev3",
)
TAGS = ("py3-none-any", "py2.py3-none-any", "cp311-cp311-manylinux_2_17_x86_64", "1-py3-none-any")
ODD_NAMES = (
    "demo-0.1-py2.7.egg",
    "demo-0.1.zip",
    "demo.html",
    "demo-variants.json",
    "demo-x.tar.gz",
)
PYTHONS = (None, ">=3.8", ">=3.8, <4", "!=3.0.*,>=2.7", ">3.6,<3.14 ", "~=3.9")
REASONS = (
    False,
    False,
    False,
    True,
    "broken",
    'says "no" & <b>more</b>',
    "it's late; use 2.0 ≥ 1",
    "a\nb\tc",
    "&amp; &#34;",
)

Read = frozenset[tuple[str, str | None, str | None, str | None]]


@dataclass(frozen=True, slots=True)
class Case:
    """The page of upstream, if it has the project, and the staged files."""

    page: Mapping[str, Any] | None
    staged: Sequence[StagedFile]

    def merged(self, kind: SimpleType) -> bytes:
        """Return the page that clients of the stage get."""
        if self.page is None:
            return new_page(kind, "demo", self.staged)
        body = as_json(self.page) if kind is SimpleType.V1_JSON else detail_html(self.page)
        document = Document(body, "", kind.value, PAGE)
        return add_to_page(document, "demo", self.staged, LINKS)

    @property
    def filenames(self) -> set[str]:
        """Return the filenames of the merged page."""
        if self.page is None:
            return {one.filename for one in self.staged}
        if self.page["project-status"]["status"] == "quarantined":
            return set()
        listed = {one["filename"] for one in self.page["files"]}
        return listed | {one.filename for one in self.staged}


def test_what_pip_reads() -> None:
    """Pip reads the same files, digests, requirements and reasons from JSON and HTML."""
    different = [
        seed
        for seed, case in enumerate(cases())
        if len({read(case.merged(kind), kind) for kind in TYPES}) != 1
    ]

    assert different == []


def test_all_files_are_read() -> None:
    """Pip reads all files of upstream and of the stage."""
    missing = [
        (seed, kind)
        for seed, case in enumerate(cases())
        for kind in TYPES
        if {one[0] for one in read(case.merged(kind), kind)} != case.filenames
    ]

    assert missing == []


def read(body: bytes, kind: SimpleType) -> Read:
    """Return what pip reads on a page: filename, SHA-256, Requires-Python, and why it is yanked."""
    content = IndexContent(body, kind.value, "utf-8", STAGE_PAGE, cache_link_parsing=False)
    return frozenset(
        (
            one.filename,
            one.as_hashes()._allowed["sha256"][0],  # noqa: SLF001 - pip has no public name for it
            one.requires_python,
            one.yanked_reason,
        )
        for one in parse_links(content)
    )


def cases() -> Iterator[Case]:
    """Return random stages over random pages, the same in every run."""
    chance = random.Random(55)
    for _ in range(STAGES):
        yield _a_case(chance)


def _a_case(chance: random.Random) -> Case:
    version = chance.choice(VERSIONS)
    artifacts = {
        name: None for _ in range(chance.randint(1, 4)) for name in [_name(chance, version)]
    }
    stage = a_stage(
        version,
        *(
            an_artifact(name, requires_python=chance.choice(PYTHONS), content=str(chance.random()))
            for name in artifacts
        ),
    )
    page = None if chance.random() < 0.1 else _a_page(chance)
    return Case(page, staged_files(stage, "../../"))


def _a_page(chance: random.Random) -> Mapping[str, Any]:
    """Return a page of upstream, on which the files of a release have the same attributes."""
    status = chance.choice(["active"] * 9 + ["archived", "quarantined"])
    releases = chance.sample(VERSIONS, chance.randint(0, 6))
    entries = [entry for version in releases for entry in _a_release(chance, version)]
    odd = [_an_entry(chance, name) for name in chance.sample(ODD_NAMES, chance.randint(0, 2))]
    return {
        "files": [] if status == "quarantined" else [*odd, *entries],
        "meta": {"_last-serial": 7, "api-version": "1.4"},
        "name": "demo",
        "project-status": {"status": status},
        "versions": releases,
    }


def _a_release(chance: random.Random, version: str) -> list[dict[str, Any]]:
    attributes = {"requires_python": chance.choice(PYTHONS), "yanked": chance.choice(REASONS)}
    names = {_name(chance, version): None for _ in range(chance.randint(1, 4))}
    return [_an_entry(chance, name, **attributes) for name in names]


def _an_entry(chance: random.Random, filename: str, **attributes: Any) -> dict[str, Any]:
    digest = sha256(str(chance.random()).encode()).hexdigest()
    root = chance.choice([FILES, "../../packages", "/packages"])
    metadata = chance.choice([False, True, {"sha256": digest}])
    entry = a_listed_entry(
        filename, hashes={"sha256": digest}, url=f"{root}/{filename}", **attributes
    )
    return {**entry, "core-metadata": metadata, "data-dist-info-metadata": metadata}


def _name(chance: random.Random, version: str) -> str:
    if chance.random() < 0.3:
        return f"demo-{version}.tar.gz"
    return f"demo-{version}-{chance.choice(TAGS)}.whl"


PROJECTS = 20
"""How many random projects uv resolves, each with its own stage."""


@pytest.fixture
async def server(start_server: ServerStart, index: FakeIndex) -> AsyncIterator[Server]:
    """Return a server that revalidates every page of upstream."""
    settings = {"UPSTREAM__URL": index.url, "UPSTREAM__FRESH_FOR": "0s"}
    async with start_server(settings=settings) as running:
        yield running


@pytest.mark.journey
async def test_what_uv_resolves(server: Server, index: FakeIndex, tmp_path: Path) -> None:
    """Uv pins the same version and digests, whichever type upstream's pages have."""
    chance = random.Random(55)
    clients = Clients.in_folder(tmp_path, Path(sys.executable))
    stages = {
        f"demo{number}": await _staged(server, index, f"demo{number}", chance)
        for number in range(PROJECTS)
    }

    from_json = {name: await _resolved(clients, name, stage) for name, stage in stages.items()}
    index.quirks = Quirks(html_only=True)
    index.requests.clear()
    from_html = {name: await _resolved(clients, name, stage) for name, stage in stages.items()}

    assert {one.path for one in index.requests} >= {f"/simple/{name}/" for name in stages}
    assert from_json == from_html
    staged = [name for name, text in from_json.items() if f"{name}==2.0 " in text]
    assert 5 <= len(staged) < PROJECTS


async def _staged(server: Server, index: FakeIndex, name: str, chance: random.Random) -> StageLinks:
    """Put a few releases on the index, and stage 2.0: new, or beside published files."""
    for version in chance.sample(["0.9", "1.0", "2.0", "2.1", "3.0a1"], chance.randint(1, 4)):
        index.add(
            name,
            an_sdist(name, version),
            requires_python=chance.choice([None, ">=3.8", ">=4"]),
            yanked="broken" if chance.random() < 0.5 else False,
            uploaded_at=datetime.now(UTC),
        )
    return await server.stage(*_distributions(name, chance))


def _distributions(name: str, chance: random.Random) -> list[Distribution]:
    python = chance.choice([None, ">=3.8", ">=3.9,<5", ">=4"])
    wheel = a_wheel(name, "2.0", requires_python=python)
    return [wheel] if chance.random() < 0.5 else [wheel, a_wheel(name, "2.0", tag="cp311-none-any")]


async def _resolved(clients: Clients, name: str, stage: StageLinks) -> str:
    """Return what uv pins: the version, and the digest of each of its files."""
    wanted = clients.folder / f"{name}.in"
    wanted.write_text(f"{name}\n")
    options = ["--refresh", "--no-deps", "--no-header", "--no-annotate", "--generate-hashes"]
    done = await clients.uv("pip", "compile", *options, "--default-index", stage.index, str(wanted))
    return done.stdout if done.code == 0 else f"none: {done.stderr}"
