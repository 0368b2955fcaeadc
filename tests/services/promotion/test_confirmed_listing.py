"""The files that an index lists, with their hashes."""

import json
from dataclasses import dataclass

import pytest
from packaging.utils import canonicalize_name

from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.pages import Document, digest_of
from stageproxy.core.promotion.confirmation import IndexFile
from stageproxy.services.promotion.confirmed_listing import ConfirmedListing
from tests.support.builders.stages import an_artifact
from tests.support.ports.clock import FakeClock
from tests.support.ports.fake_publish_target import FILES, FakePublishTarget

DEMO = canonicalize_name("demo")
PAGE = "https://index.example.org/simple/demo/"


@dataclass(slots=True)
class _LinkedPublishTarget(FakePublishTarget):
    """An index that lists one file, with a given *link*."""

    link: str = ""

    async def find(self, path: str, accept: str, *, fresh: bool = False) -> Document | None:
        """Return the page of the project."""
        assert (path, fresh, bool(accept)) == ("simple/demo/", True, True)
        files = [{"filename": "demo-2.0.tar.gz", "url": self.link, "hashes": {}}]
        body = json.dumps({"meta": {"api-version": "1.4"}, "name": "demo", "files": files}).encode()
        return Document(body, digest_of(body), SimpleType.V1_JSON.value, PAGE)


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("../../files/demo-2.0.tar.gz#egg=demo", "https://index.example.org/files/demo-2.0.tar.gz"),
        ("//files.example.org/demo-2.0.tar.gz", "https://files.example.org/demo-2.0.tar.gz"),
        ("https://[::1/demo-2.0.tar.gz", ""),
    ],
    ids=["relative", "elsewhere", "nonsense"],
)
async def test_links(link: str, url: str) -> None:
    """Links are resolved against the page; an invalid one is left out."""
    fake_target = _LinkedPublishTarget(FakeClock(), link=link)

    listed = await ConfirmedListing(fake_target, fake_target).files_of(DEMO)

    assert listed == {"demo-2.0.tar.gz": IndexFile(None, url)}


async def test_hashes() -> None:
    """A file without a hash is downloaded, if it is one of those asked for."""
    fake_target = FakePublishTarget(FakeClock(), has_hashes=False)
    fake_target.add("demo-1.0.tar.gz", "a" * 64)
    fake_target.add("demo-2.0.tar.gz", "b" * 64)
    confirmed_listing = ConfirmedListing(fake_target, fake_target)
    known = IndexFile("c" * 64, PAGE)
    listed = {**await confirmed_listing.files_of(DEMO), "demo-3.0.tar.gz": known}
    asked = [an_artifact(f"demo-{number}.0.tar.gz") for number in (2, 3, 4)]

    hashed = await confirmed_listing.with_hashes(listed, asked)

    assert hashed == {
        "demo-2.0.tar.gz": IndexFile("b" * 64, f"{FILES}/demo-2.0.tar.gz"),
        "demo-3.0.tar.gz": known,
    }
    assert fake_target.downloads == 1
