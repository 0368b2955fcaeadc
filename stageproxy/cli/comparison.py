"""Here is how a stage is compared with upstream, page by page and byte by byte."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
from packaging.utils import canonicalize_name
from yarl import URL

from stageproxy.cli.client import PATIENCE
from stageproxy.cli.connection import Connection
from stageproxy.cli.output import FailedError, OutOfReachError
from stageproxy.config import load_config
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.upstream.pip_index import urls_of

_AT_A_TIME = 8
_TRIES = 3
_COMPARED = ("Content-Type", "Content-Encoding", "ETag", "Cache-Control", "X-PyPI-Last-Serial")
_ACCEPTS = (SimpleType.V1_JSON.value, SimpleType.HTML.value)
_FAILURES = (aiohttp.ClientError, TimeoutError)


@dataclass(frozen=True, slots=True)
class ComparedAnswer:
    """What came back: what must be the same through a stage and without it."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    is_inside: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that a stage changes and must not."""

    path: str
    accept: str
    what: str


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two indexes that are compared, by where its project pages are."""

    session: aiohttp.ClientSession
    simple: URL = field(repr=False)

    async def get(self, path: str, accept: str) -> ComparedAnswer:
        """Return what it answers to a path; redirects are followed, and watched."""
        url = URL(str(self.simple) + path, encoded=True)
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        try:
            async with self.session.get(url, headers=headers) as response:
                body = await response.read()
        except _FAILURES as error:
            msg = f"{url.host} cannot be reached ({type(error).__name__})."
            raise OutOfReachError(msg) from error
        is_inside = str(response.url).startswith(str(self.simple))
        return ComparedAnswer(response.status, response.headers, body, is_inside)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Upstream, and the same index through a stage."""

    upstream: Side
    staged: Side

    async def differences(self, names: Sequence[str]) -> list[Difference]:
        """Return what is not the same on the pages of projects, a few at a time."""
        gate = asyncio.Semaphore(_AT_A_TIME)

        async def compared(name: str, accept: str) -> list[Difference]:
            path = f"{quote(name, safe='%')}/"
            async with gate:
                found = await self._differences_at(path, accept)
            return [Difference(f"simple/{path}", accept, what) for what in found]

        pages = [compared(name, accept) for name in names for accept in _ACCEPTS]
        return [one for found in await asyncio.gather(*pages) for one in found]

    async def _differences_at(self, path: str, accept: str) -> list[str]:
        """Compare one path with what upstream says before and after.

        Upstream may change in between: only what differs from both is a
        difference, and only while these are the same.
        """
        found: list[str] = []
        before = await self.upstream.get(path, accept)
        for _ in range(_TRIES):
            staged = await self.staged.get(path, accept)
            found = differences_between(before, staged)
            if not found:
                return []
            after = await self.upstream.get(path, accept)
            found = differences_between(after, staged)
            if not found or not differences_between(before, after):
                return found
            before = after
        return found


def differences_between(upstream: ComparedAnswer, staged: ComparedAnswer) -> list[str]:
    """Return what is not the same, in words."""
    found = [] if staged.is_inside else ["a redirect leads out of the stage"]
    if upstream.status != staged.status:
        found.append(f"status {staged.status} instead of {upstream.status}")
    if upstream.body != staged.body:
        found.append(f"{len(staged.body)} other bytes instead of {len(upstream.body)}")
    if upstream.status == 200:  # noqa: PLR2004 - an error's headers are ours
        found += [
            f"{name}: {staged.headers.get(name)} instead of {upstream.headers.get(name)}"
            for name in _COMPARED
            if upstream.headers.get(name) != staged.headers.get(name)
        ]
    return found


@dataclass(frozen=True, slots=True)
class Sample:
    """So many projects at random, the same ones for the same seed."""

    size: int
    seed: int


async def compare(
    connection: Connection, stage: str, upstream: str | None, wanted: Sequence[str] | Sample
) -> dict[str, Any]:
    """Compare the pages of projects, and return how many there were and what differs."""
    reference = connection.stage(stage)
    async with connection.open(reference.server) as client:
        document = await client.stage(reference)
    if "stage" not in document["links"]:
        raise FailedError("The stage has ended.")
    through = reference.url or URL(document["links"]["stage"])
    simple = urls_of(upstream).simple if upstream else await asyncio.to_thread(_upstream_here)
    async with _comparison(simple, through.joinpath("simple/")) as comparison:
        names = await _sample(comparison, wanted) if isinstance(wanted, Sample) else wanted
        others = [name for name in names if canonicalize_name(name) != document["project"]]
        differences = await comparison.differences(others)
    return {
        "compared": len(others) * len(_ACCEPTS),
        "differences": [asdict(one) for one in differences],
    }


def _upstream_here() -> URL:
    # pip takes long to ask, and this is only needed without --upstream.
    from stageproxy.server.wiring import upstream_of  # noqa: PLC0415

    return upstream_of(load_config(None, os.environ)).simple


@asynccontextmanager
async def _comparison(upstream: URL, staged: URL) -> AsyncIterator[Comparison]:
    """Open sessions of their own: no API token goes upstream, nor to where a stage leads."""
    async with (
        # Upstream is reached as the server does it: through a proxy, where there is one.
        aiohttp.ClientSession(timeout=PATIENCE, trust_env=True) as direct,
        aiohttp.ClientSession(timeout=PATIENCE) as through,
    ):
        yield Comparison(Side(direct, upstream), Side(through, staged))


async def _sample(comparison: Comparison, sample: Sample) -> list[str]:
    """Return names that upstream lists, the same ones for the same seed and list."""
    answer = await comparison.upstream.get("", SimpleType.HTML.value)
    parts = answer.body.decode(errors="replace").split('href="')[1:]
    names = [part.split('"')[0].rstrip("/").rpartition("/")[2] for part in parts]
    if not names:
        raise FailedError("Upstream lists no projects. Name some with --names.")
    return random.Random(sample.seed).sample(names, min(sample.size, len(names)))  # noqa: S311
