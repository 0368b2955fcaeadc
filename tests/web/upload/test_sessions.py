"""Upload 2.0: creating, showing, extending and canceling PEP 694's publishing sessions."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.http import Answer
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, running_service

UPLOAD_2_0 = "application/vnd.pypi.upload.v2+json"
ROOT = "/upload/2.0/"
META = {"api-version": "2.0"}
WHEEL = a_wheel(version="2.0")


async def fetch(
    service: RunningService,
    method: str,
    url: str,
    document: Any = None,
    token: str | None = None,
    **headers: str,
) -> Answer:
    """Return the answer to a message of PEP 694."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Authorization": f"Bearer {token or service.admin}", "Content-Type": UPLOAD_2_0} | given
    data = None if document is None else json.dumps(document).encode()
    return await service.send(method, url, sent, data=data)


async def create(
    service: RunningService, name: str = "demo", version: str | None = "2.0", **more: str
) -> Answer:
    """Return the answer to a request for a session."""
    message = {"meta": META, "name": name, "version": version}
    return await fetch(service, "POST", ROOT, message, **more)


async def test_create(service: RunningService) -> None:
    """A new session is an open and empty stage, at its Location."""
    answer = await create(service, name="Brand.New", version="1.0")

    document = answer.document
    session = f"{service.url}/upload/2.0/sessions/{document['id']}"
    stage = f"{service.url}/tmp/brand-new/{document['session-token']}/"
    assert (answer.status, answer.headers["Content-Type"]) == (201, UPLOAD_2_0)
    assert answer.headers["Location"] == session
    assert {name: document["links"][name] for name in ("session", "extend", "stage")} == {
        "session": session,
        "extend": f"{session}/extend",
        "stage": stage,
    }
    assert (document["meta"], document["status"], document["files"]) == (META, "open", {})
    assert document["mechanisms"] == ["http-post-bytes"]


async def test_times(service: RunningService) -> None:
    """Times are in whole seconds, and a session lives for a week."""
    document = (await create(service)).document

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["expires-at"])
    assert document["expires-at"] == "2026-11-29T12:00:00Z"


async def test_version_may_be_null(service: RunningService) -> None:
    """A session without a version waits for its first file."""
    answer = await create(service, version=None)

    assert (answer.status, answer.document["version"]) == (201, None)


async def test_upload_token_is_enough(service: RunningService) -> None:
    """An upload token can create and read a session, and gets only the links it can use."""
    token = await service.token()

    answer = await create(service, token=token)

    shown = await fetch(service, "GET", answer.headers["Location"], token=token)
    assert (answer.status, shown.status) == (201, 200)
    assert "extend" not in shown.document["links"]


@pytest.mark.parametrize("version", ["2.0", "2.0.0", "v2"])
async def test_one_session_a_release(service: RunningService, version: str) -> None:
    """A second session of a release is refused, and the answer names the first one."""
    first = await create(service)

    answer = await create(service, name="DEMO", version=version)

    assert answer.status == 409
    assert answer.headers["Location"] == first.headers["Location"]
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_no_word_on_a_foreign_session(service: RunningService) -> None:
    """A token for another project gets 403 without a Location."""
    await create(service)

    answer = await create(service, token=await service.token(project="other"))

    assert (answer.status, "Location" in answer.headers) == (403, False)


async def test_created_anew(service: RunningService) -> None:
    """After a session ended, its release can have another one, with another token and stage."""
    first = await create(service)
    await fetch(service, "DELETE", first.headers["Location"])

    second = await create(service)

    assert second.status == 201
    assert second.headers["Location"] != first.headers["Location"]
    assert second.document["session-token"] != first.document["session-token"]


async def test_stage_and_session_are_one(service: RunningService) -> None:
    """A session of one API is shown, extended and ended by the other."""
    stage = await service.staged(WHEEL)

    shown = await fetch(service, "GET", f"{ROOT}sessions/{stage['id']}")
    await fetch(service, "DELETE", shown.document["links"]["session"])
    ended = await service.api("GET", f"stages/{stage['id']}")

    assert stage["links"]["session"] == f"{service.url}{ROOT}sessions/{stage['id']}"
    assert list(shown.document["files"]) == [WHEEL.filename]
    assert ended.document["status"] == "canceled"


