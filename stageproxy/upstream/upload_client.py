"""Here is how an artifact goes to PyPI: one request, never redirected, never a byte too short."""

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
from stageproxy.upstream.authorizing import authorized
from stageproxy.upstream.multipart import UploadBody
from stageproxy.upstream.pip_index import without_credentials
from stageproxy.upstream.session import USER_AGENT

_LONGEST_ANSWER = 2**16
_PLAIN = frozenset({"", "identity"})
_BODY_SECONDS = 10
"""How long the rest of an answer may take whose status is known already."""


class HttpUploadClient:
    """The legacy upload API at a URL; see `ports.Publisher`.

    *session*: one that keeps no connections (`open_session`). A kept one that
    upstream has closed meanwhile would make an unknown outcome of an upload
    that never began. *silence*: how long nothing may go out or come in.
    """

    def __init__(self, session: ClientSession, url: str, *, silence: timedelta) -> None:
        self._session = session
        self._url = without_credentials(URL(url))
        self._silence = silence.total_seconds()
        # The session's patience with answers is that for pages: an upload has its own.
        self._timeout = ClientTimeout(total=None, sock_connect=session.timeout.sock_connect)

    async def publish(
        self, upload_request: UploadRequest, credential: Credential, report: Callable[[int], None]
    ) -> Reply:
        """Send an artifact once, and return what becomes of it."""
        with await _opened(upload_request) as file:
            body = UploadBody(upload_request, file)
            reply = await self._send_or_tell(body, credential, report)
        if body.damage is not None:
            raise body.damage
        if isinstance(reply, Accepted) and not body.is_whole:
            return Unanswered("The upload API accepted the file before it was complete.")
        return reply

    async def _send_or_tell(
        self, body: UploadBody, credential: Credential, report: Callable[[int], None]
    ) -> Reply:
        """Send a body; whatever goes wrong on the way leaves the outcome open."""
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
            # The last bytes may be out just when the block below is left.
            with suppress(RuntimeError):
                watch.reschedule(loop.time() + self._silence)
            report(sent)

        async with asyncio.timeout(self._silence) as watch, AsyncExitStack() as stack:
            body.progress = progress
            response = await self._session.post(
                self._url,
                data=body,
                headers=_headers_of(body),
                allow_redirects=False,
                timeout=self._timeout,
                middlewares=authorized(credential.authorization, self._url),
            )
            # As a context the response would wait for the rest of a body that nobody reads.
            stack.callback(response.close)
            return await _reply_in(response, credential)


async def _opened(upload_request: UploadRequest) -> BinaryIO:
    try:
        return await asyncio.to_thread(upload_request.path.open, "rb")
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
    """Return what an answer means. A no counts even if it breaks off, a yes does not."""
    body, is_whole = await _body_of(response)
    headers = CIMultiDict(
        {name: credential.hidden_in(value) for name, value in response.headers.items()}
    )
    if headers.get("Content-Encoding", "") not in _PLAIN:
        body = b""
    reason = credential.hidden_in(response.reason or "")
    text = credential.hidden_in(body.decode(errors="replace"))
    reply = reply_of(response.status, reason, headers, text)
    # JSON and HTML may spell it otherwise.
    reply = replace(reply, sentence=credential.hidden_in(reply.sentence))
    if isinstance(reply, Accepted) and not is_whole:
        return Unanswered("The upload API accepted the file, but the connection was lost.")
    return reply


async def _body_of(response: ClientResponse) -> tuple[bytes, bool]:
    """Return the body of an answer as far as anybody reads it, and whether that all came."""
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
