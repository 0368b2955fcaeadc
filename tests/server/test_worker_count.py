"""How many workers a server has, and what is said about it."""

import pytest

from stageproxy.config import load_config
from stageproxy.server.settings_check import workers_warnings
from stageproxy.server.supervisor import worker_count

WITH_WAL_BUG = (3, 51, 2)
WITHOUT = (3, 51, 3)


@pytest.mark.parametrize(
    ("workers", "version", "expected"),
    [
        pytest.param(1, WITH_WAL_BUG, 1, id="one, on any SQLite"),
        pytest.param(4, WITHOUT, 4, id="several"),
        pytest.param(4, WITH_WAL_BUG, 1, id="several, on a SQLite that could damage the database"),
    ],
)
def test_worker_count(
    workers: int, version: tuple[int, ...], expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A server has the workers of its settings; but one, with a warning, where more are unsafe."""
    config = load_config(None, {}, server={"workers": workers})

    assert worker_count(config, version) == expected
    assert len(caplog.messages) == (workers != expected)


@pytest.mark.parametrize(
    ("workers", "processors", "version", "expected"),
    [
        pytest.param(2, 2, WITHOUT, None, id="one for each core"),
        pytest.param(1, 0, WITH_WAL_BUG, None, id="one"),
        pytest.param(3, 2, WITHOUT, "3 workers share 2 processor cores", id="more than cores"),
        pytest.param(2, 2, WITH_WAL_BUG, "one worker is started, not 2", id="WAL bug"),
        pytest.param(2, 2, None, None, id="no SQLite"),
    ],
)
def test_warnings(
    workers: int, processors: int, version: tuple[int, ...] | None, expected: str | None
) -> None:
    """`config check` warns of workers that will not be started, or help nothing."""
    found = [*workers_warnings(workers, processors=processors, sqlite=version)]

    assert len(found) == (expected is not None)
    assert all(str(expected) in one for one in found)
