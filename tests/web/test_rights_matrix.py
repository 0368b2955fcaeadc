"""Rights: every route with every kind of credential, against one table."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stageproxy.core.rights import TokenKind, make_token
from stageproxy.web.routes import ROUTES
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.builders.forms import FORM, body_of, twine_form
from tests.support.clients.http import Answer
from tests.support.clients.pep694 import UPLOAD_2_0, Pep694Client
from tests.support.index.fake_index import FakeIndex
from tests.support.promotion.promotion_client import (
    PromotionClient,
    manifest_digest_of,
    promotion_settings,
)
from tests.support.servers.service import RunningService, prefix_of, running_service

WHEEL = a_wheel(version="2.0")
UNKNOWN = make_token(TokenKind.ADMIN, b"\x07" * 32).reveal()
NO_STAGE = make_token(TokenKind.STAGE, b"\x07" * 32).reveal()
# Requests for API tokens; the requests of the table are about demo 2.0.
ORDERS = {
    "upload": {"can": "upload", "project": "demo"},
    "upload, this version": {"can": "upload", "project": "demo", "version": "2.0.0"},
    "upload, every project": {"can": "upload", "project": "*"},
    "upload, other project": {"can": "upload", "project": "other"},
    "upload, other version": {"can": "upload", "project": "demo", "version": "9.9"},
    "manage": {"can": "manage", "project": "demo"},
    "manage, every project": {"can": "manage", "project": "*"},
    "manage, other project": {"can": "manage", "project": "other"},
    "admin": {"can": "admin", "project": "*"},
    "expired": {"can": "admin", "project": "*", "expires": "1h"},
    "revoked": {"can": "admin", "project": "*"},
}
CREDENTIALS = ("none", "malformed", "unknown", "stage token", *ORDERS)

EVERYONE = "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200"
STRANGERS = EVERYONE.replace("200", "303")
"""The desk has pages for who is signed in: an API token in a header opens none."""
NO_FORM = EVERYONE.replace("200", "403")
MOVED = EVERYONE.replace("200", "301")
# none malformed unknown stage | upload this-version every other other-version
# | manage every other | admin expired revoked
UPLOADING = "401 403 403 403 200 200 200 403 403 200 200 403 200 403 403"
OPENING = "401 401 401 401 201 201 201 403 403 201 201 403 201 403 403"
FILLING = "401 401 401 401 200 200 200 403 403 200 200 403 200 403 403"
REVIEWING = "401 401 401 200 200 200 200 403 403 200 200 403 200 403 403"
LISTING = "401 401 401 401 200 200 200 200 200 200 200 200 200 403 403"
MANAGING = "401 401 401 401 403 403 403 403 403 200 200 403 200 403 403"
MAKING = "401 401 401 401 403 403 403 403 403 403 403 403 201 403 403"
ADMIN = "401 401 401 401 403 403 403 403 403 403 403 403 200 403 403"
CANCELING = MANAGING.replace("200", "204")
PUBLISHING = MANAGING.replace("200", "202")
SHOWING = "401 401 401 401 200 200 200 403 200 200 200 403 200 403 403"
FINDING = "401 401 401 401 307 307 307 403 404 307 307 403 307 403 403"
FINDING_VERSION = FINDING.replace("404", "403")
EXPECTED = {
    "GET /": EVERYONE,
    "GET /desk/sign-in": EVERYONE,
    "POST /desk/sign-in": NO_FORM,
    "POST /desk/sign-out": NO_FORM,
    **{
        f"{method} /desk/stages/{{id}}/{path}": row
        for path in (
            *("publish", "stop", "give-up", "extend", "rotate", "cancel"),
            "files/{filename}/remove",
        )
        for method, row in (("GET", STRANGERS), ("POST", NO_FORM))
    },
    "GET /desk/tokens": STRANGERS,
    "POST /desk/tokens": NO_FORM,
    "GET /desk/tokens/{id}/revoke": STRANGERS,
    "POST /desk/tokens/{id}/revoke": NO_FORM,
    "GET /desk/audit": STRANGERS,
    "GET /desk/stages/{id}/audit": STRANGERS,
    "GET /desk/stages/{id}": STRANGERS,
    "GET /desk/stages/{id}/progress": STRANGERS,
    "GET /_/oidc/audience": EVERYONE,
    "POST /_/oidc/mint-token": EVERYONE.replace("200", "422"),  # it is no identity
    "POST /_/oidc/burn-token": EVERYONE.replace("200", "202"),
    "GET /robots.txt": EVERYONE,
    "GET /assets/{name}": EVERYONE.replace("200", "404"),  # no asset has this name
    "GET /health/live": EVERYONE,
    "GET /health/ready": EVERYONE,
    "GET /metrics": EVERYONE,
    "POST /legacy/": UPLOADING,
    "POST /legacy": EVERYONE.replace("200", "400"),
    "GET /legacy/{project}": FINDING,
    "GET /legacy/{project}/": FINDING,
    "GET /legacy/{project}/{version}": FINDING_VERSION,
    "GET /legacy/{project}/{version}/": FINDING_VERSION,
    "GET /project/{project}/": FINDING,
    "GET /project/{project}/{version}/": FINDING_VERSION,
    "POST /pypi": EVERYONE.replace("200", "410"),
    "POST /tmp/{project}/{token}/legacy/": UPLOADING,
    "POST /tmp/{project}/{token}/legacy": EVERYONE.replace("200", "400"),
    "POST /tmp/{project}/{token}/+hashes": EVERYONE,
    "GET /tmp/{project}/{token}": MOVED,
    "GET /tmp/{project}/{token}/{path:.*}": EVERYONE,
    "OPTIONS /tmp/{project}/{token}": EVERYONE.replace("200", "204"),
    "OPTIONS /tmp/{project}/{token}/{path:.*}": EVERYONE.replace("200", "204"),
    "POST /upload/2.0/": OPENING,
    "POST /upload/2.0": OPENING,
    "GET /upload/2.0/sessions/{id}": FILLING,
    "DELETE /upload/2.0/sessions/{id}": CANCELING,
    "POST /upload/2.0/sessions/{id}/publish": PUBLISHING,
    "POST /upload/2.0/sessions/{id}/extend": MANAGING,
    "POST /upload/2.0/sessions/{id}/files": FILLING.replace("200", "202"),
    "GET /upload/2.0/sessions/{id}/files/{upload}": FILLING,
    "DELETE /upload/2.0/sessions/{id}/files/{upload}": FILLING.replace("200", "204"),
    "POST /upload/2.0/sessions/{id}/files/{upload}/bytes": FILLING.replace("200", "201"),
    "POST /upload/2.0/sessions/{id}/files/{upload}/attestations": FILLING.replace("200", "201"),
    "POST /upload/2.0/sessions/{id}/files/{upload}/complete": FILLING.replace("200", "201"),
    "POST /upload/2.0/sessions/{id}/files/{upload}/extend": FILLING,
    "GET /api/openapi.json": EVERYONE,
    "POST /api/check": FILLING,
    "POST /api/stages": OPENING,
    "GET /api/stages": LISTING,
    "GET /api/stages/{id}": FILLING,
    "DELETE /api/stages/{id}": MANAGING,
    "GET /api/stages/{id}/review": REVIEWING,
    "POST /api/stages/{id}/extend": MANAGING,
    "POST /api/stages/{id}/rotate": MANAGING,
    "DELETE /api/stages/{id}/files/{filename}": FILLING,
    "GET /api/stages/{id}/audit": MANAGING,
    "GET /api/audit": ADMIN,
    "GET /api/audit/verify": ADMIN,
    "GET /api/stages/{id}/evidence": FILLING,
    "POST /api/stages/{id}/evidence": FILLING.replace("200", "201"),
    "GET /api/stages/{id}/files/{filename}/form": MANAGING,
    "POST /api/stages/{id}/promotion/plan": MANAGING,
    "POST /api/stages/{id}/promotion": PUBLISHING,
    "GET /api/stages/{id}/promotion": FILLING,
    "POST /api/stages/{id}/promotion/give-up": MANAGING.replace("200", "409"),
    "POST /api/stages/{id}/promotion/stop": MANAGING.replace("200", "409"),
    "POST /api/stages/{id}/promotion/journal": MANAGING,
    "GET /api/stages/{id}/receipt": FILLING,
    "GET /api/limits": LISTING,
    "GET /api/projects/{project}/limits": SHOWING,
    "GET /api/probe": ADMIN,
    "POST /api/probe/{id}": ADMIN,
    "POST /api/sweep": ADMIN,
    "GET /api/projects/{project}/publishers": MANAGING,
    "POST /api/projects/{project}/publishers": MAKING,
    "DELETE /api/projects/{project}/publishers/{id}": ADMIN.replace("200", "404"),
    "POST /api/tokens": MAKING,
    "GET /api/tokens": ADMIN,
    "DELETE /api/tokens/{id}": ADMIN,
}
TYPES = {"bytes": "application/octet-stream", "attestations": "application/json"}
SDIST = an_sdist(version="2.0")
CREATE = b'{"meta": {"api-version": "2.0"}, "name": "demo", "version": "2.0"}'
EXTEND = b'{"meta": {"api-version": "2.0"}, "extend-for": 9}'
ANNOUNCE = json.dumps(
    {
        "meta": {"api-version": "2.0"},
        "filename": "demo-2.0-py2-none-any.whl",
        "size": 1,
        "hashes": {"sha256": "0" * 64},
        "mechanism": "http-post-bytes",
    }
).encode()
START = json.dumps({"manifest-digest": manifest_digest_of(WHEEL), "publisher": "client"}).encode()
TRIED = {
    "manifest-digest": manifest_digest_of(WHEEL),
    "python": "3.13.5",
    "implementation": "cp",
    "platform": "manylinux x86_64",
    "installer": "pip 26.3",
    "exit-code": 0,
    "seconds": 1.5,
}
DOCUMENTS = {
    "POST /upload/2.0/": CREATE,
    "POST /upload/2.0": CREATE,
    "POST /upload/2.0/sessions/{id}/publish": b'{"meta": {"api-version": "2.0"}}',
    "POST /upload/2.0/sessions/{id}/extend": EXTEND,
    "POST /upload/2.0/sessions/{id}/files": ANNOUNCE,
    "POST /upload/2.0/sessions/{id}/files/{upload}/bytes": SDIST.content,
    "POST /upload/2.0/sessions/{id}/files/{upload}/attestations": b"[]",
    "POST /upload/2.0/sessions/{id}/files/{upload}/complete": b'{"meta": {"api-version": "2.0"}}',
    "POST /upload/2.0/sessions/{id}/files/{upload}/extend": EXTEND,
    "POST /api/check": b'{"filename": "demo-2.0.tar.gz", "form": {"name": "demo"}}',
    "POST /api/stages": b'{"name": "demo", "version": "2.0"}',
    "POST /api/stages/{id}/extend": b'{"extend-for": "1d"}',
    "POST /api/stages/{id}/evidence": json.dumps(TRIED).encode(),
    "POST /api/stages/{id}/promotion/plan": b'{"publisher": "client"}',
    "POST /api/stages/{id}/promotion": START,
    "POST /api/stages/{id}/promotion/journal": b'{"fence": 1}',
    "POST /api/sweep": b'{"dry-run": true}',
    "POST /api/tokens": b'{"project": "demo", "can": "upload"}',
    "POST /api/projects/{project}/publishers": json.dumps(
        {"provider": "google", "fields": {"email": "me@demo.example"}}
    ).encode(),
    "POST /_/oidc/mint-token": b'{"token": "x"}',
    "POST /_/oidc/burn-token": b'{"token": "x"}',
}
WITHOUT_STAGE = {
    "POST /upload/2.0/",
    "POST /upload/2.0",
    "POST /api/stages",
    "POST /legacy/",
    "POST /legacy",
}
PROMOTED = {"GET /api/stages/{id}/promotion", "POST /api/stages/{id}/promotion/journal"}
"""Routes that need a stage that is being published."""
ENDED = {"canceled", "published"}
ABOUT_A_STAGE = [
    route
    for route in EXPECTED
    if "s/{id}" in route and not re.search("tokens|publishers|/desk/", route)
]


def spelled(route: Any) -> str:
    """Return a route as in the table."""
    return f"{route.method} {route.path}"


def test_every_route_is_in_the_table() -> None:
    """Every route is in the table, which has at least 250 cells."""
    assert sorted(map(spelled, ROUTES)) == sorted(EXPECTED)
    assert all(len(row.split()) == len(CREDENTIALS) for row in EXPECTED.values())
    assert len(EXPECTED) * len(CREDENTIALS) >= 250


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service that may publish, where every file is refused."""
    promotion = promotion_settings(index, repository_url=f"{index.url}/nowhere/")
    async with running_service(tmp_path / "data", index, promotion=promotion) as running:
        yield running


