"""The client of the legacy upload API, which PyPI has."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from typing import BinaryIO

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout
from multidict import CIMultiDict
from yarl import URL

from stageproxy.core.errors import DamagedArtifactError
from stageproxy.core.promotion.replies import Accepted, Reply, Unanswered, reply_of
from stageproxy.core.rights import Credential
from stageproxy.ports import UploadRequest
from stageproxy.upstream.multipart import UploadBody
from stageproxy.upstream.pip_index import without_credentials
from stageproxy.upstream.session import USER_AGENT, authorized

_LONGEST_ANSWER = 2**16
_PLAIN = frozenset({"", "identity"})
_BODY_SECONDS = 10
"""How long the rest of a response may take after its status is known."""


class HttpUploadClient:
    """The legacy upload API at a URL; see `ports.UploadClient`.

    *session*: one without keep-alive (`open_session`). If upstream closed a reused
    connection, the outcome of an upload that never began would be unknown.
    *idle_timeout*: how long no bytes may be sent or received.
    """

    def __init__(self, session: ClientSession, url: str, *, idle_timeout: timedelta) -> None:
        self._session = session
        self._url = without_credentials(URL(url))
        self._idle_seconds = idle_timeout.total_seconds()
        # The read timeout of the session is meant for pages, and too short for uploads.
        self._timeout = ClientTimeout(total=None, sock_connect=session.timeout.sock_connect)

    async def publish(
        self, upload_request: UploadRequest, credential: Credential, report: Callable[[int], None]
    ) -> Reply:
        """Send an artifact once, and return the reply."""
        with _opened(upload_request) as file:
            body = UploadBody(upload_request, file)
            reply = await self._try_to_send(body, credential, report)
        if body.damage is not None:
            raise body.damage
        if isinstance(reply, Accepted) and not body.is_complete:
            return Unanswered("The upload API accepted the file before it was complete.")
        return reply

    async def _try_to_send(
        self, body: UploadBody, credential: Credential, report: Callable[[int], None]
    ) -> Reply:
        """Send a body. After an error on the way the outcome is unknown."""
        try:
            return await self._send(body, credential, report)
        except TimeoutError:
            return Unanswered("The upload API did not answer in time.")
        except (ClientError, OSError) as error:
            kind = type(error).__name__
            return Unanswered(
                f"The upload API cannot be reached, or the connection was lost ({kind})."
            )

    async def _send(
        self, body: UploadBody, credential: Credential, report: Callable[[int], None]
    ) -> Reply:
        loop = asyncio.get_running_loop()

        def progress(sent: int) -> None:
            # The last bytes may be sent just as the block below is left.
            with suppress(RuntimeError):
                idle.reschedule(loop.time() + self._idle_seconds)
            report(sent)

        async with asyncio.timeout(self._idle_seconds) as idle, AsyncExitStack() as stack:
            body.progress = progress
            response = await self._session.post(
                self._url,
                data=body,
                headers=_headers_of(body),
                allow_redirects=False,
                timeout=self._timeout,
                middlewares=authorized(credential.authorization, self._url),
            )
            # As a context manager, the response would wait for the rest of an unread body.
            stack.callback(response.close)
            return await _reply_in(response, credential)


def _opened(upload_request: UploadRequest) -> BinaryIO:
    """Open the file on the event loop: a cancelled thread would leave it open."""
    try:
        return upload_request.path.open("rb")
    except OSError as error:
        raise DamagedArtifactError(upload_request.filename) from error


def _headers_of(body: UploadBody) -> Mapping[str, str]:
    return {
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
        "Accept": "*/*",
        "Content-Type": body.content_type,
        "Content-Length": str(body.length),
    }


async def _reply_in(response: ClientResponse, credential: Credential) -> Reply:
    """Return the meaning of a response. A refusal counts even if it is truncated."""
    body, is_complete = await _body_of(response)
    headers = CIMultiDict(
        {name: credential.hidden_in(value) for name, value in response.headers.items()}
    )
    if headers.get("Content-Encoding", "") not in _PLAIN:
        body = b""
    reason = credential.hidden_in(response.reason or "")
    text = credential.hidden_in(body.decode(errors="replace"))
    reply = reply_of(response.status, reason, headers, text)
    # Escapes in JSON and HTML can hide the credential from the replacement above.
    reply = replace(reply, sentence=credential.hidden_in(reply.sentence))
    if isinstance(reply, Accepted) and not is_complete:
        return Unanswered("The upload API accepted the file, but the connection was lost.")
    return reply


async def _body_of(response: ClientResponse) -> tuple[bytes, bool]:
    """Return the start of the body of a response, and whether it was received completely."""
    pieces: list[bytes] = []
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in response.content.iter_any():
                pieces.append(piece)
                if sum(map(len, pieces)) >= _LONGEST_ANSWER:
                    break
    except (ClientError, OSError):
        return b"".join(pieces), False
    return b"".join(pieces)[:_LONGEST_ANSWER], True
