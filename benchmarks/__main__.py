"""`python -m benchmarks`: measure everything, or the given parts."""

import asyncio
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks import report
from benchmarks.goals import Row
from benchmarks.registry import PARTS
from benchmarks.results import Result, load_results, save_result
from benchmarks.run import Part, Run
from benchmarks.tools import missing_tools

_NAMES = [one.name for one in PARTS]


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(_NAMES))
@click.option("--rounds", default=5, show_default=True, help="Of which the median counts.")
@click.option("--seconds", default=1, show_default=True, help="Each side of a round is loaded.")
@click.option("--size", default=1024, show_default=True, metavar="MIB", help="Of the large wheel.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end.")
def main(parts: Sequence[str], rounds: int, seconds: int, size: int, *, as_json: bool) -> None:
    """Measure stageproxy beside other servers, in PARTS (all by default).

    Results stay in build/benchmarks/. Once there is one of every part, docs/benchmarks.md is
    written.
    """
    if missing := missing_tools():
        raise click.ClickException(missing)
    wanted = [one for one in PARTS if one.name in (parts or _NAMES)]
    for part in wanted:
        click.echo(f"{part.name}: {part.subject}", err=True)
        with tempfile.TemporaryDirectory(prefix="stageproxy-benchmarks-") as folder:
            options = Run(Path(folder), rounds, seconds, size * 2**20)
            save_result(asyncio.run(_measure(part, options)))
    results = load_results(PARTS)
    shown = [one for one in results if one.part in {part.name for part in wanted}]
    click.echo(report.as_json(shown) if as_json else report.as_text(shown))
    if len(results) == len(PARTS):
        click.echo(f"Written: {report.write_page(results)}", err=True)


async def _measure(part: Part, options: Run) -> Result:
    """Return the result of a part. What was measured before a failure counts."""
    rows: list[Row] = []
    try:
        async for row in part.measure(options):
            click.echo(report.line_of(row), err=True)
            rows.append(row)
    except Exception as error:  # noqa: BLE001 - one part does not end the others
        traceback.print_exc()
        return Result.of(part, options, rows, failure=f"The part ended: {type(error).__name__}.")
    return Result.of(part, options, rows)


if __name__ == "__main__":
    main()
