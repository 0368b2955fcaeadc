"""Forms that pages of other sites send in the name of who is signed in: none changes anything."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from stageproxy.core.sessions import SessionSecret
from tests.support.clients.desk_client import DeskClient, shown, signed_in
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, running_service

OTHER = "https://evil.example"
SITE = "Sec-Fetch-Site"
TYPE = "application/x-www-form-urlencoded"
OTHER_FORM = SessionSecret("of another session").form_token

# What a browser, or a program that plays one, sends with the cookie of the victim and the right
# token of its forms: `{own}` is the origin of the server, `{host}` its host and `{port}` its port.
SHAPES: Mapping[str, Mapping[str, str]] = {
    "no word of where it comes from": {},
    "another site": {"Origin": OTHER, SITE: "cross-site"},
    "another site, in a browser without Sec-Fetch-Site": {"Origin": OTHER},
    "another site, in a browser without Origin": {SITE: "cross-site"},
    "a host beside ours": {"Origin": "http://a.127.0.0.1", SITE: "same-site"},
    "the same site, in a browser without Origin": {SITE: "same-site"},
    "the same site, with our origin": {"Origin": "{own}", SITE: "same-site"},
    "typed by the user": {SITE: "none"},
    "typed by the user, with our origin": {"Origin": "{own}", SITE: "none"},
    "our origin, and yet cross-site": {"Origin": "{own}", SITE: "cross-site"},
    "another origin, and yet same-origin": {"Origin": OTHER, SITE: "same-origin"},
    "a sandboxed frame": {"Origin": "null", SITE: "cross-site"},
    "a sandboxed frame, in a browser without Sec-Fetch-Site": {"Origin": "null"},
    "a file of the machine": {"Origin": "null", SITE: "none"},
    "a page without an origin, and yet same-origin": {"Origin": "null", SITE: "same-origin"},
    "another port": {"Origin": "http://{host}:1", SITE: "same-site"},
    "another port, in a browser without Sec-Fetch-Site": {"Origin": "http://{host}:1"},
    "no port": {"Origin": "http://{host}"},
    "another scheme": {"Origin": "https://{host}:{port}"},
    "another scheme, and same-origin": {"Origin": "https://{host}:{port}", SITE: "same-origin"},
    "our host as a prefix": {"Origin": "{own}.evil.example"},
    "our host as a user": {"Origin": "{own}@evil.example"},
    "our host as a path": {"Origin": OTHER + "/{own}"},
    "our origin with a path": {"Origin": "{own}/"},
    "our origin with a query": {"Origin": "{own}?"},
    "our origin with a space": {"Origin": "{own} x"},
    "two origins in a line": {"Origin": "{own}, " + OTHER},
    "two sites in a line": {"Origin": "{own}", SITE: "same-origin, cross-site"},
    "an empty origin": {"Origin": ""},
    "an empty site": {"Origin": "{own}", SITE: ""},
    "a site in capitals": {"Origin": "{own}", SITE: "Same-Origin"},
    "an unknown site": {"Origin": "{own}", SITE: "same-planet"},
    "an extension": {"Origin": "chrome-extension://abcdef", SITE: "none"},
    "only a referrer of ours": {"Referer": "{own}/"},
    "an origin that a proxy is said to have": {"X-Forwarded-Host": "evil.example", "Origin": OTHER},
    "a host that somebody made up": {"Host": "evil.example", "Origin": "http://evil.example"},
    "a host with another port": {"Host": "localhost:1", "Origin": "http://localhost:2"},
    "a host that cannot be read": {"Host": "[", "Origin": "http://["},
    "a script of another site": {"Origin": OTHER, SITE: "cross-site", "Sec-Fetch-Mode": "cors"},
    "a picture of another site": {SITE: "cross-site", "Sec-Fetch-Dest": "image"},
    "a frame of another site": {SITE: "cross-site", "Sec-Fetch-Dest": "iframe"},
    "a form that is sent as text": {"Origin": "{own}", "Content-Type": "text/plain"},
    "a form in parts": {"Origin": "{own}", "Content-Type": "multipart/form-data; boundary=a"},
    "a form as JSON": {"Origin": "{own}", "Content-Type": "application/json"},
}


def filled(headers: Mapping[str, str], service: RunningService) -> dict[str, str]:
    """Return headers with the origin of a server."""
    host, port = service.url.removeprefix("http://").split(":")
    values = {"{own}": service.url, "{host}": host, "{port}": port}
    made = dict(headers)
    for name, value in values.items():
        made = {key: text.replace(name, value) for key, text in made.items()}
    return made


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
async def test_no_form_of_another_site(service: RunningService, shape: Mapping[str, str]) -> None:
    """A form that no page of ours sends is refused, with the right cookie and form token, too."""
    browser = await signed_in(service)
    form_token = await browser.form_token()

    answer = await browser.post(
        "/desk/sign-out", {"form-token": form_token}, filled(shape, service)
    )

    assert answer.status in {400, 403}
    assert "Signed in as" in shown(await browser.get("/"))


async def test_nobody_is_signed_in_by_another_site(service: RunningService) -> None:
    """A page of another site cannot sign somebody in with a token of its own."""
    browser, form = DeskClient(service), {"token": service.admin}

    for shape in SHAPES.values():
        await browser.post("/desk/sign-in", form, filled(shape, service))

    assert browser.cookies == {}


@pytest.mark.parametrize("form_token", ["", "0" * 64, OTHER_FORM, "ä"])
async def test_form_tokens_of_others(service: RunningService, form_token: str) -> None:
    """A form without the token of the session is refused, from a page of ours, too."""
    browser = await signed_in(service)

    answer = await browser.post("/desk/sign-out", {"form-token": form_token})

    assert answer.status == 403
    assert "Nothing was changed." in shown(answer)
    assert "Signed in as" in shown(await browser.get("/"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "{own}"},
        {SITE: "same-origin"},
        {"Origin": "{own}", SITE: "same-origin"},
        {"Host": "localhost:{port}", "Origin": "http://localhost:{port}", SITE: "same-origin"},
    ],
    ids=["no Sec-Fetch-Site", "no Origin", "both", "by another name of the machine"],
)
async def test_own_forms(service: RunningService, headers: Mapping[str, str]) -> None:
    """The forms of our own pages are accepted in every browser that says where they come from."""
    browser = DeskClient(service)

    answer = await browser.post("/desk/sign-in", {"token": service.admin}, filled(headers, service))

    assert answer.status == 303


async def test_plain_page_of_a_tls_host(tmp_path: Path, index: FakeIndex) -> None:
    """A page of the same host on plain HTTP is another site: anybody on the way can write it."""
    server = {"port": 0, "public_url": "https://stage.example"}
    async with running_service(tmp_path / "data", index, server=server) as service:
        browser = DeskClient(service, headers={"Host": "stage.example"})
        origin = {"Origin": "http://stage.example"}

        answer = await browser.post("/desk/sign-in", {"token": service.admin}, origin)

    assert answer.status == 403


@pytest.mark.parametrize(
    "body",
    [b"\xff=1", b"&".join([b"a=1"] * 51), b"a" * (2**16 + 1)],
    ids=["no UTF-8", "too many fields", "too long"],
)
async def test_forms_that_cannot_be_read(service: RunningService, body: bytes) -> None:
    """A form that is no UTF-8, or too large, is refused."""
    headers = {"Content-Type": TYPE, "Origin": service.url}

    answer = await service.send("POST", "/desk/sign-in", headers, data=body)

    assert answer.status in {400, 413}
