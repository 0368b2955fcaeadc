"""Uploads of artifacts to PyPI: the request, and its reply."""

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from stageproxy import __version__
from stageproxy.core.errors import DamagedArtifactError
from stageproxy.core.promotion.replies import Accepted, Refused, Reply, Unanswered
from stageproxy.core.rights import Credential
from stageproxy.ports import UploadClient
from stageproxy.upstream.upload_client import HttpUploadClient
from tests.support.builders.distributions import Distribution, a_wheel, upload_form
from tests.support.builders.forms import body_of, content_part, form_parts
from tests.support.clients.uploading import PATIENCE, SILENCE, Sender, a_sender
from tests.support.index.fake_index import FakeIndex
from tests.support.index.history import Outcome
from tests.support.servers.raw_server import RawServer, raw_server
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint

WHEEL = a_wheel()
LARGE = a_wheel(extra={"demo/large.bin": Random(0).randbytes(2**22)})
"""Some MiB: many pieces, and more than fits into the buffers of the system."""
NO_TIME = "The upload API did not answer in time."
CUT_OFF = "The upload API accepted the file, but the connection was lost."
YES = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
async def sender(index: FakeIndex, tmp_path: Path) -> AsyncIterator[Sender]:
    """Return a client that publishes on `index`."""
    async with a_sender(index, tmp_path) as one:
        yield one


@pytest.fixture
async def raw() -> AsyncIterator[RawServer]:
    """Return a server that answers with any bytes."""
    async with raw_server() as one:
        yield one


def fits_the_port(api: HttpUploadClient) -> UploadClient:
    """Return the upload client as its port, which mypy checks."""
    return api


async def test_file_is_published(sender: Sender) -> None:
    """An artifact is sent with its form, and its bytes arrive."""
    reply = await sender.publish(LARGE)

    [attempt] = sender.index.uploads.history.attempts
    assert reply == Accepted("200 OK")
    assert (attempt.filename, attempt.sha256) == (LARGE.filename, LARGE.sha256)
    assert attempt.fields == tuple(upload_form(LARGE))


async def test_headers_on_the_wire(sender: Sender) -> None:
    """The request has a length, no chunks, the user agent, the credential, and no Expect."""
    await sender.publish(WHEEL)

    headers = dict(sender.index.uploads.history.attempts[0].headers)
    assert set(headers) == {
        "Host", "User-Agent", "Accept-Encoding", "Accept", "Content-Type", "Content-Length",
        "Authorization", "Connection",
    }  # fmt: skip
    assert headers["User-Agent"] == f"stageproxy/{__version__}"
    assert headers["Authorization"] == sender.credential.authorization


async def test_body_on_the_wire(sender: Sender, raw: RawServer) -> None:
    """The body is that of twine, byte by byte: the fields in order, then the file."""
    fields = (("summary", 'é "quoted"\r\n\r\nlines'), (":action", "file_upload"), ("a", ""))
    raw.answers = [YES]
    upload_request = replace(sender.upload_request(WHEEL), fields=fields)

    await sender.publish(upload_request, to=f"{raw.url}/legacy/")

    head, _, body = raw.requests[0].partition(b"\r\n\r\n")
    boundary = re.findall(rb"multipart/form-data; boundary=(\w+)", head)[0].decode()
    assert body == body_of([*form_parts(fields), content_part(WHEEL)], boundary)
    assert head.startswith(b"POST /legacy/ HTTP/1.1\r\n")
    assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")


async def test_names_are_escaped(sender: Sender, raw: RawServer) -> None:
    """A name with quotes or line ends stays within its quotes."""
    raw.answers = [YES]
    upload_request = replace(
        sender.upload_request(WHEEL), filename='a"b', fields=(('x"; y="\r\nz', "1"),)
    )

    await sender.publish(upload_request, to=f"{raw.url}/legacy/")

    assert b'form-data; name="x%22; y=%22%0D%0Az"\r\n' in raw.requests[0]
    assert b'name="content"; filename="a%22b"\r\n' in raw.requests[0]


async def test_progress(sender: Sender) -> None:
    """The number of bytes sent is reported, from none to all."""
    await sender.publish(LARGE)

    assert sender.progress == sorted(sender.progress)
    assert (sender.progress[0], sender.progress[-1]) == (0, len(LARGE.content))
    assert len(sender.progress) > 4


async def test_empty_file(sender: Sender) -> None:
    """An empty file is sent."""
    empty = Distribution("demo-1.0.tar.gz", b"")

    await sender.publish(replace(sender.upload_request(WHEEL), **_file_of(sender, empty)))

    [attempt] = sender.index.uploads.history.attempts
    assert (attempt.filename, attempt.size, attempt.sha256) == (empty.filename, 0, empty.sha256)


