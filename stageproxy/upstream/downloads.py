"""Hashes of files of an index whose pages do not list them."""

import hashlib
from http import HTTPStatus

from aiohttp import ClientError, ClientResponse, ClientSession
from yarl import URL

from stageproxy.core.errors import UpstreamFailedError, UpstreamUnavailableError
from stageproxy.core.index.links import is_file
from stageproxy.core.index.redirects import MOST_REDIRECTS, REDIRECTS
from stageproxy.upstream.network import reason_of
from stageproxy.upstream.session import USER_AGENT, authorization_in, authorized

_CHUNK = 2**18


class FileDownloads:
    """Downloads that hash files; see `ports.Downloads`.

    *index*: the URL of the index. Credentials in it are sent only to its own host.
    """

    def __init__(self, session: ClientSession, index: URL) -> None:
        self._session = session
        self._origin = index.origin()
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
            request = self._session.get(
                url, headers=headers, allow_redirects=False, middlewares=self._middlewares
            )
            async with request as response:
                if response.status not in REDIRECTS:
                    return await _digest_of(response, size)
                url = self._redirected(url, response.headers.get("Location", ""))
        raise UpstreamFailedError("The index redirects the request for a file too often.")

    def _redirected(self, url: URL, location: str) -> URL:
        """Return the target of a redirect: on the index itself, or a file on a storage."""
        target = url.join(URL(location, encoded=True))
        is_storage = is_file(url.path) and (url.scheme, target.scheme) != ("https", "http")
        if target.origin() != self._origin and not is_storage:
            raise UpstreamFailedError(
                f"The index redirects the request for a file to {target.host}, which is refused."
            )
        return target


async def _digest_of(response: ClientResponse, size: int) -> str:
    if response.status != HTTPStatus.OK:
        sentence = f"The index answered {response.status} to the request for a file."
        raise UpstreamFailedError(sentence)
    digest = hashlib.sha256()
    received = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        received += len(chunk)
        if received > size:
            return f"of a file with more than {size} bytes"
        digest.update(chunk)
    return digest.hexdigest()