@pytest.fixture
async def tokens(service: RunningService) -> dict[str, str]:
    """Return a token of every kind; no stage is open."""
    made = {
        name: (await service.api("POST", "tokens", **order)).document
        for name, order in ORDERS.items()
    }
    await service.api("DELETE", f"tokens/{made['revoked']['id']}")
    service.clock.advance(hours=2)
    known = {name: one["token"] for name, one in made.items()}
    return {"malformed": "x", "unknown": UNKNOWN, **known}


@pytest.mark.parametrize("route", EXPECTED)
async def test_row(service: RunningService, tokens: dict[str, str], route: str) -> None:
    """Each credential gets the status in the table."""
    row, place = {}, None
    for name in CREDENTIALS:
        place = place or await new_place(service, route)
        token = {"none": None, "stage token": place.stage_token, **tokens}[name]
        row[name] = (await ask_at(service, route, place.path, token)).status
        if row[name] < 400 and not route.startswith("GET"):
            place = None

    expected = map(int, EXPECTED[route].split())
    assert row == dict(zip(CREDENTIALS, expected, strict=True))


@dataclass(frozen=True, slots=True)
class Place:
    """The stage of a route and its path; used again until a request was allowed to change it."""

    path: str
    stage_token: str


async def new_place(service: RunningService, route: str) -> Place:
    """End all stages, and return a new place for a route."""
    for stage in (await service.api("GET", "stages")).document["stages"]:
        if stage["status"] not in ENDED:
            await end(service, stage)
    stage = None if route in WITHOUT_STAGE else await service.staged(WHEEL)
    if route in PROMOTED:
        await PromotionClient(service).start(stage, "client")
    if "receipt" in route:
        await PromotionClient(service).publish_as_client(stage, WHEEL)
        service.index.remove("demo")
    stage_token = stage["session-token"] if stage else NO_STAGE
    return Place(await path_of(service, route, stage), stage_token)


