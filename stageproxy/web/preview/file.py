"""Staged files, and the core metadata of staged wheels."""

from http import HTTPStatus
from typing import IO, Any

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from stageproxy.core.index.pages import NEVER_STALE, own_document
from stageproxy.core.index.targets import FileTarget
from stageproxy.core.installers import is_installer
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import BytesElsewhere, BytesOnDisk
from stageproxy.services.preview import StagedBytes
from stageproxy.web.answers.conditional import conditional, matches, may_match
from stageproxy.web.answers.headers import IMMUTABLE, only_text
from stageproxy.web.answers.lasting import LASTING, Lasting
from stageproxy.web.answers.ranges import Part, UnsatisfiableRangeError, requested_part
from stageproxy.web.keys import PREVIEWS
from stageproxy.web.preview.pass_through import pass_through
from stageproxy.web.preview.passed_on import passed_on, redirect_to_store
from stageproxy.web.stage_path import temporary_redirect

_BINARY = "application/octet-stream"
_CONDITIONS = (
    hdrs.IF_MATCH,
    hdrs.IF_MODIFIED_SINCE,
    hdrs.IF_NONE_MATCH,
    hdrs.IF_RANGE,
    hdrs.IF_UNMODIFIED_SINCE,
    hdrs.RANGE,
)


async def answer_file(request: web.Request, stage: Stage, target: FileTarget) -> web.StreamResponse:
    """Return a staged file or a range of it. Use upstream's if it is not staged or is published."""
    previews = request.app[PREVIEWS]
    published = await previews.find_published(stage, target)
    if published is not None:
        return temporary_redirect(published)
    if target.of_metadata:
        core_metadata = await previews.find_core_metadata(stage, target)
        if core_metadata is not None:
            headers = {"Content-Type": _BINARY, "Cache-Control": IMMUTABLE}
            document = own_document(core_metadata, _BINARY)
            return _lasting(request, stage, await conditional(request, document, headers))
        return await pass_through(request, stage, target.path)
    staged = await previews.find_file(stage, target)
    if staged is None:
        return await pass_through(request, stage, target.path)
    if _may_redirect(request) and isinstance(staged.stored, BytesElsewhere) and staged.stored.sign:
        return redirect_to_store(await staged.stored.sign())
    answer = await _staged_file(request, staged)
    # Any other answer does not show that the file is damaged by now.
    return _lasting(request, stage, answer) if isinstance(answer, _StagedFile) else answer


def _may_redirect(request: web.Request) -> bool:
    """Return whether a client follows a redirect, and checks the hash of what it gets."""
    is_get = request.method == hdrs.METH_GET
    return is_get and is_installer(request.headers.get(hdrs.USER_AGENT, ""))


def _lasting(request: web.Request, stage: Stage, answer: web.StreamResponse) -> web.StreamResponse:
    """Return an answer that upstream has no part in: it lasts until the stage changes."""
    answer[LASTING] = Lasting(NEVER_STALE, request.app[PREVIEWS].next_change(stage))
    return answer


class _StagedFile(web.FileResponse):
    """A staged file, or a *part* of it. Its validator is its digest, not its time on disk."""

    def __init__(self, stored: BytesOnDisk, headers: dict[str, str], part: Part | None) -> None:
        super().__init__(stored.path)
        self._own = headers
        self._part = part
        self._stored = stored

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the file. aiohttp gets a request in which all conditions are decided already."""
        headers = CIMultiDict(request.headers)
        for name in _CONDITIONS:
            headers.popall(name, None)
        if self._part is not None:
            headers[hdrs.RANGE] = f"bytes={self._part.first}-{self._part.last}"
        writer = await super().prepare(request.clone(headers=only_text(headers)))
        if self._is_shorter():
            # The client would take the next answer for the rest of this one.
            raise ConnectionResetError("The file has become shorter.")
        return writer

    def _is_shorter(self) -> bool:
        """Return whether the file has lost bytes while it was sent. One that is deleted has not."""
        try:
            return self._stored.path.stat().st_size < self._stored.size
        except FileNotFoundError:
            return False

    async def _sendfile(
        self,
        request: web.BaseRequest,
        fobj: IO[Any],
        offset: int,
        count: int,
    ) -> AbstractStreamWriter:
        writer = await super()._sendfile(request, fobj, offset, count)
        if self._eof_sent:
            # The system has sent the file: aiohttp has counted the headers only.
            self._body_length += count
        return writer

    async def _prepare_headers(self) -> None:
        self.headers.popall(hdrs.LAST_MODIFIED, None)
        if self.status < HTTPStatus.BAD_REQUEST:
            self.headers.update(self._own)
        await super()._prepare_headers()


async def _staged_file(request: web.Request, staged: StagedBytes) -> web.StreamResponse:
    artifact = staged.artifact
    etag = f'"{artifact.sha256}"'
    caching = {"ETag": etag, "Cache-Control": IMMUTABLE}
    if not may_match(request, etag):
        return web.Response(status=HTTPStatus.PRECONDITION_FAILED)
    if matches(request, etag):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=caching)
    try:
        part = requested_part(request, etag, artifact.size)
    except UnsatisfiableRangeError:
        return web.Response(
            status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            headers={"Content-Range": f"bytes */{artifact.size}"},
        )
    headers = {
        **caching,
        "Content-Type": _BINARY,
        "Content-Disposition": f'attachment; filename="{artifact.filename}"',
    }
    match staged.stored:
        case BytesOnDisk() as stored:
            return _StagedFile(stored, headers, part)
        case BytesElsewhere() as stored:
            return await passed_on(request, stored, artifact.sha256, headers, part)
