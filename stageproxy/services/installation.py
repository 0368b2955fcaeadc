"""The start of a server beside others: all of them have to have the same secret and files."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.installation import FILES, SECRET, differences

_PURPOSE = b"the fingerprint of the secret of an installation"


class OtherInstallationError(Exception):
    """A server does not belong to the others over its database; the message says what to do."""


async def join(catalogue: Catalogue, secret: bytes, files: str) -> None:
    """Join the servers over a database, or be the first of them.

    Raise `OtherInstallationError` if their secret is another, or the store *files* of theirs.
    """
    own = {SECRET: fingerprint_of(secret), FILES: files}
    problems = await catalogue.write(lambda rows: _compare(rows, own))
    if problems:
        raise OtherInstallationError(" ".join(problems))


async def check_alone(catalogue: Catalogue, files: Callable[[], Awaitable[str]]) -> None:
    """Raise `OtherInstallationError` if what a server has alone was moved to another place.

    *files*: returns the id of the place of its files.
    """
    known = await catalogue.read(lambda rows: rows.installation.facts())
    problems = [*differences(known, {FILES: await files()} if FILES in known else {})]
    if problems:
        raise OtherInstallationError(" ".join(problems))


def fingerprint_of(secret: bytes) -> str:
    """Return by what the secret of servers is compared, without being stored."""
    return hmac.new(secret, _PURPOSE, hashlib.sha256).hexdigest()


def _compare(rows: Rows, own: Mapping[str, str]) -> list[str]:
    known = rows.installation.facts()
    found = list(differences(known, own))
    if not found:
        for name in own.keys() - known.keys():
            rows.installation.save(name, own[name])
    return found
