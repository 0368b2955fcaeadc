"""`stageproxy verify-transparency`: pages of a stage compared with upstream's."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import click
from packaging.utils import canonicalize_name
from yarl import URL

from stageproxy.cli.client import TIMEOUTS
from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output.output import FailedError, OutOfReachError, print_json
from stageproxy.cli.stage_completion import complete_stage
from stageproxy.config import load_config
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.server.indexes import upstream_of
from stageproxy.upstream.network import DEFAULTS
from stageproxy.upstream.pip_index import PipSettings, urls_of

_CONCURRENCY = 8
_ATTEMPTS = 3
_SAMPLE_SIZE = 20
_COMPARED_HEADERS = (
    "Content-Type",
    "Content-Encoding",
    "ETag",
    "Cache-Control",
    "X-PyPI-Last-Serial",
)
_ADDED_HEADERS = ("ETag",)
"""What a page gets where upstream sends none."""
_ACCEPTS = (SimpleType.V1_JSON.value, SimpleType.HTML.value)
_FAILURES = (aiohttp.ClientError, TimeoutError)


@click.command("verify-transparency")
@click.argument("stage", shell_complete=complete_stage)
@click.option(
    "--names",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a project name on each line.",
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    help=f"Compare this many random projects. Default: {_SAMPLE_SIZE}.",
)
@click.option("--seed", type=int, default=0, help="Seed of the random sample.")
@click.option(
    "--upstream",
    metavar="URL",
    help="URL of upstream. Default: the one in the settings of this machine.",
)
@client_options
async def verify(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    stage: str,
    file: Path | None,
    sample: int | None,
    seed: int,
    upstream: str | None,
    *,
    as_json: bool,
) -> None:
    """Compare pages of STAGE with upstream.

    Pages of projects that are not staged must be the same: status, headers that
    matter, and every byte. The exit code is 1 if any page differs.
    """
    names = _names_in(file) if file else _Sample(sample or _SAMPLE_SIZE, seed)
    document = await _compare(connection, stage, upstream, names)
    if as_json:
        print_json(document)
    else:
        _print(document)
    if document["differences"]:
        raise SystemExit(1)


def _names_in(file: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    return [line for line in lines if line]


@dataclass(frozen=True, slots=True)
class _Sample:
    """A number of random projects, the same ones for the same seed."""

    size: int
    seed: int


@dataclass(frozen=True, slots=True)
class _Response:
    """The parts of a response that must be the same with and without the stage."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    is_inside: bool = True


@dataclass(frozen=True, slots=True)
class _Difference:
    """A difference on a page that the stage must not change."""

    path: str
    accept: str
    what: str


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two indexes, by the URL of its project pages."""

    session: aiohttp.ClientSession
    simple: URL = field(repr=False)

    async def get(self, path: str, accept: str) -> _Response:
        """Return the response to a path, after redirects."""
        url = URL(str(self.simple) + path, encoded=True)
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        try:
            async with self.session.get(url, headers=headers) as response:
                body = await response.read()
        except _FAILURES as error:
            msg = f"{url.host} cannot be reached ({type(error).__name__}). Try again later."
            raise OutOfReachError(msg) from error
        is_inside = str(response.url).startswith(str(self.simple))
        return _Response(response.status, response.headers, body, is_inside)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Upstream, and the same index through a stage."""

    upstream: _Side
    staged: _Side

    async def differences(self, names: Sequence[str]) -> list[_Difference]:
        """Return the differences on the pages of projects, a few pages at a time."""
        gate = asyncio.Semaphore(_CONCURRENCY)

        async def compared(name: str, accept: str) -> list[_Difference]:
            path = f"{quote(name, safe='%')}/"
            async with gate:
                found = await self._differences_at(path, accept)
            return [_Difference(f"simple/{path}", accept, what) for what in found]

        pages = [compared(name, accept) for name in names for accept in _ACCEPTS]
        return [one for found in await asyncio.gather(*pages) for one in found]

    async def _differences_at(self, path: str, accept: str) -> list[str]:
        """Compare one path with upstream before and after.

        Upstream may change in between. A difference counts only if the stage differs
        from both, and both are the same.
        """
        found: list[str] = []
        before = await self.upstream.get(path, accept)
        for _ in range(_ATTEMPTS):
            staged = await self.staged.get(path, accept)
            found = _differences_between(before, staged)
            if not found:
                return []
            after = await self.upstream.get(path, accept)
            found = _differences_between(after, staged)
            if not found or not _differences_between(before, after):
                return found
            before = after
        return found