async def end(service: RunningService, stage: Any) -> None:
    """End a stage, whatever its state."""
    promotion_client = PromotionClient(service)
    if (
        stage["status"] == "processing"
        and (await promotion_client.show(stage))["publisher"] == "client"
    ):
        await promotion_client.abort(stage)
    elif stage["status"] == "processing":
        await promotion_client.until_over(stage)
    await service.api("DELETE", f"stages/{stage['id']}")


async def fetch(service: RunningService, route: str, stage: Any, token: str | None) -> Answer:
    """Return the answer of a route about a stage."""
    return await ask_at(service, route, await path_of(service, route, stage), token)


async def path_of(service: RunningService, route: str, stage: Any) -> str:
    """Return the path of a route about a stage, where there is all that it takes."""
    path = route.split()[1]
    if "/tokens/{id}" in path:
        made = await service.api("POST", "tokens", can="upload", project="demo")
        path = path.replace("{id}", made.document["id"])
    if stage:
        root = prefix_of(stage).removeprefix(service.url).removesuffix("/")
        path = path.replace("/tmp/{project}/{token}", root).replace("{id}", stage["id"])
    path = path.replace("{path:.*}", "simple/demo/").replace("{filename}", WHEEL.filename)
    if "{upload}" in path:
        path = path.replace("{upload}", await upload_in(service, stage))
    return path.replace("{project}", "demo").replace("{version}", "2.0")


