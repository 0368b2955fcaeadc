"""Here is the data directory: who may use it, the server's secret, and the first token."""

import fcntl
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stageproxy.store.files import flush_folder

log = logging.getLogger(__name__)

_SECRET_BYTES = 32


class DataDirectoryError(Exception):
    """The data directory cannot be used; the sentence says why."""


class DataDirectoryInUseError(DataDirectoryError):
    """Another server has the data directory."""


class DataDirectory:
    """The folder in which all is kept, readable by its owner alone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            msg = f"The data directory {root} cannot be made: {error.strerror}."
            raise DataDirectoryError(msg) from error

    @property
    def database(self) -> Path:
        """Where the rows are."""
        return self.root / "catalogue.db"

    @property
    def admin_token(self) -> Path:
        """Where the first start leaves an admin token."""
        return self.root / "admin.token"

    @property
    def server_url(self) -> Path:
        """Where a running server says how it is reached, for commands on the same machine."""
        return self.root / "server.url"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other servers out while this one runs. The lock goes with the process."""
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                msg = f"Another server uses the data directory {self.root}."
                raise DataDirectoryInUseError(msg) from error
            yield

    def secret(self, given: str) -> bytes:
        """Return what stage tokens are derived from: as *given*, or kept in a file made here."""
        if given:
            return given.encode()
        path = self.root / "secret"
        if not path.exists():
            write_secret(path, secrets.token_hex(_SECRET_BYTES))
        if path.stat().st_mode & 0o077:
            log.warning("%s can be read by others than its owner: chmod 600 it", path)
        secret = path.read_text().strip()
        if not secret:
            msg = f"{path} is empty: anybody could guess stage URLs. Without it, a new one is made."
            raise DataDirectoryError(msg)
        return secret.encode()


def write_secret(path: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    flush_folder(path.parent)
