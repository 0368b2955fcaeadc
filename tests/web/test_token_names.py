"""The names of API tokens, wherever a token did something."""

import io
from collections.abc import Iterator
from typing import Any

from stageproxy.core.rights import TokenKind, make_token
from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import twine_form
from tests.support.database import execute
from tests.support.promotion.promotion_client import PromotionClient
from tests.support.servers.service import RunningService, prefix_of

BROWSER = "text/html"
SECRET = make_token(TokenKind.UPLOAD, b"\x07" * 32).reveal()


async def a_named_token(service: RunningService, name: str, can: str = "upload") -> Any:
    """Return a new token for `demo`."""
    return (await service.api("POST", "tokens", can=can, project="demo", name=name)).document


async def staged_by(service: RunningService, token: Any) -> Any:
    """Return a stage with a file that a token has uploaded."""
    form = twine_form(a_wheel(version="2.0"), staged="true")
    return (await service.post(form, token=token["token"])).document


def uses_of(token_id: str, document: Any) -> Iterator[tuple[str, Any]]:
    """Return each key of a document whose value is the id of a token, and what `KEY-name` is."""
    if isinstance(document, list):
        for one in document:
            yield from uses_of(token_id, one)
    elif isinstance(document, dict):
        for key, value in document.items():
            if value == token_id:
                yield key, document.get(f"{key}-name")
            yield from uses_of(token_id, value)


async def test_names_beside_ids(service: RunningService, promotion_client: PromotionClient) -> None:
    """In every document, a key with the id of a token has the token's name beside it."""
    uploader = await a_named_token(service, "ci-linux")
    stage = await staged_by(service, uploader)
    await promotion_client.publish(stage)
    [admin] = [
        one
        for one in (await service.api("GET", "tokens")).document["tokens"]
        if one["can"] != "upload"
    ]
    path = f"stages/{stage['id']}"

    documents = [
        stage,
        (await service.get(prefix_of(stage), "application/json")).document,
        *[
            (await service.api("GET", one)).document
            for one in ("stages", path, f"{path}/audit", f"{path}/promotion")
        ],
        (await service.api("GET", f"{path}/receipt")).document,
    ]

    uses = [set(uses_of(uploader["id"], one)) for one in documents]
    by_uploader, by_admin = ("uploaded-by", "ci-linux"), ("approved-by", "admin")
    assert uses == [{by_uploader}] * 4 + [{("actor", "ci-linux")}, set(), set()]
    approvals = [set(uses_of(admin["id"], one)) for one in documents]
    assert approvals == [set()] * 4 + [{("actor", "admin")}, {by_admin}, {by_admin}]


async def test_names_on_the_page(service: RunningService) -> None:
    """The stage page says who uploaded each file, and when."""
    token = await a_named_token(service, "ci <linux>")
    stage = await staged_by(service, token)

    page = (await service.get(prefix_of(stage), BROWSER)).text

    uploader = f"<bdi>ci &lt;linux&gt; ({token['id']})</bdi>"
    assert f"All uploaded by {uploader}, the last on 2026-11-22 12:00 UTC." in page


async def test_names_in_the_log(service: RunningService, log: io.StringIO) -> None:
    """Lines of the log name a token and its id."""
    token = await a_named_token(service, "ci-linux", "manage")
    stage = await staged_by(service, token)
    await service.api("DELETE", f"stages/{stage['id']}", token["token"])
    await service.api("DELETE", f"tokens/{token['id']}")

    lines = log.getvalue().splitlines()

    label = f"ci-linux ({token['id']})"
    assert [one.rpartition(" by ")[2] for one in lines if one.endswith(label)] == [
        f"token {label}"
    ] * 2
    assert any(f"token {label}: created by token admin (" in one for one in lines)
    assert any(f"token {label}: revoked by token admin (" in one for one in lines)


async def test_tokens_as_names(service: RunningService, log: io.StringIO) -> None:
    """A token that got into the database as the name of another one is shown nowhere."""
    token = await a_named_token(service, "ci-linux")
    execute(
        service.data / "catalogue.db",
        f"UPDATE api_token SET name = '{SECRET}' WHERE name = 'ci-linux'",
    )
    stage = await staged_by(service, token)

    answers = [
        await service.get(prefix_of(stage), BROWSER),
        await service.get(prefix_of(stage), "application/json"),
        await service.api("GET", "tokens"),
        await service.api("GET", f"stages/{stage['id']}/audit"),
    ]

    assert [one.status for one in answers] == [200] * 4
    assert not [one for one in answers if SECRET[5:] in one.text]
    assert SECRET[5:] not in log.getvalue()
