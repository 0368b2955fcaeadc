"""Here is the credential for the index that a command may hand over to a server, for once."""

import os
from collections.abc import Mapping
from pathlib import Path

import click

from stageproxy.cli.client import StageReference
from stageproxy.cli.connection import Connection
from stageproxy.cli.output import FailedError
from stageproxy.core.rights import TOKEN_USER, Credential, parse_credential

_TOKEN = "STAGEPROXY_PROMOTION__TOKEN"  # noqa: S105 - a name
_USERNAME = "STAGEPROXY_PROMOTION__USERNAME"


def find_credential(
    connection: Connection,
    reference: StageReference,
    token_file: Path | None,
    environment: Mapping[str, str] = os.environ,
) -> Credential | None:
    """Return the credential of a file or the environment, if there is one for that server.

    What is in the environment goes to the server that was named, or is of this
    machine: not to any that a stage URL from somebody leads to.
    """
    if token_file is not None:
        return read_credential(token_file)
    token = environment.get(_TOKEN, "").strip()
    if not token:
        return None
    if not connection.is_named_or_local(reference.server):
        click.echo(
            f"{_TOKEN} is not sent to {reference.server}, which only the stage URL names. "
            f"Add --server {reference.server} to send it.",
            err=True,
        )
        return None
    return Credential(environment.get(_USERNAME) or TOKEN_USER, token)


def read_credential(path: Path) -> Credential:
    """Return the credential that a file has: an API token, or `user:password`."""
    try:
        return parse_credential(path.read_text())
    except (OSError, ValueError) as error:
        raise FailedError(f"Could not read a credential from {path}: {error}") from error