def _file_of(sender: Sender, distribution: Distribution) -> dict[str, Any]:
    upload_request = sender.upload_request(distribution)
    keys = ("filename", "path", "size", "sha256")
    return {key: getattr(upload_request, key) for key in keys}


FAULTS = [
    (Fault(FaultPoint.BEFORE, FaultKind.RESET), "connection was lost", Outcome.BROKEN_OFF),
    (Fault(FaultPoint.BEFORE, FaultKind.CLOSE), "connection was lost", Outcome.BROKEN_OFF),
    (Fault(FaultPoint.BEFORE, FaultKind.HANG), NO_TIME, Outcome.BROKEN_OFF),
    (Fault(FaultPoint.MIDWAY, FaultKind.RESET), "connection was lost", Outcome.BROKEN_OFF),
    (Fault(FaultPoint.MIDWAY, FaultKind.CLOSE), "connection was lost", Outcome.BROKEN_OFF),
    (Fault(FaultPoint.MIDWAY, FaultKind.HANG), NO_TIME, Outcome.BROKEN_OFF),
    (Fault(FaultPoint.READ, FaultKind.RESET), "connection was lost", Outcome.BROKEN_OFF),
    (Fault(FaultPoint.READ, FaultKind.CLOSE), "connection was lost", Outcome.BROKEN_OFF),
    (Fault(FaultPoint.READ, FaultKind.HANG), NO_TIME, Outcome.BROKEN_OFF),
    (Fault(FaultPoint.READ, FaultKind.ANSWER), "answered 503", Outcome.BROKEN_OFF),
    (Fault(FaultPoint.ACCEPTED, FaultKind.RESET), "connection was lost", Outcome.ACCEPTED),
    (Fault(FaultPoint.ACCEPTED, FaultKind.CLOSE), "connection was lost", Outcome.ACCEPTED),
    (Fault(FaultPoint.ACCEPTED, FaultKind.HANG), NO_TIME, Outcome.ACCEPTED),
    (Fault(FaultPoint.ACCEPTED, FaultKind.ANSWER, status=500), "answered 500", Outcome.ACCEPTED),
    (Fault(FaultPoint.ACCEPTED, FaultKind.ANSWER, status=504), "answered 504", Outcome.ACCEPTED),
]


@pytest.mark.parametrize(
    ("fault", "words", "outcome"),
    FAULTS,
    ids=[f"{fault.kind} {fault.point} {fault.status}" for fault, *_ in FAULTS],
)
@pytest.mark.parametrize("what", [WHEEL, LARGE], ids=["small", "large"])
async def test_fault(
    sender: Sender, fault: Fault, words: str, outcome: Outcome, what: Distribution
) -> None:
    """Every fault leaves the outcome unknown; after a retry the artifact is published once."""
    history = sender.index.uploads.history
    sender.index.uploads.faults = [fault]

    sender.silence = SILENCE if words == NO_TIME else PATIENCE
    first = await sender.publish(what)
    found = history.attempts[0].outcome
    sender.silence = PATIENCE
    second = await sender.publish(what)

    assert (type(first), type(second), found) == (Unanswered, Accepted, outcome)
    assert words in first.sentence
    assert (history.accepted, history.attempts[1].sha256) == ([what.filename], what.sha256)


async def test_refused_connection(sender: Sender) -> None:
    """A refused connection leaves the outcome unknown; nothing was sent."""
    async with sender.index.away():
        reply = await sender.publish(WHEEL)

    sentence = (
        "The upload API cannot be reached, or the connection was lost (ClientConnectorError)."
    )
    assert (reply, sender.index.uploads.history.attempts) == (Unanswered(sentence), [])


async def test_too_many_requests(sender: Sender) -> None:
    """A 429 is no refusal."""
    headers = {"Retry-After": "30"}
    sender.index.uploads.faults = [
        Fault(FaultPoint.READ, FaultKind.ANSWER, status=429, sentence="Too fast", headers=headers)
    ]

    reply = await sender.publish(WHEEL)

    sentence = "The upload API answered 429 Too Many Requests: Too fast"
    assert reply == Unanswered(sentence, timedelta(seconds=30))


async def test_refusal(sender: Sender) -> None:
    """A refusal has PyPI's own sentence."""
    await sender.publish(WHEEL)

    reply = await sender.publish(a_wheel(summary="Another"))

    assert isinstance(reply, Refused)
    assert reply.sentence.startswith(f"File already exists ('{WHEEL.filename}', with blake2")