async def ask_at(service: RunningService, route: str, path: str, token: str | None) -> Answer:
    """Return the answer of a route at a path."""
    method = route.split(maxsplit=1)[0]
    is_upload = "legacy" in path and method == "POST"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if is_upload:
        headers["Content-Type"] = FORM
    if path.startswith("/upload/") and route in DOCUMENTS:
        headers["Content-Type"] = TYPES.get(path.rpartition("/")[2], UPLOAD_2_0)
    data = body_of(twine_form(WHEEL)) if is_upload else DOCUMENTS.get(route)
    return await service.send(method, path, headers, data=data)


async def upload_in(service: RunningService, stage: Any) -> str:
    """Return a file upload with its bytes; none for an unknown stage."""
    client = Pep694Client(service)
    announced = await client.announce(stage, SDIST)
    if announced.status != 202:
        return "0123456789abcdef"
    await client.send(announced.document, SDIST.content)
    return str(announced.document["links"]["file-upload-session"].rpartition("/")[2])


@pytest.mark.parametrize("route", ABOUT_A_STAGE)
@pytest.mark.parametrize("name", ["upload, other project", "manage, other project"])
async def test_foreign_is_answered_as_unknown(
    service: RunningService, tokens: dict[str, str], route: str, name: str
) -> None:
    """A stage of another project and an unknown one get the same answer."""
    foreign = await service.staged(WHEEL)
    unknown = {**foreign, "id": "0123456789abcdef"}

    answers = [await fetch(service, route, stage, tokens[name]) for stage in (foreign, unknown)]

    assert {one.status for one in answers} == {403}
    assert answers[0].body == answers[1].body


