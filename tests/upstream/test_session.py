"""The credentials of an upstream: sent to it alone, unchanged."""

from datetime import timedelta
from pathlib import Path

import pytest
from yarl import URL

from stageproxy.upstream.index import IndexLimits, IndexPolicy, UpstreamIndex
from stageproxy.upstream.pip_index import urls_of
from stageproxy.upstream.session import Timeouts, open_session
from stageproxy.upstream.traffic import Traffic
from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import basic

PATIENCE = Timeouts(timedelta(seconds=60), timedelta(seconds=60))


async def test_netrc(index: FakeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials in the URL are used, whatever netrc has for the host.

    Both together were an internal error once.
    """
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    index.add("demo", a_wheel())
    root = str(URL(index.url).with_user("reader").with_password("pass:word"))

    async with open_session(PATIENCE) as session:
        upstream = UpstreamIndex(
            session,
            urls_of(root),
            IndexPolicy(),
            IndexLimits(timedelta(seconds=60), 2**20),
            Traffic(),
        )
        found = await upstream.fetch("simple/demo/", "text/html")

    assert found is not None
    expected = basic("pass:word", "reader")
    assert [one.headers.getall("Authorization") for one in index.requests] == [[expected]]
