"""Which server a process belongs to, and which of its workers it is."""

import secrets
from dataclasses import dataclass
from typing import Self

from stageproxy.store.directory import DataDirectory
from stageproxy.store.disk import failure_mark
from stageproxy.upstream.pip_index import PipSettings


@dataclass(frozen=True, slots=True)
class Identity:
    """The ids of a server and of one of its workers, both random, and how many workers it has.

    The *instance* is shared by all workers: clients see one server. No other process ever has
    the id *worker*.
    """

    instance: str
    worker: str
    workers: int = 1

    @classmethod
    def of_server(cls, workers: int) -> Self:
        """Return a new server, as its first worker."""
        return cls(secrets.token_hex(8), secrets.token_hex(8), workers)

    def of_next_worker(self) -> "Identity":
        """Return another worker of the same server."""
        return Identity(self.instance, secrets.token_hex(8), self.workers)

    @property
    def is_alone(self) -> bool:
        """Whether the server has no other worker."""
        return self.workers == 1


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a worker has to know of its server.

    `former_failure` is the mark of a failure of the disk from before the server's start.
    `upstream` is the index that all workers ask, which takes long to find out.
    """

    identity: Identity
    former_failure: int
    upstream: PipSettings | None = None

    @classmethod
    def at_start(cls, directory: DataDirectory, workers: int) -> Self:
        """Return what the first worker of a server has to know that starts now."""
        return cls(Identity.of_server(workers), failure_mark(directory.root))

    @classmethod
    def alone(cls, directory: DataDirectory) -> Self:
        """Return what the only worker of a server has to know that starts now."""
        return cls.at_start(directory, 1)