@pytest.mark.parametrize("route", ABOUT_A_STAGE)
async def test_foreign_version_is_answered_as_unknown(
    service: RunningService, tokens: dict[str, str], route: str
) -> None:
    """A stage of another version and an unknown one get the same answer."""
    foreign = await service.staged(WHEEL)
    unknown = {**foreign, "id": "0123456789abcdef"}
    token = tokens["upload, other version"]

    answers = [await fetch(service, route, stage, token) for stage in (foreign, unknown)]

    assert answers[0].body == answers[1].body


@pytest.mark.parametrize("route", ABOUT_A_STAGE)
async def test_unknown_to_the_admin(service: RunningService, route: str) -> None:
    """A token for all stages gets 404 for an unknown one."""
    stage = await service.staged(WHEEL)

    answer = await fetch(service, route, {**stage, "id": "0123456789abcdef"}, service.admin)

    assert answer.status == 404


async def test_rights_are_checked_each_time(service: RunningService) -> None:
    """A revoked token is refused from the next request on."""
    made = (await service.api("POST", "tokens", can="upload", project="demo")).document
    before = await service.upload(WHEEL, token=made["token"])
    await service.api("DELETE", f"tokens/{made['id']}")

    after = await service.upload(WHEEL, token=made["token"])

    assert (before.status, after.status) == (200, 403)


async def test_readers_token_is_ignored(service: RunningService) -> None:
    """Reading ignores credentials: uv sends its upload token along."""
    stage = await service.staged(WHEEL)

    for header in ("Bearer x", "Basic !!!", f"Bearer {UNKNOWN}", f"Bearer {service.admin}"):
        answer = await service.get(f"{prefix_of(stage)}simple/demo/", Authorization=header)
        assert answer.status == 200
