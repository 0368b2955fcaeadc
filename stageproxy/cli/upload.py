"""`stageproxy upload`: local files, read and uploaded one by one."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import click
from packaging.utils import canonicalize_version
from rich.progress import Progress, TaskID
from yarl import URL

from stageproxy.cli.client import Client
from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.distributions import LocalFile, choose_distributions, read_distribution
from stageproxy.cli.output.findings import print_findings
from stageproxy.cli.output.output import (
    FailedError,
    print_how_to_publish,
    print_json,
    print_next_steps,
)
from stageproxy.cli.promote.approval import ApprovalOptions
from stageproxy.cli.promote.command import check_published, publish_stage
from stageproxy.cli.promote.run import PromoteOptions
from stageproxy.cli.promote.texts import print_receipt
from stageproxy.cli.transfers import WatchedFile, progress_bars
from stageproxy.core.archives.filenames import DistributionName, parse_distribution_name
from stageproxy.core.stage.manifest import digest_of

_REFUSED_STATUSES = range(400, 500)
_ACCEPT = {"Accept": "application/vnd.pypi.upload.v2+json, application/json;q=0.9"}


@click.command()
@click.option(
    "--stage",
    metavar="STAGE",
    help="Stage URL, id or release. Default: the stage of the files' release.",
)
@click.option(
    "--promote",
    "publish",
    is_flag=True,
    help="Then publish the stage, if every file was accepted and it has no others.",
)
@click.option(
    "--yes", is_flag=True, help="With --promote: acknowledge warnings without a question."
)
@click.option("--here", is_flag=True, help="With --promote: publish from this machine.")
@click.option(
    "--pypi-token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="With --promote: file with the credential to publish with.",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@client_options
async def upload(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    stage: str | None,
    files: tuple[Path, ...],
    pypi_token_file: Path | None,
    *,
    publish: bool,
    yes: bool,
    here: bool,
    as_json: bool,
) -> None:
    """Upload FILES to their stage.

    Without --stage, it is the stage of their release; it is opened if there is
    none. FILES can be dist/*: attestations are sent with their files, and
    everything else but wheels and sdists is skipped.

    With --promote, the stage is then published, as `stageproxy promote` does, if
    it has exactly these files. If one is refused, or the stage has others,
    nothing is published.
    """
    if not publish and (yes or here or pypi_token_file):
        raise click.UsageError("--yes, --here and --pypi-token-file need --promote.")
    chosen = choose_distributions(files)
    names = _names_of(chosen)
    distributions = await asyncio.gather(
        *(asyncio.to_thread(read_distribution, path, chosen[path]) for path in names)
    )
    report = _Report()
    with progress_bars(hidden=as_json) as bars:
        await _upload_files(connection, stage, distributions, report, bars)
    if not (publish and as_json):
        _print(report, as_json=as_json, publishes=publish)
    if publish:
        options = PromoteOptions(
            approval=ApprovalOptions(report.local_digest),
            dry_run=False,
            here=here,
            yes=yes,
            as_json=as_json,
            token_file=pypi_token_file,
            config=None,
        )
        await _publish(connection, report, options)
    elif report.is_refused:
        raise SystemExit(1)


@dataclass(slots=True)
class _Report:
    """The result for each file so far, and the stage as the server last returned it."""

    stage: dict[str, Any] | None = None
    files: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether a file was refused."""
        return any(one["status"] == "refused" for one in self.files)

    @property
    def local_digest(self) -> str:
        """The manifest digest of the local files that the stage has: what may be published."""
        staged = self.stage["files"] if self.stage else {}
        digests = {one["filename"]: one["sha256"] for one in self.files}
        return digest_of({name: one for name, one in digests.items() if name in staged})

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {"stage": self.stage, "files": self.files}

    def add(
        self,
        file: LocalFile,
        status: str,
        errors: Sequence[str] = (),
        *,
        notices: Sequence[str] = (),
    ) -> None:
        """Add the result for a file: errors if it is refused, or what else is to be known."""
        self.files.append(
            {
                "filename": file.path.name,
                "sha256": file.sha256,
                "status": status,
                "errors": list(errors),
                **({"notices": list(notices)} if notices else {}),
            }
        )


def _names_of(files: Iterable[Path]) -> dict[Path, DistributionName]:
    """Parse the filenames, wheels first. Raise if they are of more than one release."""
    try:
        names = {path: parse_distribution_name(path.name) for path in files}
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    releases = {
        (name.project, canonicalize_version(name.version)): f"{name.project} {name.version}"
        for name in names.values()
    }
    if len(releases) > 1:
        listed = ", ".join(sorted(releases.values()))
        raise click.UsageError(
            f"The files belong to more than one release: {listed}. Upload each release separately."
        )
    ordered = sorted(names.items(), key=lambda item: (not item[1].is_wheel, item[0].name))
    return dict(ordered)


async def _upload_files(
    connection: Connection,
    stage: str | None,
    distributions: Sequence[LocalFile],
    report: _Report,
    bars: Progress,
) -> None:
    reference = connection.parse_stage(stage) if stage else None
    async with connection.open(reference.server if reference else None) as client:
        url = client.server / "legacy/"
        if reference:
            report.stage = await client.get_stage(reference)
            report.url = str(client.rebase(_stage_url(report.stage)))
            url = URL(report.url, encoded=True) / "legacy/"
        for file in distributions:
            bar = bars.add_task(file.path.name, total=file.path.stat().st_size)
            await _upload_file(client, url, file, report, bars, bar)


def _stage_url(stage: dict[str, Any]) -> str:
    if "stage" not in stage["links"]:
        raise FailedError(
            f"The stage has the status {stage['status']!r} and accepts no files. Omit --stage to "
            "upload to another stage."
        )
    return str(stage["links"]["stage"])


async def _upload_file(
    client: Client,
    url: URL,
    file: LocalFile,
    report: _Report,
    bars: Progress,
    bar: TaskID,
) -> None:
    if file.contents.problems:
        report.add(file, "refused", file.contents.problems)
        return
    status, text = await _post(client, url, file, bars, bar)
    if status in {401, 403}:
        raise client.failure(status, text)
    if status in _REFUSED_STATUSES:
        report.add(file, "refused", _messages_in(text))
        return
    if status != 200:  # noqa: PLR2004 - the one success
        raise client.failure(status, text)
    if not text.startswith("{"):
        report.add(file, "unchanged", notices=[text.removeprefix("OK").strip()])
        return
    report.stage = stage = json.loads(text)
    report.url = str(client.rebase(_stage_url(stage)))
    report.add(file, report.stage["meta"]["_outcome"] if report.stage else "uploaded")


async def _post(
    client: Client, url: URL, file: LocalFile, bars: Progress, bar: TaskID
) -> tuple[int, str]:
    with WatchedFile(file.path, bars, bar) as opened:
        form = aiohttp.FormData([*file.form, ("staged", "true")])
        form.add_field("content", opened, filename=file.path.name)
        try:
            async with client.session.post(url, data=form, headers=_ACCEPT) as response:
                return response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise client.unreachable(error) from error


def _messages_in(text: str) -> list[str]:
    try:
        message = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        message = text
    return [line for line in str(message).splitlines() if line.strip()]


async def _publish(connection: Connection, report: _Report, options: PromoteOptions) -> None:
    """Publish the files that were uploaded, if all were accepted."""
    has_files = report.stage is not None and not report.is_refused
    document = await publish_stage(connection, report.url, options) if has_files else None
    if options.as_json:
        print_json({**report.document(), "promotion": document})
    elif document and document["receipt"]:
        print_receipt(document["receipt"])
    if report.is_refused:
        raise FailedError("Nothing was published, because not every file was accepted.")
    if document:
        check_published(document)


def _print(report: _Report, *, as_json: bool, publishes: bool) -> None:
    if as_json:
        print_json(report.document())
        return
    for file in report.files:
        click.echo(f"{file['status']:<10} {file['filename']}", err=file["status"] == "refused")
        for notice in file.get("notices", ()):
            click.echo(f"           {notice}")
        for error in file["errors"]:
            click.echo(f"           {error}", err=True)
    if report.stage:
        print_findings(report.stage.get("findings", ()))
        print_next_steps(report.stage)
        if not publishes:
            print_how_to_publish(report.stage)
