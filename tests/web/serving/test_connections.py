"""The limits of connections: who is let in, who has to give way, and what is logged of it."""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import ClientSession, web

from stageproxy.web.access.addresses import is_of_this_machine
from stageproxy.web.serving.accepting import accepting
from stageproxy.web.serving.connections import ConnectionLimits, Connections, Excess, ExcessReport
from stageproxy.web.serving.rare_log import RareLog
from stageproxy.web.serving.runner import runner_for
from tests.support.clients.slow_clients import connected, hung_up
from tests.support.clients.wire import a_request, exchange, status_of
from tests.support.servers.runner import running

PATIENCE = 30


@dataclass(eq=False, slots=True)
class FakeConnection:
    """A connection that only records whether it was closed."""

    idle_since: float | None
    is_closed: bool = False

    def give_way(self) -> None:
        """Close it."""
        self.is_closed = True


@dataclass(slots=True)
class Counted:
    """What was reported."""

    excesses: list[Excess] = field(default_factory=list)


def connections(
    total: int = 4,
    per_address: int = 2,
    proxies: Sequence[str] = (),
    counted: Counted | None = None,
) -> Connections:
    """Return a table of connections with small limits."""
    limits = ConnectionLimits(total, per_address, [ip_network(one) for one in proxies])
    return Connections(limits, ExcessReport(lambda: 0, (counted or Counted()).excesses.append))


BUSY = None
CASES: dict[str, tuple[list[tuple[str, float | None]], str, Excess | None, int | None]] = {
    "there is room": ([("10.0.0.1", BUSY)], "10.0.0.1", None, None),
    "an address has all it may have": (
        [("10.0.0.1", BUSY)] * 2,
        "10.0.0.1",
        Excess.OF_ADDRESS,
        None,
    ),
    "another address has all it may have": ([("10.0.0.1", BUSY)] * 2, "10.0.0.2", None, None),
    "an idle one of the address gives way": (
        [("10.0.0.1", 5), ("10.0.0.1", 3), ("10.0.0.2", 1)],
        "10.0.0.1",
        None,
        1,
    ),
    "all are busy": ([(f"10.0.0.{n}", BUSY) for n in range(4)], "10.0.0.9", Excess.IN_ALL, None),
    "the one that is idle longest gives way": (
        [("10.0.0.1", BUSY), ("10.0.0.2", 3), ("10.0.0.3", 2), ("10.0.0.4", 4)],
        "10.0.0.9",
        None,
        2,
    ),
    "a network of IPv6 is one address": (
        [("2001:db8::1", BUSY), ("2001:db8::2", BUSY)],
        "2001:db8::3",
        Excess.OF_ADDRESS,
        None,
    ),
    "another network of IPv6": (
        [("2001:db8::1", BUSY), ("2001:db8::2", BUSY)],
        "2001:db8:0:1::3",
        None,
        None,
    ),
    "an IPv4 address in IPv6": (
        [("10.0.0.1", BUSY), ("::ffff:10.0.0.1", BUSY)],
        "10.0.0.1",
        Excess.OF_ADDRESS,
        None,
    ),
    "a trusted proxy": ([("10.9.0.1", BUSY)] * 3, "10.9.0.1", None, None),
    "a trusted proxy of IPv6": ([("2001:db8:9::1", BUSY)] * 3, "2001:db8:9::1", None, None),
    "even a trusted proxy": ([("10.9.0.1", BUSY)] * 4, "10.9.0.1", Excess.IN_ALL, None),
}


@pytest.mark.parametrize(("present", "newcomer", "excess", "closed"), CASES.values(), ids=CASES)
def test_admission(
    present: list[tuple[str, float | None]],
    newcomer: str,
    excess: Excess | None,
    closed: int | None,
) -> None:
    """The longest idle connection gives way, of the same address first; busy ones never do."""
    counted = Counted()
    table = connections(proxies=["10.9.0.0/16", "2001:db8:9::/48"], counted=counted)
    there = [FakeConnection(since) for _, since in present]
    for one, (address, _) in zip(there, present, strict=True):
        assert table.admit(one, address) is None

    assert table.admit(FakeConnection(None), newcomer) is excess
    assert [n for n, one in enumerate(there) if one.is_closed] == [closed] * (closed is not None)
    assert len(table) == len(there) + (excess is None) - (closed is not None)
    assert counted.excesses == ([excess] if excess else [])


def test_no_limit_of_an_address() -> None:
    """With 0, an address may have any number of connections and requests."""
    table = connections(total=100, per_address=0)

    assert {table.admit(FakeConnection(None), "10.0.0.1") for _ in range(90)} == {None}
    with ExitStack() as stack:
        assert all(stack.enter_context(table.answering("10.0.0.1")) for _ in range(90))


def test_requests_behind_a_proxy() -> None:
    """Of a client behind a proxy, so many requests are answered at the same time."""
    table = connections(per_address=2)
    with ExitStack() as stack:
        admitted = [stack.enter_context(table.answering("10.0.0.1")) for _ in range(3)]
        other = stack.enter_context(table.answering("10.0.0.2"))

    with table.answering("10.0.0.1") as later:
        assert (admitted, other, later) == ([True, True, False], True, True)


def test_rare_log() -> None:
    """The first event is logged at once, the others once a minute, with their number."""
    written: list[int] = []
    rare = RareLog(written.append)

    for now in (0, 1, 59, 60, 61, 200):
        rare.add(now)

    assert written == [1, 3, 2]


