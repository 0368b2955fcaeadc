"""The credential for the index that a command sends to the server for one promotion."""

import os
from collections.abc import Mapping
from pathlib import Path

import click

from stageproxy.cli.client import StageReference
from stageproxy.cli.connection import Connection
from stageproxy.cli.output.output import FailedError
from stageproxy.core.rights import TOKEN_USER, Credential, parse_credential

_TOKEN = "STAGEPROXY_PROMOTION__TOKEN"  # noqa: S105 - a name
_USERNAME = "STAGEPROXY_PROMOTION__USERNAME"


def find_credential(
    connection: Connection,
    reference: StageReference,
    token_file: Path | None,
    environment: Mapping[str, str] = os.environ,
) -> Credential | None:
    """Return the credential from a file or the environment, if there is one for the server.

    One from the environment is sent only to a server that the user named, or to
    the one on this machine: never to one that only a stage URL names.
    """
    if token_file is not None:
        return read_credential(token_file)
    token = environment.get(_TOKEN, "").strip()
    if not token:
        return None
    if not connection.is_named_or_local(reference.server):
        click.echo(
            f"{_TOKEN} is not sent to {reference.server}, because only the stage URL names "
            f"this server. To send it, add --server {reference.server}.",
            err=True,
        )
        return None
    return Credential(environment.get(_USERNAME) or TOKEN_USER, token)


def read_credential(path: Path) -> Credential:
    """Return the credential in a file: an API token, or `user:password`."""
    try:
        return parse_credential(path.read_text())
    except (OSError, ValueError) as error:
        raise FailedError(f"Could not read a credential from {path}: {error}") from error
