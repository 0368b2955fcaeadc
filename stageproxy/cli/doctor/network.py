"""What doctor finds out by requests: to upstream, to the server, and through its public URL."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import aiohttp
from yarl import URL

from stageproxy.cli.client import Client
from stageproxy.cli.output.output import FailedError, OutOfReachError
from stageproxy.config import Config
from stageproxy.core.care.diagnosis import Diagnosis, ok, out_of_reach, problem, warn
from stageproxy.core.care.network import (
    BodyFacts,
    ForwardedFacts,
    PublicAnswer,
    UpstreamAnswer,
    judge_bodies,
    judge_clock,
    judge_forwarding,
    judge_public_url,
    judge_upstream,
    judge_url,
)
from stageproxy.core.errors import StageproxyError
from stageproxy.server.clock import SystemClock
from stageproxy.server.indexes import indexes_of, upstream_of
from stageproxy.server.run import is_wildcard
from stageproxy.upstream.network import NetworkSettingsError, reason_of
from stageproxy.upstream.pip_index import NoPipIndexError, index_name
from stageproxy.upstream.session import Timeouts, open_session

_PAGE = "simple/pip/"
"""The page that upstream is asked for: a small one that most indexes have."""
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
_VALIDATORS = ("ETag", "Last-Modified")
_MIB = 2**20
_PIECE = bytes(2**14)
_WHOLE = 4 * _MIB
_ARRIVAL_SECONDS = 3.0
_TIMEOUTS = aiohttp.ClientTimeout(total=120, sock_connect=10)


async def diagnose_upstream(config: Config) -> Sequence[Diagnosis]:
    """Return what there is to say about upstream."""
    try:
        upstream = await asyncio.to_thread(upstream_of, config)
        patience = Timeouts(
            connect=config.upstream.connect_timeout, read=config.upstream.read_timeout
        )
        name = index_name(upstream.index.root)
        loop = asyncio.get_running_loop()
        async with open_session(patience, upstream.network) as session:
            index = indexes_of(config, upstream, session, SystemClock(), lambda *_: None).previewed
            started = loop.time()
            async with index.open(_PAGE, {"Accept": _ACCEPT}) as response:
                answer = UpstreamAnswer(
                    status=response.status,
                    seconds=loop.time() - started,
                    content_type=response.headers.get("Content-Type", ""),
                    has_validator=any(one in response.headers for one in _VALIDATORS),
                    date=response.headers.get("Date", ""),
                )
    except (NoPipIndexError, NetworkSettingsError) as error:
        return [problem("upstream", str(error), "")]
    except StageproxyError as error:
        return [out_of_reach("upstream", error.sentence, "Check upstream.url and the network.")]
    return [*judge_upstream(name, answer), judge_clock(name, answer.date, datetime.now(UTC))]


async def diagnose_server(config: Config, client: Client) -> Sequence[Diagnosis]:
    """Return what there is to say about the running server, and the way to it."""
    try:
        live = await client.request("GET", "health/live")
        probe = await client.request("GET", "api/probe")
    except OutOfReachError as error:
        return [out_of_reach("server", error.message, "")]
    except FailedError as error:
        return [problem("server", error.message, "")]
    found = [ok("server", f"The server at {client.server} answers.")]
    found += [judge_clock("the server", await _date_of(client), datetime.now(UTC))]
    if live.get("instance") != probe["instance"]:
        sentence = "Its requests are answered by different processes."
        found.append(warn("server", sentence, "Run one stageproxy for each data directory."))
    return [*found, *await _diagnose_public_url(config, client, str(probe["instance"]))]


async def _date_of(client: Client) -> str:
    async with client.session.head(client.server / "health/live") as response:
        return response.headers.get("Date", "")


async def _diagnose_public_url(
    config: Config, client: Client, instance: str
) -> Sequence[Diagnosis]:
    url = config.server.public_url.rstrip("/")
    is_local = _is_loopback(URL(url).host or "")
    judged = judge_url(url, is_loopback=is_local, is_wildcard=is_wildcard(config.server.host))
    found = [judged] if judged else []
    if not url:
        return found or [ok("public URL", "Stage URLs are for this machine only.")]
    try:
        answer = await _public_answer(url)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        reason = reason_of(error) if isinstance(error, aiohttp.ClientError) else str(error)
        sentence = f"{url} cannot be reached from this machine: {reason}."
        advice = "Check its name, the proxy and its certificate. Other machines may reach it."
        return [*found, problem("public URL", sentence, advice)]
    found.append(judge_public_url(url, answer, instance))
    if answer.instance != instance or URL(url) == client.server:
        return found
    return [*found, *await _diagnose_proxy(config, client, URL(url))]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _public_answer(url: str) -> PublicAnswer:
    """Ask the public URL without a token: it may lead anywhere."""
    async with (
        aiohttp.ClientSession(timeout=_TIMEOUTS) as session,
        session.get(f"{url}/health/live", allow_redirects=False) as response,
    ):
        document: Any = None
        if response.content_type == "application/json":
            document = await response.json()
        is_object = isinstance(document, dict)
        return PublicAnswer(response.status, document.get("instance") if is_object else None)


async def _diagnose_proxy(config: Config, client: Client, url: URL) -> Sequence[Diagnosis]:
    """Probe what is between here and the server, to which the public URL is known to lead."""
    probes = _Probes(client.session, url)
    seen = await probes.show()
    peer = str(seen["peer"])
    is_trusted = any(ip_address(peer) in one for one in config.server.trusted_proxies)
    facts = ForwardedFacts(peer, is_trusted=is_trusted, is_forwarded=bool(seen["is-forwarded"]))
    limit = config.upload.max_file_size + _MIB
    bodies = BodyFacts(
        streamed=await probes.is_streamed(),
        whole=await probes.status_of(bytes(_WHOLE), _WHOLE),
        size=_WHOLE,
        largest=await probes.early_status(limit),
        limit=limit,
    )
    return [judge_forwarding(facts), *judge_bodies(bodies)]


class _Probes:
    """Bodies that are sent to the server through its public URL."""

    def __init__(self, session: aiohttp.ClientSession, url: URL) -> None:
        self._session = session
        self._url = url / "api/probe"

    async def show(self) -> dict[str, Any]:
        """Return how a request arrives, and which bodies are arriving."""
        # A connection of its own: of several workers, each answers for itself.
        headers = {"Connection": "close"}
        async with self._session.get(self._url, headers=headers, timeout=_TIMEOUTS) as response:
            response.raise_for_status()
            document: dict[str, Any] = await response.json()
            return document

    async def is_streamed(self) -> bool:
        """Return whether the server receives the first piece of a body before the last is sent."""
        probe_id, may_end = secrets.token_hex(8), asyncio.Event()
        body = _body(may_end, last=_PIECE)
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self.status_of(body, 2 * len(_PIECE), probe_id))
            arrived = await self._arrives(probe_id, sending)
            may_end.set()
        return arrived

    async def early_status(self, size: int) -> int | None:
        """Return the status of a body that is announced and not sent, `None` if it is awaited."""
        probe_id, never = secrets.token_hex(8), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self.status_of(_body(never), size, probe_id))
            await self._arrives(probe_id, sending)
            if sending.done():
                return sending.result()
            sending.cancel()
        return None

    async def status_of(
        self, body: bytes | AsyncIterator[bytes], size: int, probe_id: str = "0"
    ) -> int:
        """Send a body, and return the status of the answer, 0 if there is none."""
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        try:
            async with self._session.post(
                self._url / probe_id, data=body, headers=headers, timeout=_TIMEOUTS
            ) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def _arrives(self, probe_id: str, sending: "asyncio.Task[int]") -> bool:
        """Return whether a body begins to arrive before it is answered, in reasonable time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _ARRIVAL_SECONDS
        while loop.time() < deadline and not sending.done():
            if probe_id in (await self.show())["receiving"]:
                return True
            await asyncio.sleep(0.05)
        return False


async def _body(may_end: asyncio.Event, *, last: bytes = b"") -> AsyncIterator[bytes]:
    yield _PIECE
    await may_end.wait()
    yield last