async def test_extend(service: RunningService) -> None:
    """A session is extended by the requested seconds."""
    session = (await create(service)).document

    extension = {"meta": META, "extend-for": 86_400}
    answer = await fetch(service, "POST", session["links"]["extend"], extension)

    assert (answer.status, answer.headers["Content-Type"]) == (200, UPLOAD_2_0)
    assert answer.document["expires-at"] == "2026-11-30T12:00:00Z"


@pytest.mark.parametrize("seconds", [0, 10**9, 10**30], ids=["nothing", "decades", "aeons"])
async def test_extended_as_far_as_it_goes(service: RunningService, seconds: int) -> None:
    """An extension is granted up to the limit, and never shortens."""
    session = (await create(service)).document

    extension = {"meta": META, "extend-for": seconds}
    answer = await fetch(service, "POST", session["links"]["extend"], extension)

    granted = "2026-12-22T12:00:00Z" if seconds else session["expires-at"]
    assert (answer.status, answer.document["expires-at"]) == (200, granted)


async def test_cancel(service: RunningService) -> None:
    """A canceled session has its status, its stage is gone, and nothing can change it."""
    session = (await create(service)).document
    links = session["links"]

    ended = await fetch(service, "DELETE", links["session"])

    shown = await fetch(service, "GET", links["session"])
    extension = {"meta": META, "extend-for": 60}
    statuses = [
        (await service.get(links["stage"])).status,
        (await fetch(service, "POST", links["extend"], extension)).status,
        (await fetch(service, "DELETE", links["session"])).status,
    ]
    assert (ended.status, ended.body) == (204, b"")
    assert (shown.status, shown.document["status"]) == (200, "canceled")
    assert set(shown.document["links"]) == {"session"}
    assert statuses == [410, 410, 410]


async def test_forgotten_after_its_retention(service: RunningService) -> None:
    """An ended session can be read for the retention time, and is then not found."""
    session = (await create(service)).document["links"]["session"]
    await fetch(service, "DELETE", session)

    service.clock.advance(days=29)
    before = await fetch(service, "GET", session)
    service.clock.advance(days=2)
    await service.parts.expiry.sweep()

    after = await fetch(service, "GET", session)
    assert (before.status, after.status) == (200, 404)


async def test_expired(service: RunningService) -> None:
    """An expired session is canceled, with a notice of the reason."""
    session = (await create(service)).document["links"]["session"]

    service.clock.advance(days=8)

    document = (await fetch(service, "GET", session)).document
    assert (document["status"], document["notices"]) == ("canceled", ["It expired."])


async def test_upload_token_neither_cancels_nor_extends(service: RunningService) -> None:
    """An upload token cannot cancel a session that has files, or extend any."""
    token = await service.token()
    session = (await create(service, token=token)).document["links"]["session"]
    await service.upload(WHEEL, token=token)

    extension = {"meta": META, "extend-for": 60}
    statuses = [
        (await fetch(service, "DELETE", session, token=token)).status,
        (await fetch(service, "POST", f"{session}/extend", extension, token)).status,
    ]

    assert statuses == [403, 403]


async def test_rights_are_checked_each_time(service: RunningService) -> None:
    """A revoked token is refused from the next request on."""
    made = (await service.api("POST", "tokens", can="manage", project="demo")).document
    session = (await create(service, token=made["token"])).document["links"]["session"]
    await service.api("DELETE", f"tokens/{made['id']}")

    answer = await fetch(service, "GET", session, token=made["token"])

    assert answer.status == 403


async def test_no_credential(service: RunningService) -> None:
    """Without a token the answer is 401, with a challenge."""
    answer = await service.send("POST", ROOT, {"Content-Type": UPLOAD_2_0}, data=b"{}")

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.headers["Content-Type"] == "application/problem+json"


