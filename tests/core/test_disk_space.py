"""How much of a disk uploads leave free."""

import pytest

from stageproxy.core.disk_space import MIB, DiskSpace, check_room, floor_of, reserve_of, shortage
from stageproxy.core.errors import LittleRoomError

GIB = 1024 * MIB


@pytest.mark.parametrize(
    ("total", "wanted", "expected"),
    [
        pytest.param(20 * MIB, None, 2 * MIB, id="a tenth of a tiny disk"),
        pytest.param(4 * GIB, None, 4 * GIB // 10, id="a tenth of a small disk"),
        pytest.param(8 * GIB, None, 512 * MIB, id="at least 512 MiB"),
        pytest.param(20 * GIB, None, GIB, id="a twentieth"),
        pytest.param(8000 * GIB, None, 2 * GIB, id="at most 2 GiB"),
        pytest.param(100 * GIB, 7, 7, id="as the settings say"),
        pytest.param(100 * GIB, 0, 0, id="no limit"),
    ],
)
def test_floor(total: int, wanted: int | None, expected: int) -> None:
    """Uploads leave a share of the disk free, or what the settings say."""
    assert floor_of(total, wanted) == expected


@pytest.mark.parametrize(
    ("free", "floor", "size", "fits"),
    [
        (100, 40, 60, True),
        (100, 40, 61, False),
        (40, 40, 0, True),
        (39, 40, 0, False),
        (0, 0, 100, True),
    ],
)
def test_room(free: int, floor: int, size: int, *, fits: bool) -> None:
    """A file fits if the floor stays free after it; without a floor, anything does."""
    try:
        check_room(DiskSpace(1000, free), floor, size)
    except LittleRoomError:
        assert not fits
    else:
        assert fits


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        (
            3 * MIB,
            (
                "3.0 MiB do not fit on the server's disk: 4.5 MiB are free, and uploads leave "
                "2.0 MiB free. Cancel stages that are not needed, upload a smaller file, or ask "
                "the server's operator to free space."
            ),
        ),
        (
            0,
            (
                "No more fits on the server's disk: 4.5 MiB are free, and uploads leave 2.0 MiB "
                "free. Cancel stages that are not needed, upload a smaller file, or ask the "
                "server's operator to free space."
            ),
        ),
    ],
)
def test_sentence(size: int, sentence: str) -> None:
    """The sentence says what does not fit, why, and what to do."""
    assert LittleRoomError(size, 9 * MIB // 2, 2 * MIB).sentence == sentence


def test_reserve() -> None:
    """The reserve is as large as the settings say, and at most a twentieth of the disk."""
    assert (reserve_of(1000, 20), reserve_of(1000, 80)) == (20, 50)


def test_shortage() -> None:
    """The operator reads nothing while there is room, even without a floor."""
    assert shortage(DiskSpace(1000 * MIB, 64 * MIB), 64 * MIB) is None
    assert "storage.min_free" in (shortage(DiskSpace(1000 * MIB, 63 * MIB), 64 * MIB) or "")
    assert shortage(DiskSpace(1000 * MIB, 1), 0) is None
    assert shortage(DiskSpace(1000 * MIB, 0), 0) is not None
