"""A stage in front of the index of this machine changes its own project only."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector
from yarl import URL

from stageproxy.core.index.negotiation import SimpleType
from stageproxy.upstream.pip_index import settings_of_pip
from tests.support.builders.distributions import a_wheel
from tests.support.servers.processes import Server, ServerStart, StageLinks

pytestmark = [pytest.mark.journey, pytest.mark.network, pytest.mark.timeout(240)]

NEW = a_wheel("stageproxy-journey-sample", "1.0")
NAMES = tuple(
    line
    for line in (Path(__file__).parent / "project_names.txt").read_text().splitlines()
    if not line.startswith("#")
)
RESPELLED = (
    "charset-normalizer",
    "email-validator",
    "flit-core",
    "idna",
    "importlib-metadata",
    "iniconfig",
    "mypy-extensions",
    "packaging",
    "pyproject-hooks",
    "pytest-cov",
    "python-dateutil",
    "six",
    "typing-extensions",
)
VARIANTS = 300
ACCEPTS = (SimpleType.V1_JSON.value, SimpleType.HTML.value)
AT_A_TIME = 12
TRIES = 3
MOST_HOPS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Fetched:
    """The last answer, and whether all redirects stayed below the root."""

    status: int
    content_type: str | None
    body: bytes = field(repr=False)
    is_inside: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Project pages of upstream, compared with those of a stage."""

    session: ClientSession
    upstream: str
    staged: str

    async def differing(self, paths: Sequence[str]) -> list[str]:
        """Return the paths at which the two differ, for each type of page."""
        gate = asyncio.Semaphore(AT_A_TIME)

        async def differs(path: str, accept: str) -> bool:
            async with gate:
                return await self._differs(path, accept)

        asked = [(path, accept) for path in paths for accept in ACCEPTS]
        answers = await asyncio.gather(*(differs(*one) for one in asked))
        return [
            f"{path} as {accept}" for (path, accept), yes in zip(asked, answers, strict=True) if yes
        ]

    async def _differs(self, path: str, accept: str) -> bool:
        """Return whether one page differs. It is compared again if upstream changed it."""
        before = await self._get(self.upstream, path, accept)
        # Two equal failures would prove nothing.
        assert (before.status, bool(before.body)) == (200, True), path
        for _ in range(TRIES):
            through = await self._get(self.staged, path, accept)
            if through == before:
                return False
            after = await self._get(self.upstream, path, accept)
            if through == after:
                return False
            if before == after:
                return True
            before = after
        return True

    async def _get(self, root: str, path: str, accept: str) -> Fetched:
        """Follow redirects one by one, so that one out of *root* and back is found."""
        url = URL(root + path, encoded=True)
        is_inside = True
        for _ in range(MOST_HOPS):
            headers = {"Accept": accept}
            async with self.session.get(url, headers=headers, allow_redirects=False) as answer:
                if answer.status not in REDIRECTS:
                    kind = answer.headers.get("Content-Type")
                    return Fetched(answer.status, kind, await answer.read(), is_inside)
                url = url.join(URL(answer.headers["Location"], encoded=True))
            is_inside = is_inside and str(url).startswith(root)
        raise AssertionError(f"{path} is redirected for ever")


@pytest.fixture
async def server(start_server: ServerStart) -> AsyncIterator[Server]:
    """Return a server with the default settings: its upstream is the index that pip uses."""
    async with start_server() as running:
        yield running


@asynccontextmanager
async def comparison_with(stage: StageLinks) -> AsyncIterator[Comparison]:
    """Open a session with few connections."""
    connector = TCPConnector(limit_per_host=AT_A_TIME)
    async with ClientSession(connector=connector, trust_env=True) as session:
        yield Comparison(session, str(settings_of_pip().index.simple), stage.index)


async def test_two_hundred_projects(server: Server) -> None:
    """The pages of 200 real projects are unchanged through a stage, as HTML and as JSON."""
    stage = await server.stage(NEW)

    async with comparison_with(stage) as comparison, asyncio.timeout(90):
        differing = await comparison.differing([f"{name}/" for name in NAMES])

    assert (len(set(NAMES)), differing) == (200, [])


async def test_three_hundred_spellings(server: Server) -> None:
    """For every spelling of a name, the stage redirects to the page of upstream, within itself."""
    stage = await server.stage(NEW)
    spellings = spellings_of(RESPELLED)

    async with comparison_with(stage) as comparison, asyncio.timeout(90):
        differing = await comparison.differing(spellings)

    assert (len(set(spellings)), differing) == (VARIANTS, [])


def spellings_of(names: Sequence[str]) -> list[str]:
    """Return paths of the pages of these projects in several spellings, the same in every run."""
    chance = random.Random(55)
    found: dict[str, None] = {}
    while len(found) < VARIANTS:
        for name in names:
            found |= dict.fromkeys(_spellings(name, chance))
    return list(found)[:VARIANTS]


def _spellings(name: str, chance: random.Random) -> Iterator[str]:
    """Yield one spelling of each kind, and one of all kinds."""
    runs = "".join(chance.choice("-_.") for _ in range(chance.randint(1, 4)))
    query = chance.choice(["?", "?format=json", "?a=1&b=%20c", "?name=six#"]).rstrip("#")
    upper = "".join(chance.choice([one, one.upper()]) for one in name)
    spelled = name.replace("-", runs)
    encoded = "".join(_encoded(one) if chance.random() < 0.3 else one for one in name)
    mixed = "".join(_encoded(one) if chance.random() < 0.2 else one for one in upper)
    yield f"{upper}/"
    yield f"{spelled}/"
    yield f"{encoded}/"
    yield name
    yield upper
    yield f"{name}/{query}"
    yield f"{name}{query}"
    yield f"{mixed.replace('-', runs)}/{query}"
    yield mixed.replace("-", runs)


def _encoded(character: str) -> str:
    text = f"%{ord(character):02x}"
    return text.upper() if character in "aeiou" else text
