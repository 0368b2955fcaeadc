"""Servers over one database, which have to have the same secret and files."""

import asyncio
from pathlib import Path

import pytest

from stageproxy.core.rights import parse_token
from stageproxy.server.admin_token import create_first_admin_token
from stageproxy.services.installation import OtherInstallationError, join
from stageproxy.services.tokens import Tokens
from stageproxy.store.directory import DataDirectory
from tests.support.ports.clock import FakeClock
from tests.support.ports.fake_catalogue import FakeCatalogue


@pytest.fixture
async def catalogue() -> FakeCatalogue:
    """Return a catalogue whose first server has the secret `secret` and its files `here`."""
    catalogue = FakeCatalogue()
    await join(catalogue, b"secret", "here")
    return catalogue


async def test_same(catalogue: FakeCatalogue) -> None:
    """A server with the secret and the files of the others joins them."""
    before = await catalogue.read(lambda rows: rows.installation.facts())

    await join(catalogue, b"secret", "here")

    assert await catalogue.read(lambda rows: rows.installation.facts()) == before
    assert "secret" not in before["secret"]


@pytest.mark.parametrize(
    ("secret", "files", "said"),
    [
        pytest.param(b"other", "here", ["server.secret is not the secret"], id="secret"),
        pytest.param(b"secret", "there", ["The files of this server are not those"], id="files"),
        pytest.param(b"other", "there", ["server.secret", "The files of this server"], id="both"),
    ],
)
async def test_different(
    catalogue: FakeCatalogue, secret: bytes, files: str, said: list[str]
) -> None:
    """A server with another secret, or with other files, refuses to start, and changes nothing."""
    before = await catalogue.read(lambda rows: rows.installation.facts())

    with pytest.raises(OtherInstallationError) as raised:
        await join(catalogue, secret, files)

    assert all(one in str(raised.value) for one in said)
    assert await catalogue.read(lambda rows: rows.installation.facts()) == before


async def test_one_first_token(tmp_path: Path) -> None:
    """Of several servers that start at once, one writes the admin token, which is valid."""
    tokens = Tokens(FakeCatalogue(), FakeClock())
    directories = [DataDirectory(tmp_path / str(number)) for number in range(3)]

    made = await asyncio.gather(*(create_first_admin_token(tokens, one) for one in directories))

    written = [one.admin_token for one in directories if one.admin_token.exists()]
    digests = [one.digest for one in await tokens.catalogue.read(lambda rows: rows.tokens.list())]
    found = [parse_token(one.read_text().strip()) for one in written]
    assert sorted(made) == [False, False, True]
    assert [one.digest for one in found if one] == digests
