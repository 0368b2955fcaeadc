"""Errors of the legacy upload API."""

import string

import pytest

from stageproxy.core.rights import TokenKind, make_token
from stageproxy.web.errors import reason_phrase
from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import twine_form
from tests.support.servers.service import RunningService, basic, prefix_of

WHEEL = a_wheel(version="2.0")
UV_ACCEPT = "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7"
SENTENCE = "'dog' is invalid for 'version'."
UNKNOWN = make_token(TokenKind.UPLOAD, b"\x07" * 32).reveal()


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", "text/html", "text/*;q=0.9"])
async def test_reason_and_body(service: RunningService, accept: str | None) -> None:
    """The reason phrase is the first line of the body: some uploaders print only one of them."""
    headers = {"Accept": accept} if accept else {}

    answer = await service.post(twine_form(WHEEL, version="dog", filetype="x"), **headers)

    assert answer.status == 400
    assert answer.headers["Content-Type"].partition(";")[0] == "text/plain"
    assert answer.text.splitlines()[0] == answer.reason
    assert len(answer.text.splitlines()) > 1


@pytest.mark.parametrize("accept", [UV_ACCEPT, "application/json", "application/json, */*;q=0.1"])
async def test_json(service: RunningService, accept: str) -> None:
    """JSON is sent only to clients that prefer it, and its type has no parameter."""
    answer = await service.post(twine_form(WHEEL, version="dog"), Accept=accept)

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.document["code"] == f"400 {answer.reason}"
    assert answer.document["title"] == "Bad Request"
    assert answer.document["message"].splitlines()[0] == SENTENCE


@pytest.mark.parametrize("accept", ["application/json;q=0.5, text/plain;q=0.8", "text/plain", ""])
async def test_text_where_json_is_not_preferred(service: RunningService, accept: str) -> None:
    """A client that does not prefer JSON gets text."""
    answer = await service.post(twine_form(WHEEL, version="dog"), Accept=accept)

    assert answer.headers["Content-Type"].startswith("text/plain")


async def test_other_letters(service: RunningService) -> None:
    """Characters beyond ASCII become question marks, in the reason and in the body."""
    answer = await service.post(twine_form(WHEEL, version="1.0\u00e9\u4e16\U0001f600"))

    assert answer.reason == "'1.0???' is invalid for 'version'."
    assert answer.text.splitlines()[0] == answer.reason


async def test_line_breaks(service: RunningService) -> None:
    """A line break in the form does not start a header of the answer."""
    answer = await service.post(twine_form(WHEEL, version="1\r\nX-Evil: 1\r\n\r\nbody"))

    assert answer.status == 400
    assert "X-Evil" not in answer.headers
    assert "X-Evil: 1" in answer.reason


async def test_long_sentence(service: RunningService) -> None:
    """A reason phrase has at most 500 characters."""
    answer = await service.post(twine_form(WHEEL, version="x" * 2000))

    assert (answer.status, len(answer.reason)) == (400, 500)


@pytest.mark.parametrize(
    ("sentence", "phrase"),
    [
        ("Plain.", "Plain."),
        ("  two\n\tlines  ", "two lines"),
        ("caf\u00e9", "caf?"),
        ("bell\x07", "bell?"),
        ("x" * 501, "x" * 500),
        ("", ""),
    ],
)
def test_reason_phrase(sentence: str, phrase: str) -> None:
    """A reason phrase is one line of printable ASCII."""
    assert reason_phrase(sentence) == phrase
    assert set(phrase) <= set(string.printable) - set("\t\n\r\x0b\x0c")


CREDENTIALS = {
    "none": (None, 401),
    "unknown": (f"Bearer {UNKNOWN}", 403),
    "malformed": ("Bearer x", 403),
    "with a wrong checksum": (f"Bearer {UNKNOWN[:-1]}z", 403),
    "nothing behind Bearer": ("Bearer", 403),
    "another user": (basic(UNKNOWN, user="admin"), 403),
    "a password": (basic("secret", user="admin"), 403),
    "no base64": ("Basic !!!", 403),
    "no UTF-8": ("Basic /////w==", 403),
    "no colon": ("Basic eA==", 403),
    "another scheme": ("Digest username=x", 403),
    "empty": ("", 403),
}


@pytest.mark.parametrize("case", CREDENTIALS)
async def test_invalid_credential(service: RunningService, case: str) -> None:
    """Without a token the answer is 401 with a challenge; with an invalid one it is 403."""
    header, status = CREDENTIALS[case]
    sent = {} if header is None else {"Authorization": header}

    answer = await service.send("POST", "/legacy/", sent, data=b"")

    assert answer.status == status
    assert answer.text.splitlines()[0] == answer.reason
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


async def test_challenge(service: RunningService) -> None:
    """The challenge is Basic, which keyrings and prompts support."""
    answer = await service.send("POST", "/legacy/")

    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


async def test_sentence_of_pypi(service: RunningService) -> None:
    """An unknown token gets PyPI's sentence."""
    answer = await service.post(twine_form(WHEEL), token=UNKNOWN)

    assert answer.reason == "Invalid or non-existent authentication information."


@pytest.mark.parametrize("user", ["admin", "", "__TOKEN__", "token"])
async def test_other_user(service: RunningService, user: str) -> None:
    """A valid token under another user name is refused."""
    answer = await service.post(twine_form(WHEEL), Authorization=basic(service.admin, user))

    assert answer.status == 403


async def test_unknown_token_of_the_api(service: RunningService) -> None:
    """In the other APIs an unknown token is 401, with a challenge."""
    answer = await service.api("GET", "stages", UNKNOWN)

    assert answer.status == 401
    assert "WWW-Authenticate" in answer.headers


async def test_credential_is_checked_before_the_stage(service: RunningService) -> None:
    """Without a credential known and unknown stage URLs get the same answer."""
    stage = await service.staged(WHEEL)

    known = await service.send("POST", f"{prefix_of(stage)}legacy/")
    unknown = await service.send("POST", "/tmp/demo/stgv_x/legacy/")

    assert (known.status, known.body) == (unknown.status, unknown.body) == (401, known.body)


@pytest.mark.parametrize("path", ["/legacy/", "/legacy"])
async def test_reading_the_upload_url(service: RunningService, path: str) -> None:
    """GET of the upload URL is refused, never redirected."""
    answer = await service.get(path)

    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_errors_are_not_stored(service: RunningService) -> None:
    """Errors must not be stored by caches."""
    answer = await service.post(twine_form(WHEEL, version="dog"))

    assert answer.headers["Cache-Control"] == "private, no-cache"
