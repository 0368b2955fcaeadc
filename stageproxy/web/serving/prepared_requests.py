"""Requests that are answered without the application, from prepared answers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

from aiohttp import hdrs, web
from aiohttp.http_parser import RawRequestMessage

from stageproxy.request_ids import new_request_id
from stageproxy.web.access.addresses import Network
from stageproxy.web.request_keys import REQUEST_ID
from stageproxy.web.serving.access_log import Line
from stageproxy.web.serving.forwarded import client_of_message, given_request_id
from stageproxy.web.serving.prepared import (
    PreparedAnswer,
    PreparedAnswers,
    Present,
    key_of,
    lasts,
    prepared_from,
)
from stageproxy.web.serving.prepared_response import PreparedResponse

RequestHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
CountAnswer = Callable[[str, str, int, float], None]

_HANDLER = "preview"
"""The handler that would have answered, for the metrics."""


class _Making(NamedTuple):
    """The key of a request, and the present before its answer was made."""

    key: bytes
    present: Present


class _Asked(NamedTuple):
    """A request, the address that it came from, and when it was read, in seconds."""

    message: RawRequestMessage
    peer: str
    began: float


_MAKING = web.ResponseKey("making", _Making)


@dataclass(frozen=True, slots=True)
class PreparedRequests:
    """Answers requests from prepared answers, and prepares those of the application.

    *count* counts an answer: handler, method, status, seconds. *log*: the access log, if there
    is one. *proxies*: those whose headers are believed.
    """

    answers: PreparedAnswers = field(repr=False)
    count: CountAnswer
    log: Callable[[Line], None] | None
    proxies: Sequence[Network] = ()

    def answer_at_once(self, message: RawRequestMessage, peer: str) -> bytes | None:
        """Return the bytes of the answer to a request, which is logged and counted.

        `None` if there is none, or its body is large or a file: then its sender has to wait.
        """
        began = perf_counter()
        present = self.answers.present
        key = key_of(message) if present is not None else None
        if present is None or key is None:
            return None
        return self._answer(key, _Asked(message, peer, began), present)

    def answer_soon(
        self, message: RawRequestMessage, peer: str, send: Callable[[bytes | None], None]
    ) -> bool:
        """Return whether there is an answer that may hold, which the catalogue is asked for.

        *send* then gets its bytes once that is known, or `None` if it does not hold.
        """
        began = perf_counter()
        key = key_of(message) if self.answers.present is None else None
        if key is None or not self.answers.has(key):
            return False
        asked = _Asked(message, peer, began)

        def answer(present: Present | None) -> None:
            send(self._answer(key, asked, present) if present else None)

        self.answers.ask_present(answer)
        return True

    def _answer(self, key: bytes, asked: _Asked, present: Present) -> bytes | None:
        answer = self.answers.find(key, present)
        body = answer.body if answer else None
        if answer is None or not isinstance(body, bytes):
            return None
        sent = answer.head() + body
        seconds = perf_counter() - asked.began
        self.count(_HANDLER, hdrs.METH_GET, answer.status, seconds)
        if self.log is not None:
            self.log(self._line(asked.message, asked.peer, answer, len(sent), seconds))
        return sent

    def _line(
        self,
        message: RawRequestMessage,
        peer: str,
        answer: PreparedAnswer,
        size: int,
        seconds: float,
    ) -> Line:
        proxies = self.proxies
        client = client_of_message(message, peer, proxies) if proxies else peer
        given = given_request_id(message, peer, proxies) if proxies else None
        request_id = given or new_request_id()
        return client, hdrs.METH_GET, answer.log_path, answer.status, size, seconds, request_id

    def handler_for(self, request: web.BaseRequest, handler: RequestHandler) -> RequestHandler:
        """Return what answers a request: its prepared answer, or the application.

        What the application answers is kept when it has been sent.
        """
        message = request._message  # noqa: SLF001 - its headers as they were received
        key = key_of(message)
        if key is None:
            return handler
        known = self.answers.present

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            present = known or await self.answers.present_now()
            if present is None:
                return await handler(request)
            answer = self.answers.find(key, present)
            prepared = await PreparedResponse.to(answer) if answer else None
            if prepared is not None:
                # For the access log: no middleware gives it one.
                request[REQUEST_ID] = request.get(REQUEST_ID) or new_request_id()
                self.count(_HANDLER, hdrs.METH_GET, prepared.status, 0.0)
                return prepared
            made = await handler(request)
            if lasts(made):
                made[_MAKING] = _Making(key, present)
            return made

        return handle

    def keep(self, request: web.BaseRequest, sent: web.StreamResponse) -> None:
        """Keep the answer to a request, which has been sent, if it lasts."""
        making = sent.get(_MAKING)
        if making is None:
            return
        prepared = prepared_from(sent, request.raw_path, making.present)
        if prepared is not None:
            self.answers.add(making.key, prepared)
