"""The data directory: its permissions, its lock, its secret."""

import logging
import stat
from pathlib import Path

import pytest

from stageproxy.server.admin_token import replace_admin_token
from stageproxy.store.directory import (
    DataDirectory,
    DataDirectoryError,
    DataDirectoryInUseError,
    write_secret,
)
from tests.support.ports.clock import FakeClock
from tests.support.ports.fake_catalogue import FakeCatalogue


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    """Return a data directory that does not exist yet."""
    return DataDirectory(tmp_path / "new" / "data")


def mode_of(path: Path) -> int:
    """Return the permissions of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


def can_lock(directory: DataDirectory) -> bool:
    """Return whether a server can lock a directory."""
    try:
        with directory.locked():
            return True
    except DataDirectoryInUseError:
        return False


def test_only_the_owner_can_read(directory: DataDirectory) -> None:
    """The directory is 0700, and its secrets are 0600."""
    directory.secret("")
    write_secret(directory.admin_token, "token")

    modes = [mode_of(path) for path in (directory.root, *sorted(directory.root.iterdir()))]

    assert modes == [0o700, 0o600, 0o600]


def test_secret_file_is_whole(directory: DataDirectory) -> None:
    """A secret is written as one line, and no temporary file is left."""
    write_secret(directory.admin_token, "token")

    assert [path.name for path in directory.root.iterdir()] == ["admin.token"]
    assert directory.admin_token.read_text() == "token\n"


async def test_something_in_the_place_of_the_admin_token(directory: DataDirectory) -> None:
    """What is in the place of the admin token is named, with what to do."""
    directory.admin_token.mkdir()

    with pytest.raises(DataDirectoryError, match=r"admin\.token cannot be used: .* Move away"):
        await replace_admin_token(FakeCatalogue(), directory, FakeClock())


def test_second_server_is_refused(directory: DataDirectory) -> None:
    """A second server on a directory is refused; the error names the directory."""
    with (
        directory.locked(),
        pytest.raises(DataDirectoryInUseError, match=f"uses the data directory {directory.root}"),
        DataDirectory(directory.root).locked(),
    ):
        raise AssertionError("two servers have one directory")


def test_lock_ends_with_its_block(directory: DataDirectory) -> None:
    """The next server can lock the directory once the last one has ended."""
    next_server = DataDirectory(directory.root)

    with directory.locked():
        during = can_lock(next_server)
    after = can_lock(next_server)

    assert (during, after) == (False, True)


def test_secret_is_created_once(directory: DataDirectory) -> None:
    """The secret of the first start is used by all others, so that stage URLs stay valid."""
    first = directory.secret("")

    assert len(first) == 64
    assert DataDirectory(directory.root).secret("") == first


def test_directories_have_different_secrets(tmp_path: Path) -> None:
    """Two servers never derive the same stage tokens."""
    first, second = (DataDirectory(tmp_path / name).secret("") for name in ("a", "b"))

    assert first != second


def test_secret_of_the_settings(directory: DataDirectory) -> None:
    """A secret of the settings is used and not written."""
    assert directory.secret("given") == b"given"
    assert list(directory.root.iterdir()) == []


def test_empty_secret_is_refused(directory: DataDirectory) -> None:
    """Stage tokens are never derived from an empty secret. They were once, from an empty file."""
    (directory.root / "secret").write_text("\n")

    with pytest.raises(DataDirectoryError, match="secret is empty, so anyone could guess"):
        directory.secret("")


def test_directory_that_cannot_be_created(tmp_path: Path) -> None:
    """If a file is in the way, the error says so."""
    (tmp_path / "file").touch()

    with pytest.raises(DataDirectoryError, match=r"file/data cannot be created: Not a directory\."):
        DataDirectory(tmp_path / "file" / "data")


@pytest.mark.parametrize(("mode", "warnings"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o444, 1)])
def test_secret_that_others_can_read(
    directory: DataDirectory, caplog: pytest.LogCaptureFixture, mode: int, warnings: int
) -> None:
    """A secret that others can read is used, as containers have it, and a warning is logged."""
    secret = directory.secret("")
    (directory.root / "secret").chmod(mode)

    with caplog.at_level(logging.WARNING):
        assert directory.secret("") == secret

    told = [one.getMessage() for one in caplog.records]
    assert [one.endswith("run chmod 600 on it") for one in told] == [True] * warnings
    assert secret.decode() not in caplog.text
