"""Here is POST of the legacy upload API, which twine, uv publish and all others speak."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from stageproxy.core.errors import (
    GoneError,
    InvalidRequestError,
    Problem,
    RefusedError,
    TooLargeError,
)
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.rules.findings import Level
from stageproxy.core.rules.table import form_findings
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import IncomingFile
from stageproxy.services.access import require
from stageproxy.services.examine import IncomingUpload
from stageproxy.services.uploads import UploadResult
from stageproxy.web.auth import authenticate
from stageproxy.web.bodies import LONGEST_FORM
from stageproxy.web.keys import PREVIEWS, SESSION_JSON, UPLOADS, URLS
from stageproxy.web.session_json import UPLOAD_2_0, Api, json_response
from stageproxy.web.stage_path import split_stage_path

LONGEST_FIELD = 2**20
MOST_PARTS = 1000

_CHUNK = 2**20
_CONTENT = "content"
_BROKEN = (ValueError, AssertionError, LookupError, RuntimeError, HttpProcessingError)
_SIGNATURE = "gpg_signature"
_FORMER_ACTIONS: Mapping[str, str] = {
    "submit": "Project pre-registration is no longer required or supported, upload your files "
    "instead.",
    "submit_pkg_info": "Project pre-registration is no longer required or supported, upload your "
    "files instead.",
    "doc_upload": "Uploading documentation is no longer supported.",
}


@dataclass(slots=True)
class _Form:
    """What has come in of a form: PyPI's fields in their order, and the one file."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0
    filename: str | None = None
    content_type: str | None = None
    file: IncomingFile | None = None
    wants_session: bool = False
    problems: list[Problem] = field(default_factory=list)

    def value_of(self, name: str) -> str | None:
        """Return a field's first value."""
        return next((value for key, value in self.fields if key == name), None)


async def upload(request: web.Request) -> web.Response:
    """Take a file into the stage of its release, opened if need be."""
    _check_action(request.query.get(":action"))
    token = await authenticate(request)
    return await _take(request, token, None)


async def upload_to_stage(request: web.Request) -> web.Response:
    """Take a file into the stage of the URL. The credential is looked at first, then the stage."""
    token = await authenticate(request)
    project, stage_token, _ = split_stage_path(request)
    stage = await request.app[PREVIEWS].open_stage(project, stage_token)
    require(token, Action.UPLOAD, stage.project, stage.version or token.version)
    return await _take(request, token, stage)


async def moved(request: web.Request) -> web.Response:
    """Say where uploads go, to clients that know PyPI's first address for them."""
    raise GoneError(f"This API has moved to {request.app[URLS].public_url}/legacy/.")


async def _take(request: web.Request, token: ApiToken, into: Stage | None) -> web.Response:
    async with AsyncExitStack() as stack:
        form = await _receive(request, stack)
        _check_action(form.value_of(":action") or request.query.get(":action"))
        if form.problems:
            raise RefusedError(form.problems)
        if form.file is None or form.filename is None:
            raise await asyncio.to_thread(_without_file, form)
        incoming = IncomingUpload(tuple(form.fields), form.filename, form.content_type, form.file)
        result = await request.app[UPLOADS].accept(token, incoming, into=into)
    return _answer(request, result, token, wants_session=form.wants_session)


def _check_action(action: str | None) -> None:
    if action is None:
        return
    if action in _FORMER_ACTIONS:
        raise GoneError(_FORMER_ACTIONS[action])
    if action != "file_upload":
        raise InvalidRequestError(f"There is no action {action!r}: uploads say file_upload.")


async def _receive(request: web.Request, stack: AsyncExitStack) -> _Form:
    """Read the form part by part: fields into memory, bounded; the file onto the disk."""
    form = _Form()
    async for part in _parts(request):
        name = part.name or ""
        if part.filename is None:
            await _receive_field(form, name, part)
        elif name == _CONTENT and form.file is None:
            await _receive_file(request, form, part, stack)
        else:
            await _pass_over(form, name, part)
    return form


