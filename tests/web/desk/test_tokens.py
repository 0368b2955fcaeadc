"""API tokens and the audit trail at the desk."""

import re
from typing import Any

import pytest

from stageproxy.core.rights import TOKEN_PATTERN
from tests.support.clients.desk_client import DeskClient, of, shown, signed_in
from tests.support.servers.service import RunningService

TOKENS = "/desk/tokens"


@pytest.fixture
async def browser(service: RunningService) -> DeskClient:
    """Return the browser of an administrator."""
    return await signed_in(service, await service.token("admin", "*", name="ada"))


async def test_made(service: RunningService, browser: DeskClient) -> None:
    """A token that is made is shown once, works, and is never shown again."""
    fields = {"project": "Demo", "can": "upload", "version": "2.0", "expires": "30d", "name": "ci"}

    answer = await browser.submit(TOKENS, **fields)
    later = await browser.get(TOKENS)

    (token,) = TOKEN_PATTERN.findall(answer.text)
    assert "Copy the token now: it is not shown again" in shown(answer)
    assert TOKEN_PATTERN.findall(later.text) == []
    assert "demo 2.0 2026-11-22 12:00 UTC 2026-12-22 12:00 UTC" in shown(later)
    assert (await service.api("GET", "stages", token)).status == 200
    trail = (await service.api("GET", "audit")).document["events"][-1]
    assert (trail["action"], trail["actor-name"]) == ("token-made", "ada")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"project": "no name", "can": "upload"}, "project: 'no name' is not a project name"),
        ({"project": "", "can": "upload"}, "project: '' is not a project name"),
        ({"project": "demo", "can": "everything"}, "can: Input should be"),
        ({"project": "demo", "can": "upload", "expires": "soon"}, "expires: 'soon' is not"),
        ({"project": "demo", "can": "upload", "version": "x"}, "version: 'x' is not a version"),
        ({"project": "demo", "can": "upload", "name": "a\tb"}, "name: A token's name is one"),
    ],
)
async def test_not_made(browser: DeskClient, fields: dict[str, str], problem: str) -> None:
    """A form that cannot be a token is shown again as it was filled in, with what is wrong."""
    answer = await browser.submit(TOKENS, **fields)

    assert answer.status == 400
    assert problem in shown(answer)
    assert TOKEN_PATTERN.findall(answer.text) == []


async def test_name_is_taken(browser: DeskClient) -> None:
    """Sending the form twice makes no second token of the same name."""
    fields = {"project": "demo", "can": "upload", "name": "ci"}
    await browser.submit(TOKENS, **fields)

    again = await browser.submit(TOKENS, **fields)

    assert again.status == 409
    assert "already named 'ci'" in shown(again)


async def test_revoked(service: RunningService, browser: DeskClient) -> None:
    """A token is revoked after a page has said what that does."""
    token = await service.token("upload", name="ci")
    token_id = id_of(await browser.get(TOKENS), "ci")
    path = f"{TOKENS}/{token_id}/revoke"
    assert "Every request with this token is refused" in shown(await browser.get(path))

    answer = await browser.submit(path)

    page = await browser.get(answer.headers["Location"])
    assert f"ci ({token_id}) is revoked." in shown(page)
    assert (await service.api("GET", "stages", token)).status == 403


async def test_own_token(browser: DeskClient) -> None:
    """Who revokes the token that they are signed in with is warned, and signed out."""
    path = f"{TOKENS}/{id_of(await browser.get(TOKENS), 'ada')}/revoke"
    assert "You are signed in with this token yourself" in shown(await browser.get(path))

    await browser.submit(path)

    assert (await browser.get(TOKENS)).headers["Location"].startswith("/desk/sign-in")


async def test_unknown_token(browser: DeskClient) -> None:
    """A token that does not exist is not found."""
    path = f"{TOKENS}/00000000/revoke"
    form = {"form-token": await browser.form_token()}

    assert (await browser.get(path)).status == 404
    assert (await browser.post(path, form)).status == 404


@pytest.mark.parametrize("can", ["upload", "manage"])
async def test_only_for_administrators(service: RunningService, can: str) -> None:
    """Whoever is no administrator sees, makes and revokes no token, and reads no trail of them."""
    browser = await signed_in(service, await service.token(can, "*"))
    form = {"form-token": await browser.form_token(), "project": "demo", "can": "admin"}

    answers = [
        await browser.get(TOKENS),
        await browser.post(TOKENS, form),
        await browser.get(f"{TOKENS}/00000000/revoke"),
        await browser.post(f"{TOKENS}/00000000/revoke", form),
        await browser.get("/desk/audit"),
    ]

    assert [one.status for one in answers] == [403] * 5
    assert [TOKEN_PATTERN.findall(one.text) for one in answers] == [[]] * 5


async def test_audit(browser: DeskClient, stage: Any) -> None:
    """The trail of tokens and that of a stage say what happened, by which token, latest first."""
    await browser.submit(of(stage, "/extend"), **{"extend-for": "1d"})

    of_stage = shown(await browser.get(of(stage, "/audit")))
    of_tokens = shown(await browser.get("/desk/audit"))

    assert of_stage.index("extended by ada (") < of_stage.index("uploaded by admin (")
    assert "signed-in by ada (" in of_tokens


async def test_audit_needs_a_right(service: RunningService, stage: Any) -> None:
    """Who has an upload token reads no trail, and sees no link to it."""
    browser = await signed_in(service, await service.token("upload"))

    assert (await browser.get(of(stage, "/audit"))).status == 403
    assert "What happened so far" not in shown(await browser.get(of(stage)))


def id_of(page: Any, name: str) -> str:
    """Return the id of a token in the list."""
    found = re.search(rf"<bdi>{name} \((\w+)\)</bdi>", page.text)
    assert found
    return found[1]
