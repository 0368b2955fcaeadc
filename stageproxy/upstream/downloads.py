"""Hashes of files of an index whose pages do not list them."""

import hashlib
from http import HTTPStatus

from aiohttp import ClientError, ClientResponse, ClientSession
from yarl import URL

from stageproxy.core.errors import UpstreamFailedError, UpstreamUnavailableError
from stageproxy.core.index.redirects import MOST_REDIRECTS, REDIRECTS
from stageproxy.upstream.network import reason_of
from stageproxy.upstream.responses import StreamLimits, streamed
from stageproxy.upstream.session import USER_AGENT, authorization_in, authorized


class FileDownloads:
    """Downloads that hash files; see `ports.Downloads`.

    *index*: the URL of the index. Credentials in it are sent only to its own host. Files are
    downloaded from that host and from the one of *files_url*, whatever links or redirects say.
    """

    def __init__(
        self,
        session: ClientSession,
        index: URL,
        *,
        files_url: str = "",
        limits: StreamLimits | None = None,
    ) -> None:
        self._session = session
        hosts = (index, URL(files_url)) if files_url else (index,)
        self._origins = {one.origin() for one in hosts}
        self._limits = limits or StreamLimits()
        self._middlewares = authorized(authorization_in(index), index)

    async def sha256_of(self, url: str, *, size: int) -> str:
        """Return the SHA-256 in hex of the file at *url*, which is read up to *size* bytes."""
        try:
            return await self._sha256_of(URL(url, encoded=True), size)
        except ClientError as error:
            sentence = f"A file cannot be downloaded from the index: {reason_of(error)}."
            raise UpstreamUnavailableError(sentence) from error
        except (TimeoutError, ValueError) as error:
            sentence = f"A file cannot be downloaded from the index ({type(error).__name__})."
            raise UpstreamUnavailableError(sentence) from error

    async def _sha256_of(self, url: URL, size: int) -> str:
        headers = {"Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        for _ in range(MOST_REDIRECTS + 1):
            self._check(url)
            request = self._session.get(
                url, headers=headers, allow_redirects=False, middlewares=self._middlewares
            )
            async with request as response:
                if response.status not in REDIRECTS:
                    return await self._digest_of(response, size)
                url = url.join(URL(response.headers.get("Location", ""), encoded=True))
        raise UpstreamFailedError("The index redirects the request for a file too often.")

    def _check(self, url: URL) -> None:
        """Raise `UpstreamFailedError` if the host of a file is not one that is configured."""
        if url.origin() not in self._origins:
            raise UpstreamFailedError(
                f"The index has a file on {url.host} port {url.port}, which is not one of its "
                "configured hosts, so the file is not downloaded. Set upstream.files_url to that "
                "host to allow it."
            )

    async def _digest_of(self, response: ClientResponse, size: int) -> str:
        if response.status != HTTPStatus.OK:
            sentence = f"The index answered {response.status} to the request for a file."
            raise UpstreamFailedError(sentence)
        digest = hashlib.sha256()
        received = 0
        async for chunk in streamed(response, self._limits).chunks():
            received += len(chunk)
            if received > size:
                return f"of a file with more than {size} bytes"
            digest.update(chunk)
        return digest.hexdigest()
