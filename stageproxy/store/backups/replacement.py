"""Replacing the contents of a data directory so that a crash leaves the old or the new ones.

What is new is written to `restoring/`. Once it is complete and flushed, that folder
is renamed to `restore-ready-<time>/`; the old contents are moved to
`before-restore-<time>/`, and after a second renaming the new ones to their places.
Whoever locks the data directory next completes what a crash interrupted.
"""

from pathlib import Path

from stageproxy.store.files import flush_folder

RESTORING = "restoring"
_READY = "restore-ready-"
_MOVING = "restore-moving-"
_FORMER = "before-restore-"
_OURS = (RESTORING, _READY, _MOVING, _FORMER, "lock", "reserve", "lost+found")


def contents_of(root: Path) -> list[Path]:
    """Return the contents of a data directory, without what belongs to the directory itself."""
    return [path for path in sorted(root.iterdir()) if not path.name.startswith(_OURS)]


def replace_contents(root: Path, time: str) -> Path | None:
    """Put the contents of `restoring/` in place; return where the old ones are, if there were."""
    flush_folder(root / RESTORING)
    (root / RESTORING).rename(root / f"{_READY}{time}")
    flush_folder(root)
    finish_replacement(root)
    former = root / f"{_FORMER}{time}"
    return former if former.exists() else None


def finish_replacement(root: Path) -> None:
    """Finish putting complete contents in place, if that was interrupted."""
    for ready in root.glob(f"{_READY}*"):
        time = ready.name.removeprefix(_READY)
        old = contents_of(root)
        if old:
            _move(old, root / f"{_FORMER}{time}")
        ready.rename(root / f"{_MOVING}{time}")
        flush_folder(root)
    for moving in root.glob(f"{_MOVING}*"):
        _move(sorted(moving.iterdir()), root)
        moving.rmdir()
        flush_folder(root)


def _move(paths: list[Path], folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    for path in paths:
        path.rename(folder / path.name)
    flush_folder(folder)
