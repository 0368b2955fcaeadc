"""`stageproxy oidc`: an upload token for the CI job that this runs in."""

import os
from datetime import UTC, datetime

import click

from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.identities import identity_for
from stageproxy.cli.output.output import FailedError, print_json
from stageproxy.core.errors import StageproxyError
from stageproxy.core.stage.listing import rfc3339

_NO_JOB = (
    "This is no CI job with an identity. In GitHub Actions, the job needs `permissions: id-token: "
    "write`; in GitLab, `id_tokens` with the variable {variable} and the audience {audience}."
)
_GITLAB_VARIABLE = "STAGEPROXY_ID_TOKEN"


@click.group()
def oidc() -> None:
    """Get an upload token for a CI job.

    Trusted publishing without a stored secret: `stageproxy publisher add` says
    which jobs may upload to a project.
    """


@oidc.command("token")
@client_options
async def mint_token(connection: Connection, *, as_json: bool) -> None:
    """Print an upload token for this CI job.

    For clients that do not ask for one by themselves, such as twine. The token
    is valid for 15 minutes, and for one project.
    """
    async with connection.open_anonymously() as client:
        audience = str((await client.request("GET", "_/oidc/audience"))["audience"])
        document = await client.request(
            "POST", "_/oidc/mint-token", {"token": await _identity(audience)}
        )
    token, expires = document["token"], datetime.fromtimestamp(document["expires"], UTC)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        # The log of the job hides it from now on.
        click.echo(f"::add-mask::{token}", err=True)
    if as_json:
        print_json({"token": token, "expires-at": rfc3339(expires)})
    else:
        click.echo(token)


async def _identity(audience: str) -> str:
    """Return the identity of this job, or raise with what to do."""
    given = os.environ.get(_GITLAB_VARIABLE)
    if given:
        return given
    try:
        found = await identity_for(audience)
    except StageproxyError as error:
        raise FailedError(error.sentence) from error
    if found is None:
        raise FailedError(_NO_JOB.format(variable=_GITLAB_VARIABLE, audience=audience))
    return found
