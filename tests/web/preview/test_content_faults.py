"""Invalid answers of upstream in place of a document."""

import gzip
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import pytest

from tests.support.clients.http import Answer
from tests.support.index import content_faults as faults
from tests.support.index.content_faults import ContentFault
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.service import PIP, RunningService, running_service

PAGE, HTML, PROJECT, FEED = "a JSON page", "an HTML page", "the project", "the feed"
DOCUMENTS = {
    PAGE: ("simple/demo/", PIP),
    HTML: ("simple/demo/", "text/html"),
    PROJECT: ("pypi/demo/json", None),
    FEED: ("rss/project/demo/releases.xml", None),
}
JSON = (PAGE, PROJECT)
STAGED = ("demo-2.0", "<title>2.0</title>")

SOMEWHERE: dict[str, tuple[ContentFault, Collection[str]]] = {
    "NaN": (faults.value(b"NaN"), JSON),
    "very deep nesting": (faults.value(b"[" * 200_000 + b"]" * 200_000), JSON),
    "a key twice": (faults.value(b'1,"strange":2'), JSON),
    "another project": (faults.replaced(b'"name":"demo"', b'"name":"other"'), JSON),
    "files that are no list": (faults.replaced(b'"files":[', b'"files":{},"x":['), [PAGE]),
    "urls that are texts": (faults.replaced(b'"urls":[', b'"urls":["x",'), [PROJECT]),
    "a link that is no URL": (faults.replaced(b'"url":"http:', b'"url":"//[::1'), [PROJECT]),
    "HTML for JSON": (faults.typed("text/html"), [*JSON, FEED]),
    "JSON for HTML": (faults.typed("application/vnd.pypi.simple.v1+json"), [HTML, FEED]),
    "cut off, of unknown length and type": (
        lambda body, _: faults.cut_without_length(body, "application/octet-stream"),
        [HTML],
    ),
    "a tag that does not end": (faults.replaced(b"</body>", b"<a href='</body>"), [HTML]),
    "a feed of another project": (faults.replaced(b"/project/demo/<", b"/project/x/<"), [FEED]),
    "an item that does not end": (faults.replaced(b"</item>", b""), [FEED]),
}
OF_EACH_DOCUMENT = {
    "another type",
    "nothing",
    "not UTF-8",
    "cut off by its length",
    "cut off, of unknown length",
    "a redirect to another host",
}
CASES = {
    name: (fault, tuple(DOCUMENTS) if name in OF_EACH_DOCUMENT else (PAGE,))
    for name, fault in faults.CONTENT_FAULTS.items()
} | SOMEWHERE


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service that always asks upstream, and accepts no long pages."""
    upstream = {"fresh_for": 0, "stale_for": 0, "max_page_size": faults.LONGEST}
    async with running_service(tmp_path / "data", index, upstream=upstream) as running:
        yield running


@dataclass(slots=True)
class Client:
    """Reads the documents of a stage, and replaces upstream's by invalid ones."""

    service: RunningService
    prefix: str

    async def read(self, name: str) -> Answer:
        """Return a document below the stage."""
        path, accept = DOCUMENTS[name]
        return await self.service.get(self.prefix + path, accept)

    async def read_faulty(self, name: str, fault: ContentFault) -> Answer:
        """Return a document below the stage while upstream has a fault."""
        path, accept = DOCUMENTS[name]
        index = self.service.index
        good = await self.service.get(f"{index.url}/{path}", accept)
        raw = fault(good.body, good.headers["Content-Type"])
        index.quirks = Quirks(raw={f"/{path}": repeat(raw)})
        answer = await self.read(name)
        index.quirks = Quirks()
        return answer


@pytest.mark.parametrize(("fault", "names"), CASES.values(), ids=CASES)
async def test_faults_of_content(
    service: RunningService, prefix: str, fault: ContentFault, names: Collection[str]
) -> None:
    """An invalid document is a gateway error, is never edited, and is not cached."""
    client = Client(service, prefix)
    before = {name: (await client.read(name)).body for name in names}

    faulty = {name: await client.read_faulty(name, fault) for name in names}

    later = {name: (await client.read(name)).body for name in names}
    assert {
        name: one.status for name, one in faulty.items() if one.status not in {502, 503, 504}
    } == {}
    assert [name for name, one in faulty.items() if any(text in one.text for text in STAGED)] == []
    assert later == before


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_faults_of_content_are_reported(
    service: RunningService, prefix: str, name: str
) -> None:
    """The answer states the fault of upstream's document, and has to be revalidated."""
    answer = await Client(service, prefix).read_faulty(name, faults.typed("image/png"))

    assert answer.text.startswith("PyPI returned image/png instead of ")
    assert answer.headers["Cache-Control"] == "private, no-cache"


async def test_documents_at_the_limit(service: RunningService, prefix: str) -> None:
    """A document of the maximum size is edited, compressed or not."""
    client = Client(service, prefix)
    padded = faults.changed(lambda body: body.ljust(faults.LONGEST))
    packed = faults.encoded("gzip", lambda body: gzip.compress(body.ljust(faults.LONGEST)))

    answers = [await client.read_faulty(PAGE, one) for one in (padded, packed)]

    assert [one.status for one in answers] == [200, 200]
    assert ["demo-2.0" in one.text for one in answers] == [True, True]


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize(
    "kind", ["", "application/octet-stream", "binary/octet-stream", "text/plain; charset=utf-8"]
)
async def test_documents_of_static_mirrors(
    service: RunningService, prefix: str, name: str, kind: str
) -> None:
    """A document without a type, or with one that says nothing, is judged by its content.

    It is edited, and answered with the type that it has.
    """
    client = Client(service, prefix)
    good = await client.read(name)

    answer = await client.read_faulty(name, faults.typed(kind))

    media_types = [one.headers["Content-Type"].partition(";")[0] for one in (good, answer)]
    assert (answer.status, answer.body) == (200, good.body)
    assert media_types[1] in {media_types[0], "text/xml"}
