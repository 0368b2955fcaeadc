"""A server whose power is cut while it works: all that it acknowledged is there afterwards."""

import os
from pathlib import Path
from random import Random

import pytest

from tests.batteries.crashes import Crashes
from tests.batteries.ext4_image import Ext4Image
from tests.batteries.report import SEED
from tests.batteries.uploaders import SMALL, Uploaders
from tests.support.index.fake_index import FakeIndex

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 and "CI" not in os.environ, reason="only root can mount a file system"
)


def cut_off(folder: Path, index: FakeIndex, planted: str = "") -> Crashes:
    """Return servers whose power is cut."""
    random = Random(SEED)
    disk = Ext4Image.make(folder, random)
    settings = {"UPSTREAM__URL": index.url}
    return Crashes(disk, folder, settings, Uploaders(random, SMALL), planted)


@pytest.mark.parametrize(
    "cuts",
    [
        pytest.param(3, id="a few times", marks=pytest.mark.journey),
        pytest.param(200, id="200 times", marks=pytest.mark.battery),
    ],
)
async def test_power_cuts(tmp_path: Path, index: FakeIndex, cuts: int) -> None:
    """Every acknowledged upload is on the disk, whatever the kernel has not written yet."""
    (await cut_off(tmp_path, index).run("power-cuts", cuts)).check()


@pytest.mark.journey
async def test_power_cuts_without_flushing(tmp_path: Path, index: FakeIndex) -> None:
    """The battery finds a server that flushes nothing."""
    (await cut_off(tmp_path, index, planted="no fsync").run("power-cuts", 4)).check()
