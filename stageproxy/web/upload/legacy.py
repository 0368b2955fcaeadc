"""The legacy upload API, which twine, uv publish and all other uploaders use."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from aiohttp import web

from stageproxy.core.errors import GoneError, InvalidRequestError, NotFoundError
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.rules.findings import HEADINGS, Level, in_order, texts_by_level
from stageproxy.core.stage.accept import Outcome
from stageproxy.core.stage.install_commands import install_commands
from stageproxy.core.stage.stage import Stage
from stageproxy.services.access import require
from stageproxy.services.upload.uploads import UploadResult
from stageproxy.web.access.auth import authenticate
from stageproxy.web.bodies import ask_for_body
from stageproxy.web.documents.session_json import UPLOAD_2_0, Api, json_response
from stageproxy.web.documents.stage_document import stage_document
from stageproxy.web.keys import STAGE_FINDINGS, UPLOADS, URLS
from stageproxy.web.stage_path import open_stage
from stageproxy.web.upload.legacy_form import FormReader

_FORMER_ACTIONS: Mapping[str, str] = {
    "submit": "Project pre-registration is no longer required or supported, upload your files "
    "instead.",
    "submit_pkg_info": "Project pre-registration is no longer required or supported, upload your "
    "files instead.",
    "doc_upload": "Uploading documentation is no longer supported, we recommend using "
    "https://readthedocs.org/.",
}

_NO_PAGE = (
    "The file is staged, but nothing can be installed from the stage yet: it has no page while "
    "that of PyPI cannot be read. {}"
)


_SAID = (Level.REFUSE, Level.WARN)
"""The findings that uploaders are told, which show them in their log at most."""


async def upload(request: web.Request) -> web.Response:
    """Accept a file into the stage of its release, which is opened if needed."""
    if action := request.query.get(":action"):
        _check_action(action)
    token = await authenticate(request)
    return await _accept(request, token, None)


async def upload_to_stage(request: web.Request) -> web.Response:
    """Accept a file into the stage of the URL. Check the credential first, then the stage."""
    token = await authenticate(request)
    stage = await open_stage(request)
    require(token, Action.UPLOAD, stage.project, stage.version or token.version)
    return await _accept(request, token, stage)


async def refuse_without_slash(_request: web.Request) -> web.Response:
    """Report the missing slash. PyPI redirects, but no uploader follows a redirect."""
    raise InvalidRequestError(
        "An upload was attempted to /legacy but the expected upload URL is /legacy/ "
        "(with a trailing slash)"
    )


async def moved(request: web.Request) -> web.Response:
    """Report the address of the API to clients that use PyPI's first one."""
    raise GoneError(f"This API has moved to {request.app[URLS].public_url}/legacy/.")


async def _accept(request: web.Request, token: ApiToken, into: Stage | None) -> web.Response:
    async with AsyncExitStack() as stack:
        form = FormReader(request.app[UPLOADS], token, stack)
        # Before the body is read: nobody sends a file for minutes that cannot be stored.
        request.app[UPLOADS].check_room(request.content_length or 0)
        await ask_for_body(request)
        await form.read(request)
        _check_action(form.value_of(":action") or request.query.get(":action"))
        incoming = await form.incoming_upload()
        result = await request.app[UPLOADS].accept(token, incoming, into=into)
    if form.wants_session and result.stage:
        return await _session(request, result.stage, token, result.outcome)
    return await _response(request, result)


def _check_action(action: str | None) -> None:
    if not action:
        raise NotFoundError("Not Found: the upload has no :action. Use file_upload.")
    if action in _FORMER_ACTIONS:
        raise GoneError(_FORMER_ACTIONS[action])
    if action != "file_upload":
        raise NotFoundError(f"Not Found: unknown :action {action!r}. Use file_upload.")


async def _session(
    request: web.Request, stage: Stage, token: ApiToken, outcome: Outcome
) -> web.Response:
    document = await stage_document(request, stage, token, Api.SESSIONS, _outcome=outcome.value)
    return json_response(document, headers={"Content-Type": UPLOAD_2_0})


async def _response(request: web.Request, result: UploadResult) -> web.Response:
    """Return the outcome of an upload. Only `twine --verbose` prints it."""
    if result.stage is None:
        return _plain("OK\nPyPI already has this file: nothing was staged.\n")
    url = request.app[URLS].url_of(result.stage)
    commands = install_commands(url, result.stage.project, result.stage.version)
    findings = texts_by_level(in_order(await request.app[STAGE_FINDINGS].of(result.stage)))
    lines = [f"{HEADINGS[level]}: {text}" for level in _SAID for text in findings.get(level, ())]
    if result.why_no_page:
        lines.append(_NO_PAGE.format(result.why_no_page))
    return _plain("".join(f"{line}\n" for line in ("OK", url, commands.pip, *lines)))


def _plain(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/plain", headers={"Cache-Control": "no-store"})
