"""The limit of open files, and how many connections fit below it."""

import logging
import resource

from stageproxy.web.serving.connections import MOST_CONNECTIONS

log = logging.getLogger(__name__)

_MOST_DESCRIPTORS = 2**16
_RESERVED = 400
"""Open files for the rest: the database, connections to upstream, child processes."""
_PER_CONNECTION = 2
"""A connection, and the file that is sent or received on it."""
_FEWEST_CONNECTIONS = 16


def raise_descriptor_limit() -> None:
    """Raise the limit of open files to the highest that this process may set, within reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < highest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))


def connection_limit(wanted: int, workers: int = 1) -> int:
    """Return how many connections there may be: as many as *wanted* if there are descriptors.

    0 is as many as there are descriptors for, within reason. One of several *workers* has its
    share of what is wanted, and descriptors of its own.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors = _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    possible = most_connections(descriptors)
    share = -(-wanted // workers)
    if share > possible:
        log.warning(
            "server.max_connections is %d, but the limit of open files, %d, allows %d connections. "
            "Raise the limit: `LimitNOFILE` in systemd, `ulimit -n` in a shell.",
            wanted,
            descriptors,
            possible * workers,
        )
    return min(share or -(-MOST_CONNECTIONS // workers), possible)


def most_connections(descriptors: int) -> int:
    """Return how many connections fit below a limit of open files."""
    return max((descriptors - _RESERVED) // _PER_CONNECTION, _FEWEST_CONNECTIONS)