def _differences_between(upstream: _Response, staged: _Response) -> list[str]:
    """Return a description of each difference."""
    found = [] if staged.is_inside else ["redirect to a URL outside the stage"]
    if upstream.status != staged.status:
        found.append(f"status {staged.status} instead of {upstream.status}")
    if upstream.body != staged.body:
        found.append(
            f"body: {len(staged.body)} bytes instead of {len(upstream.body)}, with other contents"
        )
    if upstream.status == 200:  # noqa: PLR2004 - an error's headers are ours
        found += [
            f"{name}: {staged.headers.get(name)} instead of {upstream.headers.get(name)}"
            for name in _COMPARED_HEADERS
            if upstream.headers.get(name) != staged.headers.get(name)
            if name in upstream.headers or name not in _ADDED_HEADERS
        ]
    return found


async def _compare(
    connection: Connection,
    stage: str,
    upstream: str | None,
    names_or_sample: Sequence[str] | _Sample,
) -> dict[str, Any]:
    """Compare the pages of projects, and return how many were compared and the differences."""
    reference = connection.parse_stage(stage)
    async with connection.open(reference.server) as client:
        document = await client.get_stage(reference)
    if "stage" not in document["links"]:
        raise FailedError("The stage has ended. Name a stage that is open.")
    through = reference.url or URL(document["links"]["stage"])
    settings = (
        PipSettings(urls_of(upstream), DEFAULTS)
        if upstream
        else await asyncio.to_thread(_configured_upstream)
    )
    async with _open_comparison(settings, through.joinpath("simple/")) as comparison:
        names = (
            await _pick_names(comparison, names_or_sample)
            if isinstance(names_or_sample, _Sample)
            else names_or_sample
        )
        others = [name for name in names if canonicalize_name(name) != document["project"]]
        differences = await comparison.differences(others)
    return {
        "compared": len(others) * len(_ACCEPTS),
        "differences": [asdict(one) for one in differences],
    }


def _configured_upstream() -> PipSettings:
    return upstream_of(load_config(None, os.environ))


@asynccontextmanager
async def _open_comparison(upstream: PipSettings, staged: URL) -> AsyncIterator[_Comparison]:
    """Open both sides. Neither receives an API token, nor does a host that they redirect to."""
    network = upstream.network
    connector = aiohttp.TCPConnector(ssl=network.tls_context(os.environ))
    async with (
        # As the server does, use the proxy of pip or of the environment for upstream.
        aiohttp.ClientSession(
            connector=connector, proxy=network.proxy_url, timeout=TIMEOUTS, trust_env=True
        ) as direct,
        aiohttp.ClientSession(timeout=TIMEOUTS) as through,
    ):
        yield _Comparison(_Side(direct, upstream.index.simple), _Side(through, staged))


async def _pick_names(comparison: _Comparison, sample: _Sample) -> list[str]:
    """Return names that upstream lists, the same ones for the same seed and list."""
    answer = await comparison.upstream.get("", SimpleType.HTML.value)
    parts = answer.body.decode(errors="replace").split('href="')[1:]
    names = [part.split('"')[0].rstrip("/").rpartition("/")[2] for part in parts]
    if not names:
        raise FailedError("Upstream lists no projects. Name the projects to compare with --names.")
    return random.Random(sample.seed).sample(names, min(sample.size, len(names)))  # noqa: S311


def _print(document: dict[str, Any]) -> None:
    differences = document["differences"]
    for difference in differences:
        click.echo(f"{difference['path']} ({difference['accept']}): {difference['what']}")
    click.echo(f"{document['compared']} pages compared, {len(differences)} differences.")