@dataclass(slots=True)
class Gate:
    """Where requests with a query wait until the test ends."""

    url: str = ""
    waiting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    is_open: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer at once, or with a query when the gate opens."""
        if request.query:
            self.waiting.release()
            await self.is_open.wait()
        return web.Response(text=request.remote or "")

    async def hold(self, client: socket.socket) -> None:
        """Send a request that waits, and return when it does."""
        client.send(a_request("/?wait"))
        await self.waiting.acquire()


@asynccontextmanager
async def serving(total: int = 100, per_address: int = 3, **more: Any) -> AsyncIterator[Gate]:
    """Serve with small limits."""
    gate = Gate()
    app = web.Application()
    app.router.add_get("/", gate.answer)
    limits = ConnectionLimits(total, per_address, **more)
    async with running(runner_for(app, limits=limits)) as gate.url:
        yield gate
        gate.is_open.set()


async def test_idle_flood_shuts_nobody_out(caplog: pytest.LogCaptureFixture) -> None:
    """However many idle connections arrive, a request is answered; the oldest are closed."""
    async with serving(total=5, per_address=5) as gate:
        with ExitStack() as stack:
            flood = [stack.enter_context(connected(gate.url)) for _ in range(20)]
            statuses = [status_of(await exchange(gate.url, a_request("/"))) for _ in range(3)]
            closed = await hung_up(flood[:15], PATIENCE)

    assert statuses == [200] * 3
    assert closed == set(flood[:15])
    assert caplog.messages == []


async def test_busy_server_refuses(caplog: pytest.LogCaptureFixture) -> None:
    """With nothing idle to close, a connection is refused at once, with one line in the log."""
    async with serving(total=3) as gate:
        with ExitStack() as stack:
            for number in range(2, 5):
                source = f"127.0.0.{number}"
                await gate.hold(stack.enter_context(connected(gate.url, source=source)))
            answers = [await exchange(gate.url, b"") for _ in range(10)]

    assert {status_of(one) for one in answers} == {503}
    assert b"\r\nRetry-After: 1\r\n" in answers[0]
    assert caplog.messages == [
        "refused clients because server.max_connections is reached: 1 since the last line"
    ]


async def test_one_address_does_not_shut_out_others() -> None:
    """An address that holds all connections it may have is refused, and others are answered."""
    async with serving(per_address=3) as gate:
        with ExitStack() as stack:
            for _ in range(3):
                await gate.hold(stack.enter_context(connected(gate.url, source="127.0.0.2")))
            refused = stack.enter_context(connected(gate.url, source="127.0.0.2"))
            assert await hung_up([refused], PATIENCE) == {refused}
            refusal = refused.recv(2**16)
            answered = await exchange(gate.url, a_request("/"))

    assert (status_of(refusal), status_of(answered)) == (503, 200)


async def test_clients_behind_a_proxy(caplog: pytest.LogCaptureFixture) -> None:
    """A trusted proxy may have any number of connections, but each client so many requests."""
    proxies = [ip_network("127.0.0.1")]
    forwarded = "X-Forwarded-For: 10.0.0.1"
    held = a_request("/?wait", "GET", "1.1", forwarded)
    async with asyncio.TaskGroup() as group, serving(per_address=3, proxies=proxies) as gate:
        waiting = [group.create_task(exchange(gate.url, held)) for _ in range(4)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        other = await exchange(gate.url, a_request("/", "GET", "1.1", "X-Forwarded-For: 10.0.0.2"))

    assert [status_of(one.result()) for one in done] == [429]
    assert status_of(other) == 200
    assert sorted(status_of(one.result()) for one in waiting) == [200, 200, 200, 429]
    assert len(caplog.messages) == 1


class ExhaustedListener(socket.socket):
    """A listener for which there is no descriptor a few times."""

    failures = 2

    def accept(self) -> tuple[socket.socket, Any]:
        """Fail, then accept a connection."""
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_no_descriptor_left(caplog: pytest.LogCaptureFixture) -> None:
    """When there is no descriptor for a connection, it waits, and one line is logged."""
    runner = runner_for(web.Application())
    await runner.setup()
    listener = ExhaustedListener()
    listener.bind(("127.0.0.1", 0))
    with caplog.at_level(logging.WARNING):
        async with accepting(listener, runner.make_protocol):
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            answered = await exchange(url, a_request("/"))
    await runner.cleanup()

    assert status_of(answered) == 404
    assert caplog.messages == [
        "connections cannot be accepted (Too many open files), 1 tries since the last line"
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("::ffff:127.0.0.1", True)]
    + [(one, False) for one in ("192.0.2.1", "2001:db8::1", "-", "")],
)
def test_clients_of_this_machine(address: str, *, expected: bool) -> None:
    """A client on the machine of the server is known by its address."""
    assert is_of_this_machine(address) is expected


async def test_send_buffer() -> None:
    """The system buffers no megabytes for a client on the same machine."""

    async def size(request: web.Request) -> web.Response:
        assert request.transport is not None
        connection = request.transport.get_extra_info("socket")
        return web.json_response(connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))

    app = web.Application()
    app.router.add_get("/", size)
    async with (
        running(runner_for(app)) as url,
        ClientSession() as client,
        client.get(url) as answer,
    ):
        # Linux doubles it, for what it stores beside the bytes.
        assert await answer.json() in {2**18, 2**19}
