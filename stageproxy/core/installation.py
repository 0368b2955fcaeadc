"""Whether servers that share a database belong together: by their secret, and their files."""

from collections.abc import Iterator, Mapping

SECRET = "secret"  # noqa: S105 - the name of a fact
FILES = "files"
MOVED = "moved"
"""When the catalogue was moved to another database, and to which one."""

_ADVICE = {
    SECRET: (
        "server.secret is not the secret of the other servers over this database, so that stage "
        "URLs of one would not work on another. Set it to the same on all servers. To change it "
        "for all, stop them and delete the row `secret` of the table `installation`."
    ),
    FILES: (
        "The files of this server are not those of the other servers over this database. Set "
        "storage.files to the same bucket and prefix on all servers. If the files have been moved, "
        "stop all servers and delete the row `files` of the table `installation`."
    ),
}
"""What is wrong, and what to do, where a server differs from the first one in a fact."""


def differences(known: Mapping[str, str], own: Mapping[str, str]) -> Iterator[str]:
    """Yield in what a server, by its *own* facts, differs from what is *known* of the others."""
    if MOVED in known:
        yield (
            f"The catalogue in this database was moved, {known[MOVED]}. Set storage.database to "
            "that one. To use this one again, without what was done since then, delete the row "
            f"`{MOVED}` of its table `installation`."
        )
    yield from (_ADVICE[name] for name, value in own.items() if known.get(name, value) != value)


def facts_after_move(
    known: Mapping[str, str], *, secret: str, files: str | None
) -> Mapping[str, str]:
    """Return the facts of a catalogue in its new database.

    *secret*: the fingerprint of the secret of its servers. *files*: the id of the new place of the
    files, if they were moved, too.
    """
    stays = {name: value for name, value in known.items() if name != MOVED}
    return {**stays, SECRET: secret, **({FILES: files} if files is not None else {})}
