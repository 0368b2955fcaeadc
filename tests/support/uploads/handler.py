"""The handlers of uploads to a fake index: PyPI's sentences in PyPI's formats, and faults."""

import asyncio
import json
from html import escape
from http import HTTPStatus

from aiohttp import web

from tests.support.index.history import Attempt
from tests.support.uploads.fake_uploads import FakeUploads
from tests.support.uploads.faults import Fault, FaultPoint, fail
from tests.support.uploads.forms import IncomingBody, has_filename, has_half, raw_headers
from tests.support.uploads.rules import Refusal

UPLOADS = web.AppKey("uploads", FakeUploads)
YES = b"200 OK\n\n\n\n\n\n\n"
VARY = {"Vary": "Cookie, Authorization, PyPI-Locale"}
MALFORMED = (
    "The server could not comply with the request since it is either malformed or otherwise "
    "incorrect."
)
WRONG_URL = (
    "An upload was attempted to /legacy but the expected upload URL is /legacy/ "
    "(with a trailing slash)"
)
GONE = "Project pre-registration is no longer required or supported, upload your files instead."


async def receive_upload(request: web.Request) -> web.Response:
    """Accept a file, refuse it, or fail as planned."""
    if request.query.get(":action") in {"submit", "submit_pkg_info"}:
        return refused(request, Refusal(HTTPStatus.GONE, GONE))
    uploads = request.app[UPLOADS]
    attempt = uploads.history.add_attempt(uploads.clock.now().isoformat(), raw_headers(request))
    try:
        return await _receive(request, uploads, attempt)
    except (web.RequestPayloadError, ConnectionError):
        # The client disconnected; the history has it.
        return web.Response()


async def go_to_slash(request: web.Request) -> web.Response:
    """Redirect a URL without the slash, with a sentence."""
    answer = refused(request, Refusal(HTTPStatus.PERMANENT_REDIRECT, WRONG_URL))
    answer.headers["Location"] = f"{request.url.origin()}/legacy/"
    return answer


async def _receive(request: web.Request, uploads: FakeUploads, attempt: Attempt) -> web.Response:
    body = IncomingBody(request)
    await body.until(has_filename)
    uploads.history.set_filename(attempt, body.filename)
    fault = uploads.fault_of(attempt)
    if _is_now(fault, FaultPoint.BEFORE):
        return await _failed(request, attempt, fault)
    await body.until(has_half)
    if _is_now(fault, FaultPoint.MIDWAY):
        return await _failed(request, attempt, fault)
    await asyncio.sleep(uploads.halfway)
    await body.until(lambda _: False)
    form = body.form
    attempt.fields, attempt.sha256 = form.fields, form.sha256
    attempt.size = len(form.file.content) if form.file else 0
    if _is_now(fault, FaultPoint.READ):
        return await _failed(request, attempt, fault)
    # PyPI processes what it has read, whether or not the client is still connected.
    authorization = request.headers.get("Authorization", "")
    answer = await asyncio.shield(uploads.accept(form, authorization, attempt))
    if _is_now(fault, FaultPoint.ACCEPTED):
        return await _failed(request, attempt, fault)
    response = _accepted() if answer is None else refused(request, answer)
    attempt.answer = str(response.status)
    return response


def _is_now(fault: Fault | None, point: FaultPoint) -> bool:
    return fault is not None and fault.point is point


async def _failed(request: web.Request, attempt: Attempt, fault: Fault | None) -> web.Response:
    assert fault is not None
    attempt.answer = f"{fault.kind} {fault.point}"
    return await fail(request, fault)


def _accepted() -> web.Response:
    headers = {**VARY, "Content-Type": "text/plain; charset=UTF-8"}
    return web.Response(body=YES, headers=headers)


def refused(request: web.Request, refusal: Refusal) -> web.Response:
    """Return a refusal: its sentence in the status line, and in the accepted format of the body."""
    sentence = refusal.sentence.encode("ascii", "replace").decode()
    title = f"{refusal.status.value} {sentence}"
    accept = request.headers.get("Accept")
    headers = dict(VARY)
    if accept is None or accept.startswith("text/plain"):
        headers["Content-Type"] = "text/plain; charset=UTF-8"
        text = f"{title}\n\n{MALFORMED}\n\n\n{sentence}\n\n"
    elif "application/json" in accept:
        headers["Content-Type"] = "application/json"
        message = f"{MALFORMED}\n\n\n{sentence}\n\n"
        document = {"message": message, "code": title, "title": refusal.status.phrase}
        text = json.dumps(document)
    else:
        headers["Content-Type"] = "text/html; charset=UTF-8"
        head = f"<html>\n <head>\n  <title>{escape(title)}</title>\n </head>\n <body>\n"
        content = f"  <h1>{escape(title)}</h1>\n  {MALFORMED}<br/><br/>\n{escape(sentence)}\n"
        text = f"{head}{content}\n\n </body>\n</html>"
    return web.Response(status=refusal.status, reason=sentence, headers=headers, body=text.encode())


UPLOAD_ROUTES = [
    web.post("/legacy/", receive_upload),
    web.post("/legacy", go_to_slash),
]
