"""`stageproxy review`: the command."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click
from rich.text import Text

from stageproxy.cli.connection import Connection, client_options
from stageproxy.cli.output.output import FailedError, OutOfReachError, print_json
from stageproxy.cli.output.screen import print_lines
from stageproxy.cli.review.document import wait_for_review
from stageproxy.cli.review.hashes import compare_with_manifest, hash_lines, read_hashes
from stageproxy.cli.review.progress import comparison_progress
from stageproxy.cli.review.texts import review_lines
from stageproxy.cli.stage_completion import complete_stage
from stageproxy.core.durations import parse_duration
from stageproxy.core.review.review import Review, ReviewState
from stageproxy.core.stage.checksum_marks import Comparison


def _seconds(_context: click.Context, _option: click.Parameter, text: str) -> float:
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.argument("stage", shell_complete=complete_stage)
@click.option(
    "--no-wait", is_flag=True, help="Print what is there, though contents are still compared."
)
@click.option(
    "--timeout",
    "seconds",
    default="10m",
    callback=_seconds,
    help="How long to wait for the comparison. Default: 10m.",
)
@click.option("--diff", is_flag=True, help="Print the differences of text files, too.")
@click.option(
    "--hashes",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Compare the files with the hashes in FILE, such as a build's log; - reads standard "
    "input.",
)
@client_options
async def review(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    stage: str,
    hashes: Path | None,
    seconds: float,
    *,
    no_wait: bool,
    diff: bool,
    as_json: bool,
) -> None:
    """Show what a reviewer of STAGE has to know.

    What PyPI would refuse, what users get on each platform, what has changed since
    the last release, whether it can be installed, and what others have tried. The
    stage URL is enough to read it.

    The exit code is 1 if PyPI would refuse the release, or if users would lose or
    risk something.
    """
    if as_json and (hashes or diff):
        raise click.UsageError("--json prints the whole review. Omit --hashes and --diff.")
    output = read_hashes(hashes) if hashes else None
    reference = connection.parse_stage(stage)
    async with connection.open(reference.server) as client:
        with comparison_progress(hidden=as_json) as progress:
            patience = 0.0 if no_wait else seconds
            document, found = await wait_for_review(client, reference, progress, patience)
    comparison = compare_with_manifest(found.manifest, output) if output is not None else None
    if as_json:
        print_json(document)
    else:
        _print(found, stage, comparison, diff=diff)
    if comparison and comparison.differences:
        raise SystemExit(1)
    _end(found, waited=not no_wait)


def _print(review: Review, stage: str, comparison: Comparison | None, *, diff: bool) -> None:
    hashes = hash_lines(comparison) if comparison else ()
    print_lines(chain(review_lines(review, diff=diff), hashes, _next_steps(review, stage)))


def _next_steps(review: Review, stage: str) -> Iterator[Text]:
    """Yield what to do next: fill the stage, correct it, try it, or publish it."""
    if not review.manifest:
        yield Text(f"\nUpload files to it:\n  stageproxy upload --stage {stage} FILE…")
        return
    if review.regresses:
        yield Text("\nCorrect the release, upload its files again, and review it again:")
        yield Text(f"  stageproxy upload --stage {stage} FILE…")
        return
    is_tried = any(one.manifest_digest == review.manifest_digest for one in review.evidence)
    if not is_tried:
        yield Text(f"\nTry these files first:\n  stageproxy try {stage}")
    yield Text("\nPublish exactly these files, with a manage token:")
    yield Text(f"  stageproxy promote {stage} --manifest {review.manifest_digest}")


def _end(review: Review, *, waited: bool) -> None:
    """Raise if the release should not be published as it is, or if that is not known."""
    if review.regresses:
        raise SystemExit(1)
    if review.progress.state is ReviewState.FAILED:
        raise FailedError(
            "The contents could not be compared, so that nothing is known about them. Run the "
            "command again."
        )
    if waited and review.progress.state.is_unfinished:
        raise FailedError(
            "The contents were not compared in time. Run the command again, or give it more time "
            "with --timeout."
        )
    if review.manifest and review.impact is None:
        raise OutOfReachError(
            "The index does not answer, so that it is not known what users would get. Try again "
            "later."
        )
