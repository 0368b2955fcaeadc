"""File uploads of PEP 694 over HTTP: announced, sent, completed, extended, deleted."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from stageproxy.core.errors import (
    InvalidRequestError,
    TooLargeError,
    UnprocessableError,
    UnsupportedTypeError,
)
from stageproxy.core.rights import Action
from stageproxy.core.stage.announcements import Announcement
from stageproxy.core.stage.file_uploads import FileUpload, UploadStatus, UploadStep
from stageproxy.core.stage.listing import whole_seconds
from stageproxy.web.bodies import ask_for_body, read_bytes
from stageproxy.web.documents.session_json import API_VERSION, MECHANISMS
from stageproxy.web.keys import COMPLETION, FILE_UPLOADS, SESSION_JSON, UPLOADS
from stageproxy.web.upload.pep694 import (
    Message,
    authenticate,
    authenticate_sender,
    message_response,
    read_message,
)
from stageproxy.web.upload.pep694_sessions import ExtendSession
from stageproxy.web.upload.starts import Start

_LONGEST_ATTESTATIONS = 2**17
_MOST_ATTESTATIONS = 20
_SLACK = 2**20
"""A file that is this much too long is refused at completion, with all its other problems."""
_RETRY_AFTER = {"Retry-After": "1"}


class AnnounceFile(Message):
    """Announce a file."""

    filename: Annotated[str, Field(min_length=1, max_length=255)]
    size: Annotated[int, Field(strict=True, ge=0)]
    hashes: Annotated[dict[str, str], Field(max_length=16)]
    mechanism: str


class CompleteFile(Message):
    """Complete a file upload."""


async def create_upload(request: web.Request) -> web.Response:
    """Announce a file: 202 with the URL of its bytes."""
    token = await authenticate(request)
    body = await read_message(request, AnnounceFile)
    if body.mechanism not in MECHANISMS:
        raise UnprocessableError(
            f"Unsupported mechanism {body.mechanism!r}. Use {' or '.join(MECHANISMS)}."
        )
    announced = Announcement(body.filename, body.size, body.hashes)
    stage, upload = await request.app[FILE_UPLOADS].create(token, _stage_id(request), announced)
    return _upload(request, stage.id, upload, HTTPStatus.ACCEPTED)


async def receive_bytes(request: web.Request) -> web.Response:
    """Receive the bytes of a file: 201."""
    token = await authenticate_sender(request)
    _check_type(request, "application/octet-stream")
    file_uploads, uploads = request.app[FILE_UPLOADS], request.app[UPLOADS]
    stage, upload = await file_uploads.get(token, *_ids(request), Action.UPLOAD)
    upload.after(UploadStep.SEND)
    uploads.check_room(upload.size)
    uploads.check_size(request.content_length or 0, stage.project)
    _check_length(request.content_length or 0, upload)
    await ask_for_body(request)
    start = Start(upload.filename)
    async with uploads.receive(md5="md5" in upload.hashes) as file:
        async for chunk in request.content.iter_any():
            uploads.check_size(file.size + len(chunk), stage.project)
            _check_length(file.size + len(chunk), upload)
            if error := start.find_error(chunk):
                raise error
            await file.write(chunk)
        await file_uploads.receive(token, *_ids(request), file)
    return web.Response(status=HTTPStatus.CREATED)


async def receive_attestations(request: web.Request) -> web.Response:
    """Receive the attestations of a file (PEP 740) before it is completed: 201."""
    token = await authenticate_sender(request)
    _check_type(request, "application/json")
    attestations = _array_of_objects(await read_bytes(request, _LONGEST_ATTESTATIONS))
    await request.app[FILE_UPLOADS].attest(token, *_ids(request), attestations)
    return web.Response(status=HTTPStatus.CREATED)


async def complete_upload(request: web.Request) -> web.Response:
    """Add the file to the stage: 201, or a problem, which fails the file upload for good."""
    token = await authenticate(request)
    await read_message(request, CompleteFile)
    upload = await request.app[COMPLETION].complete(token, *_ids(request))
    return _upload(request, _stage_id(request), upload, HTTPStatus.CREATED)


async def show_upload(request: web.Request) -> web.Response:
    """Return a file upload, even one that was canceled."""
    token = await authenticate(request)
    stage, upload = await request.app[FILE_UPLOADS].get(token, *_ids(request))
    return _upload(request, stage.id, upload)


async def delete_upload(request: web.Request) -> web.Response:
    """Cancel a file upload; if it was completed, withdraw its file: 204."""
    token = await authenticate(request)
    await request.app[FILE_UPLOADS].delete(token, *_ids(request))
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def extend_upload(request: web.Request) -> web.Response:
    """Extend a file upload, at most to the expiry of its stage."""
    token = await authenticate(request)
    body = await read_message(request, ExtendSession)
    stage, upload = await request.app[FILE_UPLOADS].extend(token, *_ids(request), body.by)
    return _upload(request, stage.id, upload)


def _upload(
    request: web.Request, stage_id: str, upload: FileUpload, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    url = request.app[SESSION_JSON].upload_url(stage_id, upload.id)
    headers = {} if status is HTTPStatus.OK else {"Location": url}
    if upload.status in {UploadStatus.PENDING, UploadStatus.PROCESSING}:
        headers |= _RETRY_AFTER
    return message_response(upload_json(upload, url), status, headers)


def upload_json(upload: FileUpload, url: str) -> Mapping[str, Any]:
    """Return PEP 694's file upload session object."""
    links = {"file-upload-session": url}
    if upload.status is UploadStatus.PENDING:
        links |= {"complete": f"{url}/complete", "extend": f"{url}/extend"}
    return {
        "meta": {"api-version": API_VERSION},
        "links": links,
        "status": upload.status.value,
        "expires-at": whole_seconds(upload.expires_at),
        "mechanism": {
            "identifier": MECHANISMS[0],
            "file_url": f"{url}/bytes",
            "attestations_url": f"{url}/attestations",
        },
        "notices": list(upload.notices),
    }


def _check_length(length: int, upload: FileUpload) -> None:
    if length > upload.size + _SLACK:
        raise InvalidRequestError(f"The body is longer than the {upload.size} bytes announced.")


def _check_type(request: web.Request, expected: str) -> None:
    if request.content_type != expected:
        raise UnsupportedTypeError(f"Content-Type must be {expected}.")


def _array_of_objects(content: bytes) -> str:
    """Return attestations as text. Their content is not checked: only promotion uses it."""
    try:
        document = json.loads(content)
        text = json.dumps(document, allow_nan=False, ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("The attestations are not JSON.") from error
    if not isinstance(document, list) or not all(isinstance(one, dict) for one in document):
        raise InvalidRequestError("Attestations must be a JSON array of objects (PEP 740).")
    if len(document) > _MOST_ATTESTATIONS:
        raise TooLargeError(f"A file can have at most {_MOST_ATTESTATIONS} attestations.")
    return text


def _stage_id(request: web.Request) -> str:
    return request.match_info["id"]


def _ids(request: web.Request) -> tuple[str, str]:
    return request.match_info["id"], request.match_info["upload"]
