"""Signing in to the desk: what the cookie is, what it opens, and what it never opens."""

import re
from pathlib import Path

import pytest

from stageproxy.core.rights import TokenKind, make_token
from tests.support.builders.distributions import a_wheel
from tests.support.clients.desk_client import DeskClient, shown, signed_in
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, prefix_of, running_service

UNKNOWN = make_token(TokenKind.MANAGE, b"\x07" * 32).reveal()
BEHIND_TLS = {
    "port": 0,
    "public_url": "https://stage.example/index",
    "trusted_proxies": ["127.0.0.1"],
}


async def test_signed_in(service: RunningService) -> None:
    """Who signs in with an API token is at the desk, which names the token and never shows it."""
    browser = DeskClient(service)
    token = await service.token("manage", name="ci-linux")

    answer = await browser.sign_in(f" {token}\n")
    desk = await browser.get("/")

    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert "Signed in as ci-linux (" in shown(desk)
    assert token not in answer.text + desk.text + str(answer.headers) + str(desk.headers)
    assert desk.headers["Cache-Control"] == "private, no-store"


async def test_cookie_on_this_machine(service: RunningService) -> None:
    """On plain HTTP on the same machine, the cookie is for this server and no script."""
    browser = DeskClient(service)

    answer = await browser.sign_in(service.admin)

    port = service.url.rpartition(":")[2]
    pattern = rf"stageproxy-{port}=[\w-]{{43}}; HttpOnly; Path=/; SameSite=Strict"
    assert re.fullmatch(pattern, answer.headers["Set-Cookie"])


async def test_cookie_over_tls(tmp_path: Path, index: FakeIndex) -> None:
    """Over TLS, the cookie cannot be sent or set on plain HTTP, nor by another host."""
    async with running_service(tmp_path / "data", index, server=BEHIND_TLS) as service:
        browser = DeskClient(service, headers={"Host": "stage.example"})
        origin = {"Origin": "https://stage.example", "Sec-Fetch-Site": "same-origin"}

        answer = await browser.post("/desk/sign-in", {"token": service.admin}, origin)
        desk = await browser.get("/")

    pattern = r"__Host-stageproxy=[\w-]{43}; HttpOnly; Path=/; SameSite=Strict; Secure"
    assert re.fullmatch(pattern, answer.headers["Set-Cookie"])
    assert answer.headers["Location"] == "/index/"
    assert "Signed in as" in shown(desk)


@pytest.mark.parametrize(
    ("trusted", "is_secure"), [(["127.0.0.1"], True), ([], False)], ids=["trusted", "anybody"]
)
async def test_tls_of_a_proxy(
    tmp_path: Path,
    index: FakeIndex,
    trusted: list[str],
    is_secure: bool,  # noqa: FBT001 - a column
) -> None:
    """Whether a request came by TLS is believed to trusted proxies alone."""
    server = {"port": 0, "trusted_proxies": trusted}
    async with running_service(tmp_path / "data", index, server=server) as service:
        browser = DeskClient(service, headers={"X-Forwarded-Proto": "https"})

        answer = await browser.sign_in(service.admin)

    assert ("__Host-" in answer.headers["Set-Cookie"]) is is_secure


async def test_plain_http_from_elsewhere(tmp_path: Path, index: FakeIndex) -> None:
    """On plain HTTP from another machine nobody can sign in, and the page says why."""
    server = {"port": 0, "public_url": "http://stage.example"}
    async with running_service(tmp_path / "data", index, server=server) as service:
        browser = DeskClient(service, headers={"Host": "stage.example"})
        origin = {"Origin": "http://stage.example"}

        answer = await browser.post("/desk/sign-in", {"token": service.admin}, origin)

    assert answer.status == 403
    assert "You can sign in over HTTPS only" in shown(answer)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("token", ["", "nonsense", UNKNOWN, UNKNOWN[:-1], "stgm_ä"])
async def test_wrong_tokens(service: RunningService, token: str) -> None:
    """A token that is none signs nobody in: the form says what to check, and repeats nothing."""
    answer = await DeskClient(service).sign_in(token)

    assert answer.status == 403
    assert "This server has no such API token. Check that you have copied all" in shown(answer)
    assert "Set-Cookie" not in answer.headers
    assert "WWW-Authenticate" not in answer.headers
    assert not token or f'"{token}"' not in answer.text


async def test_stage_tokens(service: RunningService) -> None:
    """A stage token is no API token: who has a stage URL cannot sign in with it."""
    stage = await service.staged()

    answer = await DeskClient(service).sign_in(prefix_of(stage).split("/")[5])

    assert answer.status == 403


async def test_revoked_token(service: RunningService) -> None:
    """A revoked token is refused with what to do, and ends what it had opened at once."""
    token = await service.token("manage")
    browser = await signed_in(service, token)
    tokens = (await service.api("GET", "tokens")).document["tokens"]
    (token_id,) = (one["id"] for one in tokens if one["can"] == "manage")

    await service.api("DELETE", f"tokens/{token_id}")

    again = await DeskClient(service).sign_in(token)
    assert "revoked or has expired. Ask for a new one." in shown(again)
    assert "Sign in to the desk" in shown(await browser.get("/"))


