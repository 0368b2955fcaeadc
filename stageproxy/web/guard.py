"""The outermost middleware: request checks, error responses and metrics."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import HttpVersion10, HttpVersion11, hdrs, web

from stageproxy.core.errors import InvalidRequestError, Kind, StageproxyError
from stageproxy.core.index.targets import check_raw_target
from stageproxy.request_ids import enter_request, leave_request, new_request_id
from stageproxy.web.access.refusals import record_refusal
from stageproxy.web.answers.departures import ClientGoneError
from stageproxy.web.errors import error_response, response_to
from stageproxy.web.keys import METRICS
from stageproxy.web.request_keys import REQUEST_ID

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_CLIENT_GONE = 499
_VERSIONS = (HttpVersion10, HttpVersion11)
_CHUNKED = "chunked"
_WITHOUT_BODY = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check a request, turn every error into a response, and count the request."""
    started = asyncio.get_running_loop().time()
    request[REQUEST_ID] = request.get(REQUEST_ID) or new_request_id()
    entered = enter_request(request[REQUEST_ID])
    try:
        answer = await _respond(request, handler)
    finally:
        leave_request(entered)
    seconds = asyncio.get_running_loop().time() - started
    request.app[METRICS].count_request(request, answer.status, seconds)
    return answer


async def _respond(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await _handle_or_refuse(request, handler)
    except web.HTTPException as error:
        _abort_if_started(request, error)
        return _http_error_response(error, request)
    except ClientGoneError:
        # Nobody receives it; it is counted.
        return web.Response(status=_CLIENT_GONE)
    except ConnectionError:
        raise
    except Exception as error:
        # The outermost middleware: an exception that reaches it is a bug.
        log.exception("%s failed", request.method)
        _abort_if_started(request, error)
        return error_response(
            request,
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "Internal server error. The server's log has its cause at the request id "
            f"{request[REQUEST_ID]}.",
        )


async def _handle_or_refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        _check_request(request)
        return await handler(request)
    except StageproxyError as error:
        _abort_if_started(request, error)
        if error.kind is Kind.DAMAGED:
            log.error("%s", error.sentence)  # noqa: TRY400 - the cause is known
        if error.limit:
            request.app[METRICS].limits.count_refusal(error.limit)
        await record_refusal(request, error)
        return response_to(error, request)


def _abort_if_started(request: web.Request, error: Exception) -> None:
    """Raise `ConnectionError` if a response has been started.

    A second response would end up inside the first one; closing the connection
    is the only way to show that it is incomplete.
    """
    if request.writer.output_size > 0:
        raise ConnectionError("The response has already started.") from error


def _check_request(request: web.Request) -> None:
    check_raw_target(request.raw_path)
    if request.version not in _VERSIONS:
        raise InvalidRequestError("Only HTTP/1.0 and HTTP/1.1 are supported.")
    if request.version == HttpVersion10 and hdrs.TRANSFER_ENCODING in request.headers:
        raise InvalidRequestError("HTTP/1.0 does not support Transfer-Encoding.")
    if request.headers.get(hdrs.TRANSFER_ENCODING, _CHUNKED).lower() != _CHUNKED:
        raise InvalidRequestError("The only supported Transfer-Encoding is chunked.")
    if request.method in _WITHOUT_BODY and request.body_exists:
        raise InvalidRequestError(f"A {request.method} request must not have a body.")


def _http_error_response(error: web.HTTPException, request: web.Request) -> web.StreamResponse:
    """Return an error of aiohttp's router in the format for the client."""
    if error.status < HTTPStatus.BAD_REQUEST:
        raise error
    status = HTTPStatus(error.status)
    answer = error_response(request, status, f"{status.value} {status.phrase}")
    if hdrs.ALLOW in error.headers:
        answer.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
    return answer
