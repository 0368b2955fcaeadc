"""Published files from the index that pip on this machine uses."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from aiohttp import BasicAuth, ClientSession
from packaging.utils import canonicalize_name
from pip._internal.index.collector import IndexContent, parse_links
from pip._internal.models.link import Link
from yarl import URL

from stageproxy.upstream.pip_index import settings_of_pip, without_credentials
from tests.support.builders.distributions import Distribution

_AT_ONCE = 8


async def fetch_distributions(wanted: Mapping[str, str]) -> Mapping[str, Distribution]:
    """Return files by their names, with checked digests; *wanted* has the project of each."""
    index = settings_of_pip().index.simple
    free = asyncio.Semaphore(_AT_ONCE)
    user = BasicAuth(index.user, index.password or "") if index.user else None
    async with ClientSession(auth=user, raise_for_status=True) as session:

        async def one(filename: str, project: str) -> tuple[str, Distribution]:
            async with free:
                link = await _find(session, without_credentials(index), project, filename)
                return filename, await _fetch(session, link)

        return dict(await asyncio.gather(*(one(*each) for each in wanted.items())))


async def _find(session: ClientSession, index: URL, project: str, filename: str) -> Link:
    """Return the link to a file on its project's page."""
    page = index / canonicalize_name(project) / ""
    accept = {"Accept": "text/html"}
    async with session.get(page, headers=accept) as answer:
        content = IndexContent(await answer.read(), "text/html", "utf-8", str(answer.url))
    return _named(parse_links(content), filename)


def _named(links: Iterable[Link], filename: str) -> Link:
    found = next((link for link in links if link.filename == filename), None)
    assert found is not None, f"{filename} is not on the index any more"
    return found


async def _fetch(session: ClientSession, link: Link) -> Distribution:
    async with session.get(URL(link.url_without_fragment, encoded=True)) as answer:
        found = Distribution(link.filename, await answer.read())
    assert link.as_hashes().is_hash_allowed("sha256", found.sha256), found.filename
    return found


def distribution_at(path: Path) -> Distribution:
    """Return the file at a path."""
    return Distribution(path.name, path.read_bytes())
