"""Whether servers that share a database belong together: by their secret, and their files."""

from collections.abc import Iterator, Mapping

SECRET = "secret"  # noqa: S105 - the name of a fact
FILES = "files"

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
    return (_ADVICE[name] for name, value in own.items() if known.get(name, value) != value)
