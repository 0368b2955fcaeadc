"""A server whose disk fails: `python -m tests.batteries.faulty_server FILE DEFECT serve …`.

While FILE exists, it names the call to the operating system that fails next, and how. DEFECT is
`-`, or `deaf`: the server does not hear that a flush failed.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from stageproxy.cli import main
from stageproxy.store.disk import Disk

CALLS = ("open", "fsync", "replace")
FILES = "/files/"
"""What is in the paths of staged files; other calls are not about the disk."""


@dataclass(slots=True)
class Faults:
    """The fault of the file, and how many calls have been made since it was written."""

    file: Path
    made: int = 0
    _lock: Lock = field(default_factory=Lock)

    def raise_if_due(self) -> None:
        """Count a call, and raise if it is the one that fails. A fault occurs once."""
        with self._lock:
            if not self.file.exists():
                self.made = 0
                return
            fault = json.loads(self.file.read_text())
            self.made += 1
            if self.made > fault["after"]:
                self.file.unlink()
                raise OSError(fault["errno"], os.strerror(fault["errno"]))


def failing_at_times(call: Callable[..., Any], faults: Faults) -> Callable[..., Any]:
    """Return a call that fails when it is due."""

    def made(*arguments: Any, **named: Any) -> Any:
        if isinstance(arguments[0], int) or FILES in str(arguments[0]):
            faults.raise_if_due()
        return call(*arguments, **named)

    return made


def deaf(_: Disk, descriptor: int) -> None:
    """Flush a file, whether it fails or not."""
    try:
        os.fsync(descriptor)
    except OSError:
        return


if __name__ == "__main__":
    found = Faults(Path(sys.argv.pop(1)))
    if sys.argv.pop(1) == "deaf":
        Disk.sync = deaf  # type: ignore[assignment,method-assign] # the planted defect
    for name in CALLS:
        setattr(os, name, failing_at_times(getattr(os, name), found))
    main(prog_name="stageproxy")
