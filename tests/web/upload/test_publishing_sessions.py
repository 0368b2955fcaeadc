"""Upload 2.0: publishing a session, once, as a whole, and without changes meanwhile."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import twine_form
from tests.support.clients.pep694 import META, Pep694Client
from tests.support.index.fake_index import JUST_OUT, FakeIndex
from tests.support.promotion.promotion_client import TOKEN, PromotionClient, promotion_settings
from tests.support.servers.service import RunningService, prefix_of, running_service

WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")
LINUX = a_wheel(version="2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
OTHER_SUMMARY = an_sdist(version="2.0", summary="Another demo")
FOR_LONG = 60.0


@pytest.fixture
def client(service: RunningService) -> Pep694Client:
    """Return a client that may do everything."""
    return Pep694Client(service)


@pytest.fixture
async def session(client: Pep694Client) -> Any:
    """Return a session with a wheel and an sdist, both completed."""
    opened = await client.session()
    for one in (WHEEL, SDIST):
        assert (await client.upload(opened, one)).status == 201
    return await client.show(opened)


@pytest.fixture
async def processing(client: Pep694Client, session: Any) -> Any:
    """Return the session while it is being published, which lasts longer than any test."""
    client.service.index.uploads.processing = FOR_LONG
    assert (await client.publish(session)).status == 202
    return session


@pytest.fixture
async def failed(client: Pep694Client, session: Any) -> Any:
    """Return the session after the index has refused its first file."""
    client.service.index.uploads.tokens.clear()
    assert (await client.publish(session)).status == 202
    return await client.until_over(session)


async def test_publish(client: Pep694Client, session: Any) -> None:
    """Publishing is 202, with the URL and the interval for polling; in the end it is published."""
    answer = await client.publish(session)

    done = await client.until_over(session)
    assert (answer.status, answer.document["status"]) == (202, "processing")
    assert answer.headers["Location"] == session["links"]["session"]
    assert int(answer.headers["Retry-After"]) > 0
    assert (done["status"], done["notices"]) == ("published", [])
    accepted = client.service.index.uploads.history.accepted
    assert accepted == [WHEEL.filename, SDIST.filename]


async def test_publish_without_a_digest(client: Pep694Client, session: Any) -> None:
    """Without a digest, as the protocol has it, the answer and the receipt say what that means."""
    answer = await client.publish(session)
    await client.until_over(session)

    receipt = (await client.service.api("GET", f"stages/{session['id']}/receipt")).document
    for notices in (answer.document["notices"], receipt["notices"]):
        assert notices[-1].startswith(
            "The request to publish named no manifest digest, so whatever"
        )


async def test_publish_with_a_digest(client: Pep694Client, session: Any) -> None:
    """With the digest of the session, exactly its files are published, without such a notice."""
    answer = await client.publish(session, **{"manifest-digest": session["manifest-digest"]})
    await client.until_over(session)

    receipt = (await client.service.api("GET", f"stages/{session['id']}/receipt")).document
    assert (answer.status, receipt["notices"]) == (202, [])
    assert receipt["manifest-digest"] == session["manifest-digest"]


async def test_swapped_file(client: Pep694Client, session: Any) -> None:
    """A session whose file was replaced since its digest was read is 409, and stays open."""
    await client.ask("GET", f"{session['links']['stage']}?look=true", Accept="application/json")
    await client.service.upload(a_wheel(version="2.0", summary="Something else"))

    answer = await client.publish(session, **{"manifest-digest": session["manifest-digest"]})

    assert (answer.status, (await client.show(session))["status"]) == (409, "open")
    assert [one["source"] for one in answer.document["errors"]] == [WHEEL.filename]
    assert client.service.index.uploads.history.attempts == []


async def test_other_form(client: Pep694Client, session: Any) -> None:
    """A digest alone does not publish bytes that came with several forms; the revision does."""
    digest = {"manifest-digest": session["manifest-digest"]}
    await client.service.post(twine_form(WHEEL, summary="Another summary"))

    stale = await client.publish(session, **digest, revision=session["revision"])
    alone = await client.publish(session, **digest)
    shown = await client.show(session)
    exact = await client.publish(session, **digest, revision=shown["revision"])

    assert (stale.status, alone.status, exact.status) == (409, 409, 202)
    await client.until_over(session)


@pytest.mark.parametrize("digest", ["541a", "", 7, "g" * 64])
async def test_wrong_digest(client: Pep694Client, session: Any, digest: object) -> None:
    """A digest that is none is 400."""
    answer = await client.publish(session, **{"manifest-digest": digest})

    assert answer.status == 400
    assert client.service.index.uploads.history.attempts == []


async def test_mandatory_digest(tmp_path: Path, index: FakeIndex) -> None:
    """If the settings say so, a session is published only with its digest."""
    settings = {**promotion_settings(index), "pep694_needs_digest": "true"}
    async with running_service(tmp_path / "data", index, promotion=settings) as service:
        client = Pep694Client(service)
        session = await client.session()
        await client.upload(session, WHEEL)
        digest = {"manifest-digest": (await client.show(session))["manifest-digest"]}

        without = await client.publish(session)
        with_digest = await client.publish(session, **digest)

        assert (without.status, with_digest.status) == (400, 202)
        assert [one["source"] for one in without.document["errors"]] == ["manifest-digest"]
        await client.until_over(session)


async def test_processing(client: Pep694Client, processing: Any) -> None:
    """A session that is being published shows which files are live, and when to ask again."""
    answer = await client.ask("GET", processing["links"]["session"])

    assert answer.document["status"] == "processing"
    assert answer.document["notices"] == ["0 of 2 files are published."]
    assert int(answer.headers["Retry-After"]) > 0
    assert set(answer.document["links"]) == {"session", "stage", "review"}


async def test_nothing_to_publish(client: Pep694Client) -> None:
    """A session without files cannot be published: it would only reserve the name."""
    session = await client.session()

    answer = await client.publish(session)

    assert answer.status == 409
    assert answer.document["detail"].startswith("Stage demo 2.0 has no files.")
    assert (await client.show(session))["status"] == "open"


async def test_unfinished_files(client: Pep694Client, session: Any) -> None:
    """Files that are not completed are listed with their states, and nothing changes."""
    await client.announce(session, LINUX)
    other = a_wheel(version="2.0", tag="cp312-cp312-win_amd64")
    broken = await client.sent(session, other, hashes={"sha256": "0" * 64})
    await client.complete(broken)

    answer = await client.publish(session)

    assert answer.status == 409
    assert f"{LINUX.filename} (pending)" in answer.document["detail"]
    assert f"{other.filename} (error)" in answer.document["detail"]
    assert (await client.show(session))["status"] == "open"


async def test_name_that_the_index_has(client: Pep694Client, session: Any) -> None:
    """A filename that was published with other bytes in the meantime is a conflict."""
    other = Distribution(SDIST.filename, SDIST.content + b"x")
    client.service.index.add("demo", other, extra_file_keys=JUST_OUT)

    answer = await client.publish(session)

    assert answer.status == 409
    assert [one["source"] for one in answer.document["errors"]] == [SDIST.filename]
    assert answer.document["detail"].startswith("File already exists")
    assert (await client.show(session))["status"] == "open"


async def test_warnings_are_acknowledged(client: Pep694Client) -> None:
    """Publishing acknowledges all warnings, and records them: PEP 694 has no way to do it."""
    session = await client.session()
    for one in (WHEEL, OTHER_SUMMARY):
        await client.upload(session, one)
    shown = await client.show(session)

    answer = await client.publish(session)

    promotion = await PromotionClient(client.service).show(session)
    assert (answer.status, shown["notices"]) == (202, promotion["acknowledged"])
    assert len(shown["notices"]) == 1


@pytest.mark.usefixtures("processing")
async def test_edits_while_processing(client: Pep694Client, session: Any) -> None:
    """A session that is being published cannot be edited, extended or canceled."""
    extension = {"meta": META, "extend-for": 60}
    answers = [
        await client.announce(session, LINUX),
        await client.announce(session, WHEEL),
        await client.ask("POST", session["links"]["extend"], extension),
        await client.ask("DELETE", session["links"]["session"]),
        await client.service.api("DELETE", f"stages/{session['id']}/files/{WHEEL.filename}"),
        await client.publish(session),
    ]

    assert [one.status for one in answers] == [409] * 6
    assert (await client.show(session))["status"] == "processing"
    assert (await client.files(session)).keys() == {WHEEL.filename, SDIST.filename}


@pytest.mark.parametrize("file", [WHEEL, LINUX], ids=["of its files", "of its release"])
@pytest.mark.parametrize("url", ["/legacy/", "{stage}legacy/"], ids=["joining", "into the stage"])
async def test_uploads_while_processing(
    client: Pep694Client, processing: Any, url: str, file: Distribution
) -> None:
    """During publishing the release accepts no legacy uploads either."""
    to = url.format(stage=prefix_of(processing).removeprefix(client.service.url))

    answer = await client.service.upload(file, to=to)

    assert answer.status == 409
    assert "is processing and cannot be edited" in answer.text


@pytest.mark.usefixtures("processing")
async def test_other_session_while_processing(client: Pep694Client) -> None:
    """During publishing no other session can hold the release."""
    same = await client.ask("POST", "/upload/2.0/", {"name": "demo", "version": "2.0"})
    nameless = await client.session(version=None)

    answer = await client.upload(nameless, LINUX)

    assert (same.status, answer.status) == (409, 409)


async def test_failed(failed: Any) -> None:
    """A failure during publishing is an error, with a notice that states why and what to do."""
    assert failed["status"] == "error"
    assert len(failed["notices"]) == 1
    assert "Invalid or non-existent authentication information." in failed["notices"][0]
    assert "Nothing was published" in failed["notices"][0]
    assert {"upload", "publish", "extend"} <= set(failed["links"])


async def test_after_a_failure(client: Pep694Client, failed: Any) -> None:
    """After an error the session can be edited and published again."""
    client.service.index.uploads.tokens.add(TOKEN)
    removed = await client.service.api("DELETE", f"stages/{failed['id']}/files/{SDIST.filename}")
    extension = {"meta": META, "extend-for": 60}
    extended = await client.ask("POST", failed["links"]["extend"], extension)
    added = await client.upload(failed, LINUX)

    published = await client.publish(failed)

    done = await client.until_over(failed)
    assert (removed.status, extended.status, added.status) == (200, 200, 201)
    assert (published.status, done["status"]) == (202, "published")
    accepted = client.service.index.uploads.history.accepted
    assert accepted == [LINUX.filename, WHEEL.filename]


async def test_canceled_after_a_failure(client: Pep694Client, failed: Any) -> None:
    """After an error in which nothing was published a session can be canceled."""
    answer = await client.ask("DELETE", failed["links"]["session"])

    assert (answer.status, (await client.show(failed))["status"]) == (204, "canceled")


async def test_names_are_free_after_a_failure(client: Pep694Client, failed: Any) -> None:
    """After an error the release accepts uploads as before."""
    answer = await client.service.upload(LINUX)

    assert answer.status == 200
    assert LINUX.filename in (await client.show(failed))["files"]


async def test_invisible_until_published(client: Pep694Client, session: Any) -> None:
    """Until it is published a stage is visible only through its URL."""
    service = client.service
    link = session["files"][WHEEL.filename]["link"]
    path = link.removeprefix(prefix_of(session))

    answer = await service.get(f"/{path}")

    page = await service.get(f"{service.index.url}/simple/demo/")
    assert (answer.status, page.status) == (404, 404)


async def test_retention_after_the_end(client: Pep694Client, session: Any) -> None:
    """A published session can be read for the retention time, and is then not found."""
    await client.publish(session)
    await client.until_over(session)

    client.service.clock.advance(days=29)
    await client.service.parts.expiry.sweep()
    before = await client.ask("GET", session["links"]["session"])
    client.service.clock.advance(days=2)
    await client.service.parts.expiry.sweep()

    after = await client.ask("GET", session["links"]["session"])
    assert (before.status, before.document["status"], after.status) == (200, "published", 404)
    assert set(before.document["links"]) == {"session", "stage", "review"}
    assert before.document["files"].keys() == {WHEEL.filename, SDIST.filename}


async def test_upload_token_does_not_publish(client: Pep694Client, session: Any) -> None:
    """An upload token cannot publish, and gets no link for it."""
    uploader = Pep694Client(client.service, await client.service.token())

    answer = await uploader.publish(session)

    assert answer.status == 403
    assert "publish" not in (await uploader.show(session))["links"]
    assert (await client.show(session))["status"] == "open"


async def test_manage_token_publishes(client: Pep694Client, session: Any) -> None:
    """A manage token can publish, by the link in the session."""
    manager = Pep694Client(client.service, await client.service.token("manage"))
    link = (await manager.show(session))["links"]["publish"]

    answer = await manager.ask("POST", link, {})

    assert (link, answer.status) == (f"{session['links']['session']}/publish", 202)


async def test_link_within_the_other_api(client: Pep694Client, session: Any) -> None:
    """The stage in /api/ has its link to promote in /api/."""
    shown = (await client.service.api("GET", f"stages/{session['id']}")).document

    api = f"{client.service.url}/api/stages/{session['id']}"
    assert shown["links"]["publish"] == f"{api}/promotion"


async def test_message_without_meta(client: Pep694Client, session: Any) -> None:
    """An invalid message publishes nothing."""
    answer = await client.say("POST", session["links"]["publish"], b"{}")

    assert answer.status == 400
    assert (await client.show(session))["status"] == "open"
