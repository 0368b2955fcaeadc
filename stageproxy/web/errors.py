"""Error responses: one message in four formats, depending on the client."""

import json
import re
from collections.abc import Mapping
from enum import Enum, auto
from http import HTTPStatus

from aiohttp import web

from stageproxy.core.errors import (
    Kind,
    MissingCredentialError,
    Problem,
    StageExistsError,
    StageproxyError,
    UnknownCredentialError,
)
from stageproxy.core.index.negotiation import best_offer
from stageproxy.web.answers.conditional import etag_of
from stageproxy.web.documents.session_json import API_VERSION, Api
from stageproxy.web.error_pages import error_page
from stageproxy.web.keys import HELP_PAGES, URLS

STATUS_OF: Mapping[Kind, HTTPStatus] = {
    Kind.INVALID: HTTPStatus.BAD_REQUEST,
    Kind.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Kind.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Kind.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Kind.GONE: HTTPStatus.GONE,
    Kind.CONFLICT: HTTPStatus.CONFLICT,
    Kind.NOT_ACCEPTABLE: HTTPStatus.NOT_ACCEPTABLE,
    Kind.UNSUPPORTED_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Kind.UNPROCESSABLE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Kind.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Kind.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    Kind.TOO_MANY: HTTPStatus.TOO_MANY_REQUESTS,
    Kind.UPSTREAM_FAILED: HTTPStatus.BAD_GATEWAY,
    Kind.UPSTREAM_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Kind.UPSTREAM_SLOW: HTTPStatus.GATEWAY_TIMEOUT,
    Kind.NO_ROOM: HTTPStatus.INSUFFICIENT_STORAGE,
    Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Kind.DAMAGED: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_UPLOAD_PATHS = ("/legacy", "/pypi")
_LONGEST_REASON = 500
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="stageproxy", charset="UTF-8"'}
_RETRY = {"Retry-After": "5"}
_CLOSE = {"Connection": "close"}
_PRIVATE = {"Cache-Control": "private, no-cache"}
_HEADERS_OF = {
    Kind.UPSTREAM_UNAVAILABLE: _RETRY,
    Kind.UPSTREAM_SLOW: _RETRY,
    Kind.UNAVAILABLE: _RETRY,
    Kind.TOO_SLOW: _CLOSE,
}


class Shape(Enum):
    """The four formats of an error response."""

    TEXT = auto()
    LEGACY = auto()
    PROBLEM = auto()
    PAGE = auto()


def shape_of(request: web.Request) -> Shape:
    """Return the format of error responses to a request, by its path."""
    path = request.raw_path.partition("?")[0]
    if path.startswith(("/api/", "/upload/")):
        return Shape.PROBLEM
    if path == "/" or path.startswith("/desk/"):
        return Shape.PAGE
    if path.rstrip("/").endswith(_UPLOAD_PATHS) and request.method == "POST":
        return Shape.LEGACY
    return Shape.TEXT


def response_to(error: StageproxyError, request: web.Request) -> web.Response:
    """Return the response to an error."""
    shape = shape_of(request)
    status = _status_of(error, shape)
    problems = tuple(request.app[HELP_PAGES].explained(one) for one in error.problems)
    is_first = bool(problems) and error.sentence == error.problems[0].message
    sentence = problems[0].message if is_first else error.sentence
    answer = error_response(request, status, sentence, problems)
    answer.headers.update(_headers_for(error, status, request))
    return answer


def error_response(
    request: web.Request,
    status: HTTPStatus,
    sentence: str,
    problems: tuple[Problem, ...] = (),
) -> web.Response:
    """Return a response with *status* and *sentence* in the format for the client."""
    match shape_of(request):
        case Shape.TEXT:
            return _text(status, sentence)
        case Shape.LEGACY:
            return _legacy(request, status, sentence, problems)
        case Shape.PROBLEM:
            return _problem(status, sentence, problems)
        case Shape.PAGE:
            return error_page(request, status, sentence, problems)


def early_response(request: web.Request, status: HTTPStatus, sentence: str) -> web.Response:
    """Return a response to a request that no application has: text where others get a page."""
    if shape_of(request) is Shape.PAGE:
        return _text(status, sentence)
    return error_response(request, status, sentence)


def _status_of(error: StageproxyError, shape: Shape) -> HTTPStatus:
    """Return the status. PyPI's upload API answers 403 to an unknown token."""
    if shape is Shape.LEGACY and isinstance(error, UnknownCredentialError):
        return HTTPStatus.FORBIDDEN
    return STATUS_OF[error.kind]


def _headers_for(
    error: StageproxyError, status: HTTPStatus, request: web.Request
) -> dict[str, str]:
    if status is HTTPStatus.UNAUTHORIZED or isinstance(error, MissingCredentialError):
        return _CHALLENGE
    if isinstance(error, StageExistsError):
        api = Api.SESSIONS if request.path.startswith("/upload/") else Api.STAGES
        return {"Location": f"{request.app[URLS].public_url}/{api}/{error.stage_id}"}
    known = {"Retry-After": error.retry_after} if error.retry_after else {}
    return {**_HEADERS_OF.get(error.kind, {}), **known}


def _text(status: HTTPStatus, sentence: str) -> web.Response:
    # Upstream's part of a sentence may be invalid UTF-8.
    body = sentence.encode(errors="replace")
    headers = {**_PRIVATE, "ETag": etag_of(body)}
    return web.Response(
        body=body, status=status, content_type="text/plain", charset="utf-8", headers=headers
    )


def _legacy(
    request: web.Request, status: HTTPStatus, sentence: str, problems: tuple[Problem, ...]
) -> web.Response:
    """Return the sentence as reason phrase and body: some uploaders print only one of them."""
    reason = reason_phrase(sentence)
    offers = ["text/plain", "application/json"]
    if best_offer(request.headers.get("Accept", ""), offers) == "application/json":
        document = {
            "message": "\n".join(one.message for one in problems) or sentence,
            "code": f"{status.value} {reason}",
            "title": status.phrase,
        }
        return _json(status, document, "application/json", reason)
    others = [one.message for one in problems if one.message != sentence]
    in_full = [sentence] if _body_line(sentence) != reason else []
    text = "\n".join([reason, *map(_body_line, [*in_full, *others])])
    return web.Response(
        text=text, status=status, reason=reason, content_type="text/plain", headers=_PRIVATE
    )


def _problem(status: HTTPStatus, sentence: str, problems: tuple[Problem, ...]) -> web.Response:
    """Return a problem document (RFC 9457). PEP 694 names `detail` `details`; both are set."""
    document = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": sentence,
        "details": sentence,
        "errors": [{"source": one.source, "message": one.message} for one in problems],
        "meta": {"api-version": API_VERSION},
    }
    return _json(status, document, "application/problem+json", None)


def _json(
    status: HTTPStatus, document: Mapping[str, object], content_type: str, reason: str | None
) -> web.Response:
    # No charset parameter: uv compares the media type literally.
    return web.Response(
        body=json.dumps(document).encode(),
        status=status,
        reason=reason,
        headers={**_PRIVATE, "Content-Type": content_type},
    )


def _body_line(sentence: str) -> str:
    """Return a sentence as a line of a body, with `?` for unprintable characters."""
    one_line = " ".join(sentence.split())
    return "".join(one if one.isprintable() else "?" for one in one_line)


def reason_phrase(sentence: str) -> str:
    """Return a sentence as a reason phrase: one line of printable ASCII of limited length."""
    one_line = " ".join(sentence.split())
    return _UNPRINTABLE.sub("?", one_line)[:_LONGEST_REASON]
