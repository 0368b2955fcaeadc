"""Ids of requests: in answers, on requests to upstream, and from trusted proxies."""

import io
import logging
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from stageproxy.request_ids import RequestIdFilter, new_request_id
from stageproxy.web.serving.logs import JsonFormatter, RedactingFormatter
from tests.support.builders.distributions import a_wheel
from tests.support.database import execute
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, prefix_of, running_service

HEADER = "X-Request-ID"
ID = re.compile("[0-9a-f]{16}")
GIVEN = "from-nginx-0123456789"


@pytest.fixture
async def proxied(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a service that trusts its peer."""
    server = {"port": 0, "trusted_proxies": "127.0.0.1"}
    async with running_service(tmp_path / "proxied", index, server=server) as running:
        yield running


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Return what is logged, as a server does it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(RedactingFormatter("%(levelname)s %(message)s"))
    handler.addFilter(RequestIdFilter())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


async def test_every_request_has_its_own(service: RunningService) -> None:
    """Two answers never have the same id, whatever the client claims."""
    answers = [await service.get("/health/live", X_Request_ID=GIVEN) for _ in range(2)]

    ids = [one.headers[HEADER] for one in answers]
    assert len({*ids}) == 2
    assert all(ID.fullmatch(one) for one in ids)


def test_ids_of_a_forked_process() -> None:
    """A forked process makes other ids than its parent."""
    reading, writing = os.pipe()
    new_request_id()
    child = os.fork()
    if not child:
        os.write(writing, new_request_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    with open(reading, "rb") as pipe, open(writing, "wb"):  # noqa: PTH123 - descriptors
        made = pipe.read(16).decode()

    assert ID.fullmatch(made)
    assert made not in {new_request_id() for _ in range(1000)}


async def test_id_of_a_trusted_proxy(proxied: RunningService) -> None:
    """A trusted proxy gives ids, so that its log and ours can be searched together."""
    assert (await proxied.get("/health/live", X_Request_ID=GIVEN)).headers[HEADER] == GIVEN


@pytest.mark.parametrize("given", ["short", "x" * 65, "a b c d e f g h", "<script>alert"])
async def test_id_that_is_none(proxied: RunningService, given: str) -> None:
    """What cannot be an id is replaced, even if a trusted proxy sends it."""
    answer = await proxied.get("/health/live", X_Request_ID=given)

    assert ID.fullmatch(answer.headers[HEADER])


async def test_answers_that_must_not_differ(service: RunningService) -> None:
    """What is the same for existing and missing stages and projects has no id."""
    stage = await service.staged(a_wheel(version="2.0"))

    for path in ("/tmp/demo/nowhere/", f"{prefix_of(stage)}simple/demo/", "/nowhere"):
        assert HEADER not in (await service.get(path)).headers
    assert HEADER not in (await service.api("GET", "stages", "stgm_wrong")).headers


async def test_upstream_gets_the_id(proxied: RunningService, index: FakeIndex) -> None:
    """A request to upstream has the id of the request that it is made for, and no other."""
    index.add("demo", a_wheel())
    stage = await proxied.staged(a_wheel(version="2.0"))
    index.requests.clear()

    await proxied.get(
        f"{prefix_of(stage)}simple/demo/", X_Request_ID=GIVEN, Cache_Control="no-cache"
    )

    assert [one.headers.getall(HEADER) for one in index.requests] == [[GIVEN]]


async def test_log_has_the_id(
    proxied: RunningService, log: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    """Every line about a request ends with its id, in the access log too."""
    caplog.set_level(logging.INFO)

    await proxied.upload(a_wheel(version="2.0"), X_Request_ID=GIVEN)

    lines = [line for line in log.getvalue().splitlines() if "demo-2.0" in line or "POST" in line]
    assert len(lines) >= 2
    assert all(line.endswith(f"[{GIVEN}]") for line in lines)


async def test_internal_error_names_its_id(service: RunningService, log: io.StringIO) -> None:
    """Whoever reports an internal error can name the id at which the log has its cause."""
    stage = await service.staged(a_wheel(version="2.0"))
    execute(service.data / "catalogue.db", "UPDATE stage SET opened_at = 'never'")

    answer = await service.get(prefix_of(stage))

    request_id = answer.headers[HEADER]
    assert (answer.status, answer.text) == (
        500,
        f"Internal server error. The server's log has its cause at the request id {request_id}.",
    )
    assert f"GET failed [{request_id}]" in log.getvalue()


def test_json_line_without_a_request() -> None:
    """Lines outside of requests have no id."""
    record = logging.makeLogRecord({"msg": "started"})
    RequestIdFilter().filter(record)

    assert "request-id" not in JsonFormatter().format(record)
