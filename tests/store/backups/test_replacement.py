"""The contents of a data directory are replaced wholly, or not yet."""

import sys
from pathlib import Path

from stageproxy.store.backups.replacement import finish_replacement, replace_contents
from stageproxy.store.directory import DataDirectory
from tests.support.servers.processes import own_environment, run

OLD = {"catalogue.db": "old", "catalogue.db-wal": "old", "files/kept/1": "old", "secret": "old"}
NEW = {"catalogue.db": "new", "files/kept/2": "new"}

# Forks a child that ends before its n-th renaming, for each n until one gets through.
KILLED_AT_EACH_RENAMING = """
import json, os, sys
from itertools import count
from pathlib import Path
from stageproxy.store.backups.replacement import replace_contents

def replace_and_die(root, last):
    numbers = count(1)
    def ending(event, arguments):
        if event in ("os.rename", "os.rmdir", "os.mkdir") and next(numbers) >= last:
            os._exit(9)
    sys.addaudithook(ending)
    replace_contents(root, "time")
    os._exit(0)

for number, root in enumerate(map(Path, sys.argv[1:]), 1):
    child = os.fork()
    if child == 0:
        replace_and_die(root, number)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status))
"""


def write(root: Path, texts: dict[str, str]) -> None:
    """Write texts to files below a folder."""
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def texts_below(root: Path, *without: str) -> dict[str, str]:
    """Return the texts of all files below a folder, but for those in some folders."""
    files = ((path.relative_to(root), path) for path in root.rglob("*") if path.is_file())
    return {str(name): path.read_text() for name, path in files if name.parts[0] not in without}


def a_directory(root: Path) -> Path:
    """Return a data directory with old contents, and new ones to replace them."""
    write(root, OLD)
    write(root / "restoring", NEW)
    (root / "lock").touch()
    return root


def test_contents_are_replaced(tmp_path: Path) -> None:
    """The new contents are in place, and the old ones together in a folder."""
    root = a_directory(tmp_path)

    former = replace_contents(root, "time")

    assert former == root / "before-restore-time"
    assert texts_below(former) == OLD
    assert texts_below(root, "before-restore-time") == {**NEW, "lock": ""}


def test_nothing_to_replace(tmp_path: Path) -> None:
    """In an empty data directory, no folder of old contents is made."""
    write(tmp_path / "restoring", NEW)

    assert replace_contents(tmp_path, "time") is None
    assert texts_below(tmp_path) == NEW


async def test_killed_at_each_renaming(tmp_path: Path) -> None:
    """Whenever it is killed, the next lock finds the old contents, or completes the new ones."""
    roots = [a_directory(tmp_path / str(number)) for number in range(1, 20)]
    command = (sys.executable, "-c", KILLED_AT_EACH_RENAMING, *map(str, roots))
    codes = (await run(*command, environment=own_environment())).ok().stdout.split()
    killed = [root for root, code in zip(roots, codes, strict=True) if code == "9"]

    outcomes = []
    for root in killed:
        with DataDirectory(root).locked():
            present = texts_below(root, "before-restore-time", "restoring", "lock")
        outcomes.append("new" if present == NEW else "old")
        assert present in (OLD, NEW)
        assert texts_below(root, "restoring").items() >= (
            {f"before-restore-time/{name}": text for name, text in OLD.items()}.items()
            if present == NEW
            else OLD.items()
        )

    assert outcomes == ["old", *["new"] * (len(killed) - 1)]
    assert len(killed) > 8


def test_unfinished_backup_is_not_used(tmp_path: Path) -> None:
    """New contents that were not complete are not put in place."""
    root = a_directory(tmp_path)

    finish_replacement(root)

    assert texts_below(root, "restoring", "lock") == OLD
