"""Hashes of files of an index whose pages do not list them."""

import hashlib

from aiohttp import ClientError, ClientSession
from yarl import URL

from stageproxy.core.errors import UpstreamFailedError, UpstreamUnavailableError
from stageproxy.upstream.session import USER_AGENT, authorization_in, authorized

_CHUNK = 2**18
_FOUND = 200


class FileDownloads:
    """Downloads that hash files; see `ports.Downloads`.

    *index*: the URL of the index. Credentials in it are sent only to its own host.
    """

    def __init__(self, session: ClientSession, index: URL) -> None:
        self._session = session
        self._middlewares = authorized(authorization_in(index), index)

    async def sha256_of(self, url: str) -> str:
        """Return the SHA-256 in hex of the file at *url*."""
        headers = {"Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        digest = hashlib.sha256()
        try:
            target = URL(url, encoded=True)
            request = self._session.get(target, headers=headers, middlewares=self._middlewares)
            async with request as response:
                if response.status != _FOUND:
                    sentence = f"The index answered {response.status} to the request for a file."
                    raise UpstreamFailedError(sentence)
                async for chunk in response.content.iter_chunked(_CHUNK):
                    digest.update(chunk)
        except (ClientError, TimeoutError, ValueError) as error:
            sentence = f"A file cannot be downloaded from the index ({type(error).__name__})."
            raise UpstreamUnavailableError(sentence) from error
        return digest.hexdigest()