@pytest.mark.parametrize("point", [FaultPoint.BEFORE, FaultPoint.MIDWAY])
async def test_early_refusal(sender: Sender, point: FaultPoint) -> None:
    """A refusal that arrives before the file was sent counts, and the upload stops."""
    sender.index.uploads.faults = [
        Fault(point, FaultKind.ANSWER, status=403, sentence="Not from you.")
    ]

    assert await sender.publish(LARGE) == Refused(403, "Not from you.")


async def test_early_acceptance(sender: Sender) -> None:
    """An acceptance that arrives before the file was sent does not count."""
    sender.index.uploads.faults = [Fault(FaultPoint.BEFORE, FaultKind.ANSWER, status=200)]

    reply = await sender.publish(LARGE)

    assert reply == Unanswered("The upload API accepted the file before it was complete.")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect(sender: Sender, status: int) -> None:
    """A redirect is not followed: no other host gets the file or the credential."""
    async with FakeIndex.running() as other:
        headers = {"Location": f"{other.url}/legacy/"}
        fault = Fault(FaultPoint.READ, FaultKind.ANSWER, status=status, headers=headers)
        sender.index.uploads.faults = [fault]

        reply = await sender.publish(WHEEL)

        assert (type(reply), other.requests) == (Refused, [])
        assert f"redirects ({status}) to {other.url}/legacy/" in reply.sentence


async def test_url_without_slash(sender: Sender) -> None:
    """A URL without the trailing slash is reported to the operator."""
    reply = await sender.publish(WHEEL, to=f"{sender.index.url}/legacy")

    assert isinstance(reply, Refused)
    assert "Set promotion.repository_url" in reply.sentence


async def test_retries_never_send_a_short_body(sender: Sender) -> None:
    """A retried upload never sends a short body, whatever interrupted the one before."""
    versions = [
        a_wheel(version=f"1.{n}", extra={"demo/n.bin": bytes([n]) * 9**6}) for n in range(50)
    ]
    faults = [
        (point, kind)
        for point in FaultPoint
        for kind in (FaultKind.RESET, FaultKind.CLOSE, FaultKind.ANSWER)
    ]
    sender.index.uploads.faults = [
        Fault(*faults[n % len(faults)], one.filename) for n, one in enumerate(versions)
    ]

    replies = [[await sender.publish(one) for _ in range(2)][-1] for one in versions]

    history = sender.index.uploads.history
    assert {type(one) for one in replies} == {Accepted}
    assert history.accepted == [one.filename for one in versions]
    whole = {one.filename: one.sha256 for one in history.attempts if one.number == 2}
    assert whole == {one.filename: one.sha256 for one in versions}


@pytest.mark.parametrize(
    "change",
    [
        {"size": len(LARGE.content) - 1},
        {"size": len(LARGE.content) + 1},
        {"sha256": hashlib.sha256(b"another").hexdigest()},
        {"path": Path("/nowhere/at/all")},
        {"path": Path("/")},
    ],
    ids=["longer", "shorter", "other bytes", "missing", "unreadable"],
)
async def test_damaged_file(sender: Sender, change: dict[str, Any]) -> None:
    """A file with other bytes than staged never arrives as a whole."""
    with pytest.raises(DamagedArtifactError) as caught:
        await sender.publish(replace(sender.upload_request(LARGE), **change))

    assert caught.value.filename == LARGE.filename
    assert sender.index.uploads.history.accepted == []
    assert {one.sha256 for one in sender.index.uploads.history.attempts} <= {""}


async def test_stalled_upload(sender: Sender, raw: RawServer) -> None:
    """An upload to a server that stops reading ends after the timeout."""
    raw.is_deaf, sender.silence = True, SILENCE
    large = Distribution(LARGE.filename, LARGE.content * 8)

    assert await sender.publish(large, to=raw.url) == Unanswered(NO_TIME)


async def test_slow_but_steady(sender: Sender, raw: RawServer) -> None:
    """The whole upload has no time limit as long as bytes are sent or received."""
    # The buffers of the system are read in less than that time.
    raw.answers, raw.pause, sender.silence = [YES], SILENCE.total_seconds() / 5, 6 * SILENCE
    large = Distribution(LARGE.filename, LARGE.content * 8)

    reply = await sender.publish(large, to=raw.url)

    assert (reply, len(raw.requests)) == (Accepted("200 OK"), 1)


