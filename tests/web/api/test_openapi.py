"""/api/openapi.json: the description of all of /api/, and of nothing else.

`RunningService.send` compares every answer of `/api/` in every test with it. The tests here check
that each described response occurs, and the document itself.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator

from stageproxy.core.rights import TOKEN_PATTERN
from stageproxy.web.access.guesses import RATES, Guessed
from stageproxy.web.api.openapi import OPERATIONS
from stageproxy.web.bodies import LONGEST_FORM
from stageproxy.web.keys import OPENAPI
from stageproxy.web.routes import ROUTES
from tests.support.builders.distributions import a_wheel
from tests.support.clients.api_description import ApiDescription
from tests.support.clients.http import Answer
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.promotion.promotion_client import PromotionClient, an_entry, promotion_settings
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(version="2.0")
NEXT = a_wheel(version="3.0")
PATH = "/api/openapi.json"
TRIED = {
    "manifest-digest": "0" * 64,
    "python": "3.13.5",
    "implementation": "cp",
    "platform": "manylinux x86_64",
    "installer": "pip 26.3",
    "exit-code": 0,
    "seconds": 1.5,
}
BODIES = {
    "add_evidence": json.dumps(TRIED).encode(),
    "check_file": b'{"filename": "demo-2.0.tar.gz", "form": {"name": "demo"}}',
    "open_stage": b'{"name": "demo", "version": "2.0"}',
    "extend_stage": b'{"extend-for": "1d"}',
    "plan_promotion": b'{"publisher": "server"}',
    "start_promotion": json.dumps({"manifest-digest": "0" * 64}).encode(),
    "report_promotion": b'{"fence": 1}',
    "sweep": b'{"dry-run": true}',
    "make_token": b'{"can": "upload", "project": "demo"}',
    "add_publisher": b'{"provider": "google", "fields": {"email": "me@demo.example"}}',
}
"""The bodies for the operations that have one."""


@pytest.fixture
def document(service: RunningService) -> Any:
    """Return the description from a running service."""
    return json.loads(service.parts.app[OPENAPI].body)


def test_every_route_is_described() -> None:
    """Every route below /api/ is described, and every described route exists."""
    routes = {route.handler for route in ROUTES if route.path.startswith("/api/")}

    assert set(OPERATIONS) == routes


def test_it_is_openapi(document: Any) -> None:
    """The document is valid OpenAPI 3.1, and every operation has a summary."""
    OpenAPIV31SpecValidator(document).validate()

    assert document["openapi"] == "3.1.0"
    paths = {path for path, item in document["paths"].items() for _ in item}
    assert paths == {route.path for route in ROUTES if route.path.startswith("/api/")}
    operations = [one for item in document["paths"].values() for one in item.values()]
    assert all(one["summary"].endswith(".") for one in operations)


def test_every_schema_is_used(document: Any) -> None:
    """Every schema is used by an operation, or by a schema that is used."""
    text = json.dumps(document)

    schemas = document["components"]["schemas"]
    assert [name for name in schemas if f'"#/components/schemas/{name}"' not in text] == []


async def test_answer(service: RunningService, document: Any) -> None:
    """The document needs no credential, is revalidated by caches, and contains no secret."""
    answer = await service.get(PATH)

    assert (answer.status, answer.document) == (200, document)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert document["servers"] == [{"url": service.url}]
    assert not TOKEN_PATTERN.search(answer.text)


async def test_not_modified(service: RunningService) -> None:
    """A matching ETag brings 304, with an ETag of its own for each encoding."""
    tags = set()
    for encoding in ("identity", "gzip"):
        url = service.url + PATH
        first = await service.get(url, Accept_Encoding=encoding)
        again = await service.get(
            url, Accept_Encoding=encoding, If_None_Match=first.headers["ETag"]
        )
        assert (first.status, again.status, again.body) == (200, 304, b"")
        tags.add(first.headers["ETag"])

    assert len(tags) == 2
    assert gzip.decompress(first.body) == service.parts.app[OPENAPI].body


async def test_public_url(tmp_path: Path, index: FakeIndex) -> None:
    """The server URL of the document is the public URL."""
    server = {"port": 0, "public_url": "https://stage.example/below/"}
    async with running_service(tmp_path / "data", index, server=server) as service:
        answer = await service.get(PATH)

    assert answer.document["servers"] == [{"url": "https://stage.example/below"}]


async def test_every_success(service: RunningService) -> None:
    """Each operation succeeds as described, also for a stage that has ended."""
    stage = await service.staged(WHEEL)
    path = f"stages/{stage['id']}"
    reader = await service.token("upload", "demo", version="2.0", expires="1h")
    await service.get(PATH)
    await service.api("POST", "stages", name="other", version=None, lifetime="2.5h", meta={})
    await service.api("POST", "check", reader, filename=WHEEL.filename, form={"name": "demo"})
    await service.api("GET", "stages?project=demo", reader)
    for shown in (path, f"{path}/review"):
        await service.api("GET", shown, reader)
    await report(service, stage)
    await service.api("POST", f"{path}/extend", **{"extend-for": 3600})
    await service.api("POST", f"{path}/rotate")
    await service.api("DELETE", f"{path}/files/{WHEEL.filename}")
    await service.staged(WHEEL)
    await service.api("DELETE", path)
    await service.api("GET", path)
    for audit in (f"{path}/audit", "audit", "audit/verify", f"audit/verify?head={'0' * 64}"):
        await service.api("GET", audit)
    await service.api("POST", "probe/1")
    await service.api("POST", "sweep", **{"dry-run": True})
    await trust(service)
    for other in ("probe", "limits", "projects/demo/limits"):
        await service.api("GET", other)
    await promote(service)
    tokens = (await service.api("GET", "tokens")).document["tokens"]
    await service.api("DELETE", f"tokens/{tokens[0]['id']}")

    assert responses(service.description, below=400) - service.description.responses == set()


async def trust(service: RunningService) -> None:
    """Trust a CI job, and trust it no more."""
    google = {"provider": "google", "fields": {"email": "me@demo.example"}}
    added = (await service.api("POST", "projects/demo/publishers", **google)).document
    await service.api("GET", "projects/demo/publishers")
    await service.api("DELETE", f"projects/demo/publishers/{added['id']}")


async def report(service: RunningService, stage: Any) -> None:
    """Report a try of a stage."""
    tried = {**TRIED, "manifest-digest": stage["manifest-digest"]}
    await service.api("POST", f"stages/{stage['id']}/evidence", **tried)
    await service.api("GET", f"stages/{stage['id']}/evidence")


async def promote(service: RunningService) -> None:
    """Carry out every step of a promotion."""
    promotion_client, promoted = PromotionClient(service), await service.staged(NEXT)
    await promotion_client.start(promoted, "client")
    await promotion_client.ask("POST", promoted, "/promotion/stop")
    partial = await service.staged(WHEEL)
    begun = (await promotion_client.start(partial, "client")).document
    await promotion_client.report(begun, an_entry(WHEEL.filename, "sending"))
    await promotion_client.report(begun, ending="error", reason="Why.")
    await promotion_client.ask("POST", partial, "/promotion/give-up")
    await promotion_client.publish_as_client(promoted, NEXT)
    await promotion_client.show(promoted)
    await promotion_client.ask("GET", promoted, "/receipt")
    await promotion_client.ask("GET", promoted, f"/files/{NEXT.filename}/form")


async def test_every_error(tmp_path: Path, index: FakeIndex) -> None:
    """Each operation fails in every way that is described, as described."""
    few, promotion = {"max_per_project": 2}, promotion_settings(index)
    async with running_service(tmp_path / "data", index, stage=few, promotion=promotion) as service:
        await fail_without_upstream(service)
        stages = await stages_in_the_way(service)
        revoked = await service.api("POST", "tokens", can="admin", project="*")
        await service.api("DELETE", f"tokens/{revoked.document['id']}")
        for name, operation in service.description.operations():
            for stage_id in stages:
                request = about(stage_id, name)
                await fetch(service, request, operation)
            await fetch(service, request, operation, token=revoked.document["token"])
            await fetch(service, request, operation, token="unknown")
            await fetch(service, f"{request}?{'x' * 4000}", operation)
            await fetch(service, request, operation, body=b" " * (LONGEST_FORM + 1))
        await service.api("POST", "tokens", can="admin", project="*", name="admin")
        for version in ("3.0", "4.0"):
            await service.api("POST", "stages", name="demo", version=version)
        unpublished = await service.open_stage("unpublished")
        for way_out in ("stop", "give-up"):
            await PromotionClient(service).ask("POST", unpublished, f"/promotion/{way_out}")
        for number in range(RATES[Guessed.API_TOKEN].most):
            await service.api("GET", "stages", f"guess{number}")
        for name, operation in service.description.operations():
            request = about(stages[0], name)
            await fetch(service, request, operation, token=f"guess for {name}")

    description = service.description
    failures = responses(description) - responses(description, below=400)
    assert failures - description.responses == set()


def about(stage_id: str, name: str) -> str:
    """Return the request of an operation about a stage, its file or its project."""
    filled = name.replace("{filename}", WHEEL.filename).replace("{project}", "demo")
    return filled.replace("{id}", stage_id)


async def fail_without_upstream(service: RunningService) -> None:
    """Ask for operations that fail while the index does not answer, about a stage of their own."""
    stage = await service.staged(a_wheel("lonely"))
    service.index.quirks = Quirks(status=503)
    for name, operation in service.description.operations():
        if "503" in operation["responses"]:
            await fetch(service, about(stage["id"], name), operation)
    service.index.quirks = Quirks()
    promotion_client = PromotionClient(service)
    await promotion_client.report_end((await promotion_client.start(stage, "client")).document)


async def stages_in_the_way(service: RunningService) -> list[str]:
    """Return the ids of a stage that is being promoted, of an ended one, and of none."""
    busy, ended = await service.staged(WHEEL), await service.open_stage("ended")
    await PromotionClient(service).start(busy, "client")
    await service.api("DELETE", f"stages/{ended['id']}")
    return [busy["id"], ended["id"], "0123456789abcdef"]


async def fetch(
    service: RunningService,
    request: str,
    operation: Any,
    *,
    token: str | None = None,
    body: bytes | None = None,
) -> None:
    """Ask for an operation; its answer is compared with the description."""
    method, path = request.split()
    headers = {"Authorization": f"Bearer {token or service.admin}"}
    data = None
    if "requestBody" in operation:
        data = body or BODIES[operation["operationId"]]
    await service.send(method, path, headers, data=data)


def responses(description: ApiDescription, below: int = 600) -> set[tuple[str, str]]:
    """Return every response that is described, by its operation and its status."""
    return {
        (name, status)
        for name, operation in description.operations()
        for status in operation["responses"]
        if status != "default" and int(status) < below
    }


NO_SUCH = {
    "another status": Answer(418, {"Content-Type": "application/json"}, b"{}"),
    "another type": Answer(200, {"Content-Type": "text/plain"}, b'{"stages": []}'),
    "a key too few": Answer(200, {"Content-Type": "application/json"}, b"{}"),
    "a key too many": Answer(
        200, {"Content-Type": "application/json"}, b'{"stages": [], "next": 1}'
    ),
    "another value": Answer(200, {"Content-Type": "application/json"}, b'{"stages": {}}'),
}


@pytest.mark.parametrize("answer", NO_SUCH.values(), ids=NO_SUCH)
def test_difference_is_noticed(document: Any, answer: Answer) -> None:
    """An answer that is not as described fails whichever test asked for it."""
    with pytest.raises((AssertionError, ValidationError)):
        ApiDescription(document).check("GET /api/stages", answer, None)
