"""Files of an index that the server itself reads: to hash them, or to compare them."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import aiofiles
from aiohttp import ClientError, ClientResponse, ClientSession
from yarl import URL

from stageproxy.core.errors import UpstreamFailedError, UpstreamUnavailableError
from stageproxy.core.index.redirects import MOST_REDIRECTS, REDIRECTS
from stageproxy.upstream.network import reason_of
from stageproxy.upstream.responses import StreamLimits, streamed
from stageproxy.upstream.session import USER_AGENT, authorization_in, authorized
from stageproxy.upstream.traffic import Traffic


class TooLongFileError(UpstreamFailedError):
    """A file of the index is longer than it may be."""

    def __init__(self, size: int) -> None:
        self.instead_of_digest = f"of a file with more than {size} bytes"
        super().__init__(f"The file has more than {size} bytes.")


class FileDownloads:
    """Downloads that hash files; see `ports.Downloads`.

    *index*: the URL of the index. Credentials in it are sent only to its own host. Files are
    downloaded from that host and from the one of *files_url*, whatever links or redirects say.
    With *any_file_host*, other hosts may have files, too, if they look like hosts of the internet:
    https to a name with a dot, on the usual port.
    """

    def __init__(
        self,
        session: ClientSession,
        index: URL,
        *,
        files_url: str = "",
        limits: StreamLimits | None = None,
        any_file_host: bool = False,
    ) -> None:
        self._session = session
        hosts = (index, URL(files_url)) if files_url else (index,)
        self._origins = {one.origin() for one in hosts}
        self._any_file_host = any_file_host
        self._limits = limits or StreamLimits()
        self._middlewares = authorized(authorization_in(index), index)

    async def sha256_of(self, url: str, *, size: int) -> str:
        """Return the SHA-256 in hex of the file at *url*, which is read up to *size* bytes."""
        digest = hashlib.sha256()
        try:
            async with aclosing(self.chunks(url, size=size)) as chunks:
                async for chunk in chunks:
                    digest.update(chunk)
        except TooLongFileError as error:
            return error.instead_of_digest
        return digest.hexdigest()

    async def chunks(self, url: str, *, size: int) -> AsyncGenerator[bytes]:
        """Return the bytes of the file at *url*. Raise `TooLongFileError` beyond *size* bytes."""
        received = 0
        with _errors_translated():
            async with self._opened(URL(url, encoded=True)) as response:
                async for chunk in streamed(response, self._limits).chunks():
                    received += len(chunk)
                    if received > size:
                        raise TooLongFileError(size)
                    yield chunk

    @asynccontextmanager
    async def _opened(self, url: URL) -> AsyncIterator[ClientResponse]:
        """Request a file, and follow redirects to hosts that may have it."""
        headers = {"Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        for _ in range(MOST_REDIRECTS + 1):
            self._check(url)
            request = self._session.get(
                url, headers=headers, allow_redirects=False, middlewares=self._middlewares
            )
            async with request as response:
                if response.status not in REDIRECTS:
                    yield _found(response)
                    return
                url = url.join(URL(response.headers.get("Location", ""), encoded=True))
        raise UpstreamFailedError("The index redirects the request for a file too often.")

    def _check(self, url: URL) -> None:
        """Raise `UpstreamFailedError` if the host of a file is not one that is configured."""
        if url.origin() in self._origins:
            return
        if not (self._any_file_host and _is_of_the_internet(url)):
            raise UpstreamFailedError(
                f"The index has a file on {url.host} port {url.port}, which is not one of its "
                "configured hosts, so the file is not downloaded. Set upstream.files_url to that "
                "host to allow it."
            )


@dataclass(frozen=True, slots=True)
class FetchedFiles:
    """Downloads files to the disk, a few at a time; see `ports.BaselineDownloads`."""

    downloads: FileDownloads
    traffic: Traffic

    async def fetch(self, url: str, path: Path, *, size: int) -> str:
        """Write the file at *url* to *path*, and return its SHA-256 in hex."""
        digest = hashlib.sha256()
        async with self.traffic.stream(), aiofiles.open(path, "xb") as file:
            with _errors_translated(), self.traffic.trip(URL(url, encoded=True)) as trip:
                async with aclosing(self.downloads.chunks(url, size=size)) as chunks:
                    async for chunk in chunks:
                        digest.update(chunk)
                        await file.write(chunk)
                trip.arrived()
        return digest.hexdigest()

    async def read(self, url: str, *, size: int) -> bytes:
        """Return the file at *url*, or its first *size* bytes if it has more."""
        body = bytearray()
        async with self.traffic.stream():
            with _errors_translated(), self.traffic.trip(URL(url, encoded=True)) as trip:
                async with aclosing(self.downloads.chunks(url, size=2 * size)) as chunks:
                    async for chunk in chunks:
                        body += chunk
                        if len(body) >= size:
                            break
                trip.arrived()
        return bytes(body[:size])


def _found(response: ClientResponse) -> ClientResponse:
    if response.status != HTTPStatus.OK:
        sentence = f"The index answered {response.status} to the request for a file."
        raise UpstreamFailedError(sentence)
    return response


def _is_of_the_internet(url: URL) -> bool:
    """Return whether a URL may lead to a host of the internet rather than to one beside us."""
    host = url.host or ""
    return (
        url.scheme == "https"
        and url.is_default_port()
        and "." in host.strip(".")
        and not host.replace(".", "").isdecimal()
        and ":" not in host
    )


@contextmanager
def _errors_translated() -> Iterator[None]:
    """Raise errors of a download as our own."""
    try:
        yield
    except ClientError as error:
        sentence = f"A file cannot be downloaded from the index: {reason_of(error)}."
        raise UpstreamUnavailableError(sentence) from error
    except (TimeoutError, ValueError) as error:
        sentence = f"A file cannot be downloaded from the index ({type(error).__name__})."
        raise UpstreamUnavailableError(sentence) from error
