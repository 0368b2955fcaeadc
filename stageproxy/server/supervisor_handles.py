"""What a supervisor has open beside its workers: sockets, a pipe, and the signals it gets."""

import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from stageproxy.server.worker_process import SIGNALS


class SupervisorPipe:
    """A pipe that is never written to: reading it ends when the supervisor does."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()

    def close_in_worker(self) -> None:
        """Close the end that only the supervisor has, in a worker."""
        os.close(self._writer)

    def close(self) -> None:
        """Close both ends."""
        os.close(self.reader)
        os.close(self._writer)


@dataclass(frozen=True, slots=True)
class Handles:
    """What a supervisor has open: a socket for each slot, its pipe, and the signals it gets."""

    listeners: Sequence[socket.socket]
    pipe: SupervisorPipe
    signals: socket.socket

    def close_in_worker(self, listener: socket.socket) -> None:
        """Close in a worker what is not its own: all but the *listener* of its slot."""
        self.pipe.close_in_worker()
        self.signals.close()
        for other in self.listeners:
            if other is not listener:
                other.close()


@contextmanager
def received_signals() -> Iterator[socket.socket]:
    """Yield a socket from which the numbers of the signals can be read that this process gets."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)  # noqa: FBT003 - its only parameter
    former_handlers = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    former_descriptor = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    with reader, writer:
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(former_descriptor)
            for number, handler in former_handlers.items():
                signal.signal(number, handler)
