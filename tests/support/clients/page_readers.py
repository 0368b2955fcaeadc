"""What pip and uv find on a page, by the numbers in `installer_pages`."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer
from pip._internal.index.collector import IndexContent, parse_links
from pip._internal.index.package_finder import LinkEvaluator, LinkType
from pip._internal.models.target_python import TargetPython

from stageproxy.core.index.pages import Document
from tests.support.clients.clients import Clients

_AT_ONCE = 4
_VERSION = re.compile(r"(\d)\.0")
_AVAILABLE = re.compile(r"demo==(\d)\.0")
_NO_FILE = "there are no versions of demo"
_UNREADABLE = "unexpected HTML"
_NONE_OF_THEM = "demo" + ",".join(f"!={number}.0" for number in range(10))


def found_by_pip(page: Document) -> set[int]:
    """Return the files of `demo` that pip finds on a page, none if it cannot read it."""
    charset = page.content_type.partition("charset=")[2] or None
    content = IndexContent(
        page.body, page.content_type, charset, page.url, cache_link_parsing=False
    )
    try:
        links = list(parse_links(content))
    except (LookupError, UnicodeDecodeError):
        return set()
    formats = frozenset({"binary", "source"})
    evaluator = LinkEvaluator("demo", "demo", formats, TargetPython(), allow_yanked=True)
    found = [evaluator.evaluate_link(link) for link in links]
    versions = [_VERSION.fullmatch(text) for kind, text in found if kind is LinkType.candidate]
    return {int(one[1]) for one in versions if one}


async def found_by_uv(clients: Clients, pages: Mapping[str, Document]) -> Mapping[str, set[int]]:
    """Return the files of `demo` that uv finds on each page, none if it cannot read it.

    Each page is read by a process that is asked for a version that does not exist. Its
    answer names those that do.
    """
    slots = asyncio.Semaphore(_AT_ONCE)
    wanted = clients.new_folder("wanted") / "requirements.in"
    wanted.write_text(f"{_NONE_OF_THEM}\n")

    async def find(number: int, base: str) -> set[int]:
        async with slots:
            index = f"{base}/{number}/simple"
            options = ["--no-cache", "--no-deps", "--default-index", index]
            done = await clients.uv("pip", "compile", *options, str(wanted))
        return _found_in(done.stderr)

    async with _serving(list(pages.values())) as base:
        found = await asyncio.gather(*(find(number, base) for number in range(len(pages))))
    return dict(zip(pages, found, strict=True))


def _found_in(answer: str) -> set[int]:
    found = {int(number) for number in _AVAILABLE.findall(answer)}
    assert found or _NO_FILE in answer or _UNREADABLE in answer, answer
    return found


@asynccontextmanager
async def _serving(pages: list[Document]) -> AsyncIterator[str]:
    """Serve pages, each at its own index; return their common URL."""

    async def answer(request: web.Request) -> web.Response:
        page = pages[int(request.match_info["number"])]
        return web.Response(body=page.body, headers={"Content-Type": page.content_type})

    app = web.Application()
    app.router.add_get("/{number}/simple/demo/", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