async def test_guesses_have_to_wait(service: RunningService) -> None:
    """Unknown tokens count wherever they are sent; a valid one is accepted all the same."""
    browser = DeskClient(service)
    guesses = [make_token(TokenKind.ADMIN, bytes([one]) * 32).reveal() for one in range(11)]

    answers = [await browser.sign_in(one) for one in guesses]

    assert [one.status for one in answers] == [403] * 10 + [429]
    assert answers[-1].headers["Retry-After"] == "30"
    assert "too many unknown API tokens" in shown(answers[-1])
    assert (await browser.sign_in(service.admin)).status == 303


async def test_signed_out(service: RunningService) -> None:
    """After signing out, the cookie opens nothing, also if somebody has kept it."""
    browser = await signed_in(service)
    kept = DeskClient(service, dict(browser.cookies))

    answer = await browser.post("/desk/sign-out", {"form-token": await browser.form_token()})

    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert "Sign in to the desk" in shown(await kept.get("/"))


async def test_no_fixation(service: RunningService) -> None:
    """A cookie that somebody else has planted is replaced by the one of the session."""
    name = f"stageproxy-{service.url.rpartition(':')[2]}"
    browser = DeskClient(service, {name: "planted"})

    await browser.sign_in(service.admin)

    assert browser.cookies[name] != "planted"
    assert "Signed in as" not in shown(await DeskClient(service, {name: "planted"}).get("/"))


@pytest.mark.parametrize(
    ("following", "location"),
    [
        ("/desk/tokens", "/desk/tokens"),
        ("/desk/stages/0a1b/publish", "/desk/stages/0a1b/publish"),
        (
            "/desk/stages/0a/files/demo-2.0+cu1.whl/remove",
            "/desk/stages/0a/files/demo-2.0+cu1.whl/remove",
        ),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/desk/", "/"),
        ("/desk//evil.example", "/"),
        ("/desk/../tmp/demo/", "/"),
        ("/\\evil.example", "/"),
        ("/desk/\\evil", "/"),
        ("/desk/\r\nSet-Cookie: a=b", "/"),
        ("/desk/?next=//evil.example", "/"),
        ("/tmp/demo/stgv_x/", "/"),
        ("/api/tokens", "/"),
        ("javascript:alert(1)", "/"),
        ("/desk/%2f%2fevil.example", "/"),
        ("desk/", "/"),
        (" /desk/", "/"),
        ("/desk@evil.example/", "/"),
    ],
)
async def test_no_open_redirect(service: RunningService, following: str, location: str) -> None:
    """After signing in, a browser goes to pages of the desk, and never anywhere else."""
    browser = DeskClient(service)

    answer = await browser.sign_in(service.admin, next=following)

    assert answer.headers["Location"] == location


async def test_next_page_of_who_is_signed_in(service: RunningService) -> None:
    """Who is signed in already goes on to the next page at once."""
    browser = await signed_in(service)

    answer = await browser.get("/desk/sign-in?next=/desk/tokens")

    assert (answer.status, answer.headers["Location"]) == (303, "/desk/tokens")


async def test_token_is_in_no_log(service: RunningService, log: object) -> None:
    """Neither the token nor the secret of a session is ever in the log or the audit trail."""
    browser = await signed_in(service)
    await browser.get("/")

    (secret,) = browser.cookies.values()
    trail = (await service.api("GET", "audit")).document["events"]
    written = f"{log.getvalue()} {trail}"  # type: ignore[attr-defined] # a stream of the fixture
    assert "signed in to the desk" in written
    assert [one for one in (service.admin, secret) if one in written] == []
    assert [one["action"] for one in trail if "signed" in one["action"]] == ["signed-in"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/stages"),
        ("GET", "/api/tokens"),
        ("POST", "/api/stages"),
        ("POST", "/api/tokens"),
        ("POST", "/api/sweep"),
        ("POST", "/legacy/"),
        ("POST", "/upload/2.0/"),
    ],
)
async def test_cookies_open_no_api(service: RunningService, method: str, path: str) -> None:
    """A cookie opens the desk alone: to APIs, the same request is one without an API token."""
    browser = await signed_in(service)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin", "Origin": service.url}

    answer = await service.send(method, path, headers)

    assert answer.status == 401


async def test_cookies_stay_here(service: RunningService) -> None:
    """No cookie is sent to upstream, and none of upstream's is sent on."""
    stage = await service.staged(a_wheel(version="2.0"))
    browser = await signed_in(service)
    service.index.requests.clear()

    for path in ("simple/demo/", "simple/other/", "pypi/other/json", "anything"):
        await browser.get(prefix_of(stage) + path)

    asked = service.index.requests
    assert asked
    assert [one for one in asked if "Cookie" in one.headers] == []


async def test_headers(service: RunningService) -> None:
    """The desk is kept nowhere, and only this server learns from where somebody comes."""
    answer = await DeskClient(service).get("/")

    expected = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "private, no-store",
    }
    assert {name: answer.headers[name] for name in expected} == expected
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/legacy/demo/", "/project/demo/2.0/"])
async def test_printed_urls(service: RunningService, path: str) -> None:
    """The URLs that uploaders print lead whoever is signed in to the stage, by their rights."""
    stage = await service.staged()
    browser = await signed_in(service)
    other = await signed_in(service, await service.token("manage", "other"))

    answers = [await one.get(path) for one in (browser, other, DeskClient(service))]

    assert [one.status for one in answers] == [307, 403, 401]
    assert answers[0].headers["Location"] == prefix_of(stage)
