"""The fake PyPI as a process."""

import asyncio
from pathlib import Path

from stageproxy.core.promotion.replies import Accepted, Unanswered
from stageproxy.core.rights import parse_credential
from stageproxy.upstream.upload_client import HttpUploadClient
from tests.support.builders.distributions import a_wheel
from tests.support.clients.uploading import Sender, a_sender
from tests.support.index.fake_index import FakeIndex
from tests.support.index.fake_pypi import FakePypi, fake_pypi
from tests.support.index.history import Outcome, View
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint

WHEEL = a_wheel()
RESET = Fault(FaultPoint.ACCEPTED, FaultKind.RESET, WHEEL.filename)


def api_of(pypi: FakePypi, sender: Sender) -> HttpUploadClient:
    """Return the upload client for the other process."""
    return HttpUploadClient(sender.session, pypi.repository_url, idle_timeout=sender.silence)


async def test_process(tmp_path: Path) -> None:
    """Another process sets faults and contents, reads the history, and starts a new one."""
    async with fake_pypi() as pypi, a_sender(FakeIndex(), tmp_path) as sender:
        await pypi.set(tokens=["pypi-another"], lag={"pages": 1}, processing=0)
        await pypi.plan(RESET)
        upload_request, credential = sender.upload_request(WHEEL), parse_credential("pypi-another")
        api, report = api_of(pypi, sender), sender.progress.append

        replies = [await api.publish(upload_request, credential, report) for _ in range(2)]
        history = await pypi.history()
        await pypi.forget()
        forgotten = await pypi.history()

    assert [type(one) for one in replies] == [Unanswered, Accepted]
    assert [one.outcome for one in history.attempts] == [Outcome.ACCEPTED, Outcome.SAME]
    assert [one.answer for one in history.attempts] == ["reset accepted", "200"]
    assert (history.views, forgotten.attempts) == ([], [])


async def test_process_that_refuses_connections(tmp_path: Path) -> None:
    """It refuses connections as long as it is told, and listens on the same port afterwards."""
    async with fake_pypi() as pypi, a_sender(FakeIndex(), tmp_path) as sender:
        upload_request, api = sender.upload_request(WHEEL), api_of(pypi, sender)
        await pypi.go_away(3)

        away = await api.publish(upload_request, sender.credential, sender.progress.append)
        back = away
        while isinstance(back, Unanswered):
            await asyncio.sleep(0.05)
            back = await api.publish(upload_request, sender.credential, sender.progress.append)
        views = (await pypi.history()).views

    assert (type(away), type(back)) == (Unanswered, Accepted)
    assert views == [View("demo", (WHEEL.filename,))]
