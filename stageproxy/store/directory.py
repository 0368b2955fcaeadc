"""The data directory: its lock, the server's secret, and the first admin token."""

import errno
import fcntl
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stageproxy.store.backups.replacement import finish_replacement
from stageproxy.store.files import flush_folder

log = logging.getLogger(__name__)

_SECRET_BYTES = 32
_NEEDS_ACCESS = "Run the server as its owner, or change its owner and permissions."
_IN_THE_WAY = "Move away what is in its place."
_FAILING = "Check the disk."
_ADVICE: Mapping[int, str] = {
    errno.EACCES: _NEEDS_ACCESS,
    errno.EPERM: _NEEDS_ACCESS,
    errno.EROFS: "Mount the disk so that it can be written.",
    errno.ENOSPC: "Free some MiB on the disk.",
    errno.EDQUOT: "Free some MiB on the disk, or raise the quota.",
    errno.EISDIR: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
}


class DataDirectoryError(Exception):
    """The data directory cannot be used; the message says why."""


class DataDirectoryInUseError(DataDirectoryError):
    """A server already uses the data directory."""


class DataDirectory:
    """The folder of everything that is stored, readable only by its owner."""

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            msg = f"The data directory {root} cannot be created: {advice_on(error)}"
            raise DataDirectoryError(msg) from error

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "catalogue.db"

    @property
    def admin_token(self) -> Path:
        """The file with the admin token that the first start creates."""
        return self.root / "admin.token"

    @property
    def server_url(self) -> Path:
        """The file with the URL of the running server, for commands on the same machine."""
        return self.root / "server.url"

    @property
    def last_seen(self) -> Path:
        """The file with the time that the last server saw, to notice jumps of the clock."""
        return self.root / "last-seen"

    @property
    def metrics(self) -> Path:
        """The folder with the metrics of each worker, if a server has several."""
        return self.root / "metrics"

    @property
    def derived(self) -> Path:
        """The folder of what was worked out of artifacts, and can be again."""
        return self.root / "derived"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock against other servers. The system releases it when the process ends."""
        path = self.root / "lock"
        with usable(path):
            opened = path.open("w")
        with opened as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                msg = f"A server already uses the data directory {self.root}."
                raise DataDirectoryInUseError(msg) from error
            finish_replacement(self.root)
            yield

    def secret(self, given: str) -> bytes:
        """Return the secret of stage tokens: the *given* one, or that of a file, created here."""
        if given:
            return given.encode()
        path = self.root / "secret"
        with usable(path):
            if not path.exists():
                write_secret(path, secrets.token_hex(_SECRET_BYTES))
            if path.stat().st_mode & 0o077:
                log.warning("%s is readable by other users: run chmod 600 on it", path)
            secret = path.read_text(errors="replace").strip()
        if not secret:
            raise DataDirectoryError(empty_secret_message(path))
        return secret.encode()


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Raise `DataDirectoryError` for an error of the disk, with what to do about it."""
    try:
        yield
    except OSError as error:
        raise DataDirectoryError(f"{path} cannot be used: {advice_on(error)}") from error


def advice_on(error: OSError) -> str:
    """Return what is wrong with a file, and what to do."""
    return f"{error.strerror}. {_ADVICE.get(error.errno or 0, _FAILING)}"


def find_secret(root: Path, given: str) -> bytes | None:
    """Return the secret of stage tokens as a server has it, `None` if it has none yet."""
    if given:
        return given.encode()
    try:
        return (root / "secret").read_text().strip().encode() or None
    except (OSError, UnicodeDecodeError):
        return None


def empty_secret_message(path: Path) -> str:
    """Return what is wrong with an empty file of the secret, and what to do."""
    return (
        f"{path} is empty, so anyone could guess stage URLs. Restore or delete it; then the server "
        "creates a new one, and all stage URLs change."
    )


def find_directory_problems(root: Path, *, needs_secret: bool) -> Iterator[str]:
    """Yield why a server could not use the data directory *root*. Nothing is created."""
    existing = next(one for one in (root, *root.absolute().parents) if one.exists())
    if not existing.is_dir():
        yield f"storage.data: {existing} is not a directory. Name another data directory."
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield (
            f"storage.data: this user cannot write to {existing}. Change its owner, or name "
            "another data directory."
        )
    elif needs_secret and (root / "secret").exists():
        try:
            if not (root / "secret").read_text().strip():
                yield f"storage.data: {empty_secret_message(root / 'secret')}"
        except (OSError, UnicodeDecodeError):
            yield f"storage.data: {root / 'secret'} cannot be read. Restore it or its owner."


def is_in_use(root: Path) -> bool:
    """Return whether a server uses the data directory *root*."""
    try:
        with (root / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, completely or not at all."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    flush_folder(path.parent)
