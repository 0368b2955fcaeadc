"""The metrics of all workers of a server, as files: one for each, and one for those that ended."""

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from stageproxy.web.added_metrics import AddedMetrics, added, from_json, lasting, to_json

log = logging.getLogger(__name__)

_ENDED = "ended"
_DRAFT = ".new"


class SharedMetrics:
    """The folder of these files. No total ever decreases while the server runs.

    A worker writes its file each second, and when it is asked for all metrics: so what another
    one shows may be a second old, and a worker that is killed takes no more than that with it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = Lock()

    def begin(self) -> None:
        """Begin without the metrics of a former server."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for path in self._folder.iterdir():
            path.unlink(missing_ok=True)

    def save(self, worker: str, registry: CollectorRegistry) -> Sequence[Metric]:
        """Write the metrics of a worker, and return them. On a full disk, the last ones stay."""
        with self._writing:
            families = list(registry.collect())
            with suppress(OSError):
                self._write(worker, to_json(families))
            return families

    def collect(self, worker: str, registry: CollectorRegistry) -> AddedMetrics:
        """Return the metrics of all workers, at the request of one.

        Its own are as it has written them: those that another one shows next are no smaller.
        """
        own = self.save(worker, registry)
        with self._locked(fcntl.LOCK_SH):
            others = [self._read(name) for name in self._names() if name != worker]
        return AddedMetrics(added(own, *others))

    def end(self, worker: str) -> None:
        """Add what a worker has counted, which has ended, to what others counted before it."""
        try:
            with self._locked(fcntl.LOCK_EX):
                total = added(self._read(_ENDED), lasting(self._read(worker)))
                self._write(_ENDED, to_json(total))
                (self._folder / worker).unlink(missing_ok=True)
        except OSError as error:
            # Its file still counts.
            log.warning("the metrics of a former worker stay a file: %s", error.strerror)

    def _names(self) -> Sequence[str]:
        return [path.name for path in self._folder.iterdir() if path.suffix != _DRAFT]

    def _read(self, name: str) -> Sequence[Metric]:
        try:
            return from_json((self._folder / name).read_bytes())
        except FileNotFoundError:
            return []

    def _write(self, name: str, data: bytes) -> None:
        draft = self._folder / f"{name}{_DRAFT}"
        draft.write_bytes(data)
        draft.replace(self._folder / name)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Hold the lock of the folder: shared to read it, exclusive to end a worker."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)
