"""How much of a disk stays free for what has to go on when it is nearly full."""

from dataclasses import dataclass

from stageproxy.core.errors import LittleRoomError

MIB = 2**20
_LEAST_FREE = 512 * MIB
_MOST_FREE = 2 * 1024 * MIB
"""Of a very large disk, a share is more than anybody needs."""
_SHARE = 20
_LARGEST_SHARE = 10


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """The size of a disk and what is free of it, in bytes."""

    total: int
    free: int


def floor_of(total: int, wanted: int | None) -> int:
    """Return how many bytes of a disk uploads leave free: the *wanted* ones, or a usual number.

    A twentieth, but at least 512 MiB, at most 2 GiB, and on small disks at most a tenth.
    """
    if wanted is not None:
        return wanted
    share = min(max(_LEAST_FREE, total // _SHARE), _MOST_FREE)
    return min(share, total // _LARGEST_SHARE)


def reserve_of(total: int, wanted: int) -> int:
    """Return the size of the reserve: as *wanted*, but on small disks at most a twentieth."""
    return min(wanted, total // _SHARE)


def check_room(space: DiskSpace, floor: int, size: int) -> None:
    """Raise `LittleRoomError` unless *size* more bytes leave as much free as they have to."""
    if floor and space.free - size < floor:
        raise LittleRoomError(size, space.free, floor)


def shortage(space: DiskSpace, floor: int) -> str | None:
    """Return the sentence for the operator of a disk without room for uploads."""
    if space.free >= max(floor, 1):
        return None
    return (
        f"{space.free // MIB} MiB are free on the disk, and uploads leave {floor // MIB} MiB free: "
        "they are refused. Free space on the disk, or lower storage.min_free."
    )