async def _parts(request: web.Request) -> AsyncIterator[BodyPartReader]:
    with _broken_forms_told():
        if request.content_type != "multipart/form-data":
            raise ValueError(request.content_type)
        reader = await request.multipart()
        count = 0
        while (part := await reader.next()) is not None:
            count += 1
            if count > MOST_PARTS:
                raise TooLargeError(f"The form has more than {MOST_PARTS} parts.")
            if isinstance(part, MultipartReader):
                raise InvalidRequestError("The form has a part that is a form itself.")
            yield part


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    with _broken_forms_told():
        while chunk := await part.read_chunk(_CHUNK):
            yield chunk


@contextmanager
def _broken_forms_told() -> Iterator[None]:
    """Say in our words that a form cannot be read; aiohttp has many kinds of errors for that."""
    try:
        yield
    except _BROKEN as error:
        raise InvalidRequestError("Invalid Form Data.") from error


async def _receive_field(form: _Form, name: str, part: BodyPartReader) -> None:
    value = b""
    async for chunk in _chunks(part):
        value += chunk
        form.size += len(chunk)
        if len(value) > LONGEST_FIELD or form.size > LONGEST_FORM:
            raise TooLargeError(f"The field {name[:80]} is longer than is taken here.")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        form.problems.append(Problem(name, f"{name}: the value is not UTF-8."))
        return
    if name == "staged":
        form.wants_session = text.lower() == "true"
    elif name == _CONTENT:
        form.problems.append(Problem(name, "Upload payload does not have a file."))
    else:
        form.fields.append((name, text))


async def _receive_file(
    request: web.Request, form: _Form, part: BodyPartReader, stack: AsyncExitStack
) -> None:
    uploads = request.app[UPLOADS]
    file = await stack.enter_async_context(uploads.receive())
    async for chunk in _chunks(part):
        uploads.check_size(file.size + len(chunk), form.value_of("name") or "")
        await file.write(chunk)
    form.file = file
    form.filename = part.filename
    form.content_type = part.headers.get("Content-Type")


async def _pass_over(form: _Form, name: str, part: BodyPartReader) -> None:
    """Read a file that is not wanted to its end. Signatures have been ignored for years."""
    if name == _CONTENT:
        form.problems.append(Problem(name, "Upload payload has more than one file."))
    elif name != _SIGNATURE:
        form.problems.append(Problem(name, f"{name}: Should not be a tuple."))
    async for chunk in _chunks(part):
        form.size += len(chunk)
        if form.size > LONGEST_FORM:
            raise TooLargeError(f"The part {name[:80]} is longer than is taken here.")


def _without_file(form: _Form) -> RefusedError:
    """Return everything that is wrong with a form that came without a file, in PyPI's order."""
    found = form_findings(tuple(form.fields))
    problems = [Problem(one.source, one.message) for one in found if one.level is Level.REFUSE]
    return RefusedError([*problems, Problem(_CONTENT, "Upload payload does not have a file.")])


def _answer(
    request: web.Request, result: UploadResult, token: ApiToken, *, wants_session: bool
) -> web.Response:
    """Say what became of the file. Most uploaders print none of it, twine does with --verbose."""
    if result.stage is None:
        return _plain("OK\nPyPI has this very file already: nothing was staged.\n")
    if wants_session:
        told = request.app[SESSION_JSON].of
        document = told(result.stage, token, Api.SESSIONS, _outcome=result.outcome.value)
        return json_response(document, headers={"Content-Type": UPLOAD_2_0})
    url = request.app[URLS].url_of(result.stage)
    return _plain(
        f"OK\n{url}\npip --isolated install --index-url {url}simple/ "
        f"{result.stage.project}=={result.stage.version}\n"
    )


def _plain(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/plain", headers={"Cache-Control": "no-store"})