WRONG = {
    "no meta": {"name": "demo", "version": "1"},
    "no api-version": {"meta": {}, "name": "demo", "version": "1"},
    "another api-version": {"meta": {"api-version": "2.1"}, "name": "demo", "version": "1"},
    "a number as api-version": {"meta": {"api-version": 2.0}, "name": "demo", "version": "1"},
    "no name": {"meta": META, "version": "1"},
    "no project's name": {"meta": META, "name": "-x-", "version": "1"},
    "no version": {"meta": META, "name": "demo"},
    "no version's text": {"meta": META, "name": "demo", "version": "dog"},
}


@pytest.mark.parametrize("message", WRONG.values(), ids=WRONG)
async def test_wrong_message(service: RunningService, message: Any) -> None:
    """An invalid message is refused, and the answer names the members."""
    answer = await fetch(service, "POST", ROOT, message)

    problem = answer.document
    assert (answer.status, problem["status"]) == (400, 400)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["detail"] == problem["details"]
    assert problem["meta"] == META
    assert problem["errors"]


async def test_unknown_member(service: RunningService) -> None:
    """An unknown member of a message is ignored."""
    message = {"meta": META | {"_client": "x"}, "name": "demo", "version": "2.0", "metadata": {}}

    answer = await fetch(service, "POST", ROOT, message)

    assert answer.status == 201


@pytest.mark.parametrize("seconds", [-1, 1.5, "3600", "1d", None, True])
async def test_wrong_extension(service: RunningService, seconds: Any) -> None:
    """An extension must be a whole number of seconds, written as a number."""
    session = (await create(service)).document

    extension = {"meta": META, "extend-for": seconds}
    answer = await fetch(service, "POST", session["links"]["extend"], extension)

    assert answer.status == 400


@pytest.mark.parametrize("spelled", ["application/json", "application/vnd.pypi.upload.v1+json", ""])
async def test_wrong_content_type(service: RunningService, spelled: str) -> None:
    """Another Content-Type is 415."""
    answer = await create(service, Content_Type=spelled)

    assert answer.status == 415
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (UPLOAD_2_0, 201),
        ("*/*", 201),
        ("application/*;q=0.1, text/html", 201),
        ("application/json", 406),
        (f"{UPLOAD_2_0};q=0, text/html", 406),
    ],
)
async def test_accept(service: RunningService, accept: str, status: int) -> None:
    """An Accept header without the only available type is 406."""
    assert (await create(service, Accept=accept)).status == status


async def test_unknown_and_foreign(service: RunningService) -> None:
    """An unknown session and one of another project get the same answer."""
    known = (await create(service)).document["links"]["session"]
    token = await service.token("manage", project="other")

    answers = [
        await fetch(service, "DELETE", url, token=token)
        for url in (known, f"{ROOT}sessions/0123456789abcdef")
    ]

    assert [one.status for one in answers] == [403, 403]
    assert answers[0].body == answers[1].body


async def test_switched_off(tmp_path: Any) -> None:
    """With the draft switched off its URLs are 404, and links lead to /api/."""
    async with (
        FakeIndex.running() as index,
        running_service(tmp_path / "data", index, upload={"pep694": False}) as service,
    ):
        refused = await create(service)
        stage = await service.staged(WHEEL)

    assert (refused.status, refused.document["status"]) == (404, 404)
    assert stage["mechanisms"] == []
    assert stage["links"]["session"] == f"{service.url}/api/stages/{stage['id']}"


async def test_an_hour_before_the_end(service: RunningService) -> None:
    """An extension never moves the end earlier, however late it is requested."""
    session = (await create(service)).document
    service.clock.advance(hours=167)

    extension = {"meta": META, "extend-for": int(timedelta(hours=2).total_seconds())}
    answer = await fetch(service, "POST", session["links"]["extend"], extension)

    assert answer.document["expires-at"] == "2026-11-29T14:00:00Z"
