"""Upload 2.0: the stored form is the one that twine sends, attestations included."""

from typing import Any

import pytest

from stageproxy.core.values import FormFields
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import twine_form
from tests.support.clients.pep694 import Pep694Client
from tests.support.servers.service import RunningService

RICH = """\
Metadata-Version: 2.4
Name: demo
Version: 2.0
Summary: Ein Beispiel, déjà vu
Home-page: https://example.org/
Author: A
Author-email: "A, B" <a@example.org>
Keywords: one,two, three
Platform: any
Supported-Platform: linux
License-Expression: MIT
Classifier: Programming Language :: Python :: 3
Classifier: Topic :: Utilities
Requires-Dist: idna>=3
Requires-Dist: packaging; extra == "all"
Requires-Python: >=3.8
Project-URL: Home Page, https://example.org/
Project-URL: Docs, https://docs.example.org/
Provides-Extra: all
Dynamic: Description
Description-Content-Type: text/markdown; charset=UTF-8

# Demo

Text, über more lines.
"""
FILES = {
    "wheel": a_wheel(version="2.0", requires_python=">=3.8", requires_dist=["idna"]),
    "sdist": an_sdist(version="2.0"),
    "wheel with many fields": a_wheel(version="2.0", metadata=RICH),
    "sdist with many fields": an_sdist(version="2.0", metadata=RICH),
    "wheel of several tags": a_wheel(version="2.0", tag="cp311.cp312-abi3-manylinux_2_17_x86_64"),
}
ATTESTATIONS = [{"version": 1, "verification_material": {"certificate": "é"}, "envelope": {}}]


@pytest.fixture
def client(service: RunningService) -> Pep694Client:
    """Return a client that may do everything."""
    return Pep694Client(service)


async def form_of(service: RunningService, session: Any, file: Distribution) -> FormFields:
    """Return the stored form of a staged file."""
    read = service.parts.database.read
    return await read(lambda rows: rows.artifacts.find_form(session["id"], file.filename))


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
async def test_form_is_the_one_of_twine(client: Pep694Client, file: Distribution) -> None:
    """A file has the same fields by either API, and PyPI gets them."""
    session = await client.session()
    answer = await client.upload(session, file)
    came = await form_of(client.service, session, file)
    before = (await client.ask("GET", session["links"]["session"])).document

    legacy = await client.service.post(twine_form(file, staged="true"))

    assert (answer.status, legacy.status) == (201, 200)
    assert sorted(came) == sorted(await form_of(client.service, session, file))
    assert legacy.document["meta"]["_outcome"] == "unchanged"
    assert legacy.document["files"] == before["files"]


@pytest.mark.parametrize("name", ["wheel", "sdist"])
async def test_attestations_are_a_field(client: Pep694Client, name: str) -> None:
    """Attestations are stored as the field that twine sends, and as the last one."""
    file = FILES[name]
    session = await client.session()
    upload = await client.sent(session, file)

    attested = await client.attest(upload, ATTESTATIONS)
    await client.complete(upload)

    form = await form_of(client.service, session, file)
    assert attested.status == 201
    assert form[-1][0] == "attestations"
    legacy = twine_form(file, attestations=form[-1][1], staged="true")
    assert (await client.service.post(legacy)).document["meta"]["_outcome"] == "unchanged"


async def test_attested_twice(client: Pep694Client) -> None:
    """Attestations may be sent again: the later ones count."""
    session = await client.session()
    upload = await client.sent(session, FILES["wheel"])

    for attestations in (ATTESTATIONS, []):
        await client.attest(upload, attestations)
    await client.complete(upload)

    assert (await form_of(client.service, session, FILES["wheel"]))[-1] == ("attestations", "[]")


async def test_attested_before_the_bytes(client: Pep694Client) -> None:
    """Attestations may be sent before the bytes, and until completing."""
    upload = (await client.announce(await client.session(), FILES["wheel"])).document

    answers = [
        await client.attest(upload, ATTESTATIONS),
        await client.send(upload, FILES["wheel"].content),
        await client.complete(upload),
        await client.attest(upload, ATTESTATIONS),
    ]

    assert [one.status for one in answers] == [201, 201, 201, 409]


WRONG = {
    "an object": b"{}",
    "an array of texts": b'["x"]',
    "no JSON": b"[{]",
    "no UTF-8": b'[{"a": "\xff"}]',
    "NaN": b'[{"a": NaN}]',
    "infinity": b'[{"a": 1e999}]',
    "a number of 5000 digits": b'[{"a": %s}]' % (b"9" * 5000),
    "deep nesting": b'[{"a": %s}]' % (b"[" * 100_000),
}


@pytest.mark.parametrize("attestations", WRONG.values(), ids=WRONG)
async def test_no_attestations(client: Pep694Client, attestations: bytes) -> None:
    """Attestations that are not a JSON array of objects are 400, and are not stored."""
    session = await client.session()
    upload = await client.sent(session, FILES["wheel"])

    answer = await client.attest(upload, attestations)

    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert (await client.complete(upload)).status == 201
    form = dict(await form_of(client.service, session, FILES["wheel"]))
    assert "attestations" not in form


async def test_too_many_attestations(client: Pep694Client) -> None:
    """More than a mebibyte of attestations is 413."""
    upload = await client.sent(await client.session(), FILES["wheel"])

    answer = await client.attest(upload, b"[" + b" " * 2**20)

    assert answer.status == 413


@pytest.mark.parametrize("link", ["file_url", "attestations_url"])
async def test_wrong_content_type(client: Pep694Client, link: str) -> None:
    """Bytes or attestations with another Content-Type are 415."""
    upload = (await client.announce(await client.session(), FILES["wheel"])).document

    answer = await client.say("POST", upload["mechanism"][link], b"[]")

    assert (answer.status, answer.headers["Content-Type"]) == (415, "application/problem+json")
