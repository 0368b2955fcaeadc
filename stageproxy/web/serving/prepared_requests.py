"""Requests that are answered without the application, from prepared answers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from aiohttp import hdrs, web
from aiohttp.http_parser import RawRequestMessage

from stageproxy.request_ids import new_request_id
from stageproxy.web.addresses import Network
from stageproxy.web.serving.forwarded import client_of_message, given_request_id
from stageproxy.web.serving.logs import Line
from stageproxy.web.serving.prepared import (
    PreparedAnswer,
    PreparedAnswers,
    key_of,
    lasts,
    prepared_from,
)
from stageproxy.web.serving.prepared_response import PreparedResponse

RequestHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
CountAnswer = Callable[[str, str, int, float], None]

_HANDLER = "preview"
"""The handler that would have answered, for the metrics."""
_LARGEST_AT_ONCE = 2**16
"""A larger body may not fit into the buffers of a connection: its sender has to wait."""


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

        `None` if there is none, or it is too large.
        """
        began = perf_counter()
        key = key_of(message)
        answer = self.answers.find(key) if key else None
        if answer is None or len(answer.body) > _LARGEST_AT_ONCE:
            return None
        sent = answer.head() + answer.body
        seconds = perf_counter() - began
        self.count(_HANDLER, hdrs.METH_GET, answer.status, seconds)
        if self.log is not None:
            self.log(self._line(message, peer, answer, seconds))
        return sent

    def _line(
        self, message: RawRequestMessage, peer: str, answer: PreparedAnswer, seconds: float
    ) -> Line:
        proxies = self.proxies
        client = client_of_message(message, peer, proxies) if proxies else peer
        given = given_request_id(message, peer, proxies) if proxies else None
        request_id = given or new_request_id()
        size = len(answer.body)
        return Line(
            client, hdrs.METH_GET, answer.log_path, answer.status, size, seconds, request_id
        )

    def handler_for(self, request: web.BaseRequest, handler: RequestHandler) -> RequestHandler:
        """Return what answers a request: its prepared answer, or the application.

        What the application answers is prepared.
        """
        message = request._message  # noqa: SLF001 - its headers as they were received
        key = key_of(message)
        if key is None:
            return handler
        answer = self.answers.find(key)
        if answer is not None:
            return self._sender(answer)
        state = self.answers.state

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            made = await handler(request)
            if lasts(made):
                # Its headers are complete after that.
                await made.prepare(request)
                prepared = prepared_from(made, message.path, state)
                if prepared is not None:
                    self.answers.add(key, prepared)
            return made

        return handle

    def _sender(self, answer: PreparedAnswer) -> RequestHandler:
        async def send(request: web.BaseRequest) -> web.StreamResponse:
            began = perf_counter()
            response = PreparedResponse(answer)
            await response.prepare(request)
            self.count(_HANDLER, hdrs.METH_GET, answer.status, perf_counter() - began)
            return response

        return send