async def test_slow_answer(index: FakeIndex, tmp_path: Path) -> None:
    """The timeout of uploads applies, not that of pages.

    After 15 seconds, that of a page, an upload counted as unanswered once.
    """
    index.uploads.processing = SILENCE.total_seconds() / 2
    async with a_sender(index, tmp_path, reading=SILENCE / 10) as sender:
        reply = await sender.publish(WHEEL)

    assert reply == Accepted("200 OK")


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (b"HTTP/1.1 400 No\r\nContent-Length: 9\r\n\r\nhal", Refused(400, "No")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal", Unanswered(CUT_OFF)),
        (
            b"HTTP/1.1 400 \r\nContent-Encoding: gzip\r\nContent-Type: text/plain\r\n\r\n\x1f\x8b",
            Refused(400, "400 Bad Request"),
        ),
        (
            b"HTTP/1.1 400 \r\nContent-Type: text/plain\r\n\r\nNo." + b"." * 2**21,
            Refused(400, "No." + "." * 497),
        ),
        (b"SMTP ready", None),
        (b"HTTP/1.1 200", None),
        (b"", None),
    ],
    ids=["no, cut off", "yes, cut off", "packed", "endless", "no HTTP", "cut off", "nothing"],
)
async def test_odd_answer(
    sender: Sender, raw: RawServer, answer: bytes, reply: Reply | None
) -> None:
    """A refusal counts even in a broken answer, an acceptance only in a whole one.

    In other cases the outcome is unknown. A truncated acceptance counted once: an index that
    had not read the upload was waited for in vain.
    """
    raw.answers = [answer]

    found = await sender.publish(WHEEL, to=raw.url)

    assert isinstance(found, Unanswered) if reply is None else found == reply


async def test_tls_errors(sender: Sender, raw: RawServer) -> None:
    """A server without TLS, or with a wrong certificate, leaves the outcome unknown."""
    sender.silence = SILENCE

    reply = await sender.publish(WHEEL, to=raw.url.replace("http:", "https:"))

    assert isinstance(reply, Unanswered)


async def test_cookies_are_not_stored(sender: Sender, raw: RawServer) -> None:
    """Cookies of the index are not stored, and connections are not reused."""
    raw.answers = [YES.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n\r\n"), YES]

    replies = [await sender.publish(WHEEL, to=raw.url) for _ in range(2)]

    assert replies == [Accepted("200 OK")] * 2
    assert b"Cookie" not in raw.requests[1]


async def test_credentials_of_the_url(sender: Sender, raw: RawServer) -> None:
    """The user in the URL is removed: the given credential counts."""
    raw.answers = [YES]

    await sender.publish(WHEEL, to=raw.url.replace("//", "//someone:secret@"))

    expected = f"\r\nAuthorization: {sender.credential.authorization}\r\n".encode()
    assert raw.requests[0].count(b"Authorization") == 1
    assert expected in raw.requests[0]


async def test_netrc(
    sender: Sender, raw: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The netrc of this machine is ignored."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    raw.answers = [YES]

    await sender.publish(WHEEL, to=raw.url)

    assert raw.requests[0].count(b"Authorization") == 1
    assert sender.credential.authorization.encode() in raw.requests[0]


async def test_repeated_credential_is_hidden(sender: Sender, raw: RawServer) -> None:
    """A credential that the server repeats in its answer is hidden in the sentence."""
    secret, header = UPLOAD_TOKEN, sender.credential.authorization
    raw.answers = [
        f"HTTP/1.1 {status} {secret} {header}\r\nLocation: /{secret}\r\n\r\n".encode()
        for status in (400, 503, 307)
    ]

    replies = [await sender.publish(WHEEL, to=raw.url) for _ in raw.answers.copy()]

    assert not [one for one in replies if secret in str(one) or header[6:] in str(one)]
    assert replies[0] == Refused(400, "*** Basic ***")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("application/json", r'{"detail": "not p\u00e4ss&\"word"}'),
        ("text/html", "<p>not p&auml;ss&amp;&quot;word</p>"),
    ],
)
async def test_repeated_credential_is_hidden_in_other_spellings(
    sender: Sender, raw: RawServer, kind: str, sentence: str
) -> None:
    """A password is hidden in the escapes of JSON and HTML, too."""
    sender.credential = Credential("someone", 'päss&"word')
    head = f"HTTP/1.1 400 \r\nContent-Type: {kind}\r\nContent-Length: {len(sentence)}\r\n\r\n"
    raw.answers = [f"{head}{sentence}".encode()]

    assert await sender.publish(WHEEL, to=raw.url) == Refused(400, "not ***")


async def test_user_and_password(sender: Sender) -> None:
    """Another index may have users; PyPI refuses them with its own sentence."""
    sender.credential = Credential("someone", "secret")

    reply = await sender.publish(WHEEL)

    assert isinstance(reply, Refused)
    assert (reply.status, reply.sentence.partition(" is ")[0]) == (
        403,
        "Username/Password authentication",
    )
