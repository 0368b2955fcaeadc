"""Derived results on the disk: whole or not there, bounded, and claimed by one process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.errors import NoRoomError
from stageproxy.core.review.derived import DerivedName, derived_name
from stageproxy.store.derived import DerivedFiles
from stageproxy.store.disk import Disk

OWNER, OTHER = "a" * 64, "b" * 64
NAME = derived_name(OWNER, "x")
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
CLAIM = """
import sys
from pathlib import Path
from stageproxy.core.review.derived import derived_name
from stageproxy.store.derived import DerivedFiles
from stageproxy.store.disk import Disk
folder = Path(sys.argv[1])
derived = DerivedFiles(folder / "derived", Disk(folder), 100)
with derived.claimed(derived_name("a" * 64, sys.argv[2])) as is_ours:
    print(is_ours)
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A result of some size."""

    text: str = ""


@pytest.fixture
def derived(tmp_path: Path) -> Iterator[DerivedFiles]:
    """Return an empty store of at most 1000 bytes."""
    with closing(DerivedFiles(tmp_path / "derived", Disk(tmp_path), 1000)) as opened:
        yield opened


def files(tmp_path: Path) -> list[str]:
    """Return the names of the results that are stored."""
    return sorted(one.name for one in (tmp_path / "derived").glob("*/*.json"))


async def test_what_is_stored_is_found(derived: DerivedFiles) -> None:
    """A result is found under its name, and under no other one."""
    await derived.add(NAME, Found("é"))

    assert await derived.find(NAME, Found) == Found("é")
    assert await derived.find(derived_name(OWNER, "y"), Found) is None


@pytest.mark.parametrize("body", [b"", b'{"text": "x', b'{"text": 1}', b"[]", b"\xff"])
async def test_damaged_result_is_made_again(
    derived: DerivedFiles, tmp_path: Path, body: bytes
) -> None:
    """A file that is cut short or not valid is as good as none."""
    await derived.add(NAME, Found("x"))
    (stored,) = (tmp_path / "derived").glob("*/*.json")
    stored.write_bytes(body)

    assert await derived.find(NAME, Found) is None


def name_of(number: int) -> DerivedName:
    """Return one of several names of the same owner."""
    return derived_name(OWNER, str(number))


async def test_bounded_in_total(derived: DerivedFiles, tmp_path: Path) -> None:
    """Beyond the maximum, the oldest results are deleted, and the newest one stays."""
    for number in range(9):
        await derived.add(name_of(number), Found("x" * 200))
        (written,) = (tmp_path / "derived").glob(f"*/{name_of(number).key}.json")
        os.utime(written, (number, number))

    assert sum(one.stat().st_size for one in (tmp_path / "derived").glob("*/*.json")) <= 1000
    assert await derived.find(name_of(8), Found) is not None
    assert await derived.find(name_of(0), Found) is None


async def test_results_of_gone_artifacts(derived: DerivedFiles, tmp_path: Path) -> None:
    """A sweep deletes the results whose artifact is gone, and no other ones."""
    await derived.add(NAME, Found())
    await derived.add(derived_name(OTHER, "x"), Found())

    unneeded = derived.list_unneeded({OWNER}, FUTURE)
    for one in unneeded:
        derived.remove(one)

    assert [one.name.partition("/")[0] for one in unneeded] == [OTHER]
    assert files(tmp_path) == [f"{NAME.key}.json"]
    assert not (tmp_path / "derived" / OTHER).exists()


def test_drafts_after_a_crash(derived: DerivedFiles, tmp_path: Path) -> None:
    """A draft is deleted with its block; one that a crash has left, by a sweep."""
    with derived.draft(1) as path:
        path.write_bytes(b"x")
    left = tmp_path / "derived" / "drafts" / "left"
    left.write_bytes(b"xyz")

    assert not path.exists()
    assert derived.list_unneeded({}, FUTURE) == [UnneededFile("drafts/left", 3)]
    assert derived.list_unneeded({}, datetime(2000, 1, 1, tzinfo=UTC)) == []


def full(folder: Path) -> Disk:
    """Return a disk on which uploads would have to leave more than it has."""
    return Disk(folder, min_free=2**62)


async def test_full_disk(tmp_path: Path) -> None:
    """On a disk below its floor nothing is stored, and what was stored gives way."""
    with closing(DerivedFiles(tmp_path / "derived", Disk(tmp_path), 1000)) as derived:
        await derived.add(NAME, Found())
    with closing(DerivedFiles(tmp_path / "derived", full(tmp_path), 1000)) as derived:
        await derived.add(name_of(2), Found())
        assert files(tmp_path) == [f"{NAME.key}.json"]
        with pytest.raises(NoRoomError), derived.draft(1):
            pass

        derived.make_room()

    assert files(tmp_path) == []


def test_claimed_by_one_process(derived: DerivedFiles, tmp_path: Path) -> None:
    """While one process works on a result, another one does not; the claim ends with its block."""

    def ask(name: str) -> str:
        command = [sys.executable, "-c", CLAIM, str(tmp_path), name]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    with derived.claimed(NAME) as is_ours:
        assert is_ours
        assert (ask("x"), ask("y")) == ("False", "True")
    assert ask("x") == "True"
