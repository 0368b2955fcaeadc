"""Upload 2.0: files are announced, sent and completed."""

from tests.support.distributions import a_wheel, an_sdist
from tests.support.pep694 import META, UPLOAD_2_0, Pep694
from tests.support.service import RunningService, prefix_of

WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")


async def test_whole_session(service: RunningService) -> None:
    """A wheel and an sdist come in, and the stage is as if twine had sent them (15, 24)."""
    client = Pep694(service, await service.token())
    session = await client.session()

    announced = await client.announce(session, WHEEL)
    sent = await client.send(announced.document, WHEEL.content)
    completed = await client.complete(announced.document)
    await client.upload(session, SDIST)

    shown = (await client.ask("GET", session["links"]["session"])).document
    page = await service.get(f"{prefix_of(shown)}simple/demo/")
    assert (announced.status, sent.status, completed.status) == (202, 201, 201)
    assert "Retry-After" in announced.headers
    assert announced.document["status"] == "pending"
    assert completed.headers["Content-Type"] == UPLOAD_2_0
    assert completed.headers["Location"] == announced.document["links"]["file-upload-session"]
    assert (completed.document["meta"], completed.document["status"]) == (META, "completed")
    assert {name: one["status"] for name, one in shown["files"].items()} == {
        WHEEL.filename: "completed",
        SDIST.filename: "completed",
    }
    assert WHEEL.sha256 in page.text
