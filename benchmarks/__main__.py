"""`python -m benchmarks`: a table of ratios, measured in one run on one machine."""

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.children import running_servers
from benchmarks.measures import Bench, Measure
from tests.support.builders.large_wheel import write_large_wheel

_MIB = 2**20


@click.command()
@click.option("--size", default=512, show_default=True, metavar="MIB", help="Of the wheel.")
@click.option("--rounds", default=3, show_default=True, help="Of which the median counts.")
@click.option("--pages", default=300, show_default=True, help="Asked for in a round.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(size: int, rounds: int, pages: int, *, as_json: bool) -> None:
    """Measure uploads, downloads and pages, each beside a minimal server."""
    measures = asyncio.run(_measure(size, rounds, pages))
    if as_json:
        click.echo(json.dumps(_document(size, rounds, pages, measures), indent=2))
        return
    click.echo(f"{'':<12}  {'stageproxy':>12}  {'at least':>12}  {'ratio':>6}")
    for one in measures:
        click.echo(
            f"{one.name:<12}  {one.service * 1000:>9.1f} ms  {one.least * 1000:>9.1f} ms"
            f"  {one.ratio:>6.2f}"
        )
    click.echo(f"A wheel of {size} MiB; the median of {rounds} rounds; pages one by one.")


async def _measure(size: int, rounds: int, pages: int) -> Sequence[Measure]:
    with tempfile.TemporaryDirectory(prefix="stageproxy-benchmarks-") as name:
        folder = Path(name)
        wheel = await asyncio.to_thread(write_large_wheel, folder, size * _MIB, version="2.0")
        sha256 = await asyncio.to_thread(_sha256_of, wheel)
        async with running_servers(folder) as servers:
            return await Bench(servers, wheel, sha256, rounds, pages).measures()


def _sha256_of(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _document(size: int, rounds: int, pages: int, measures: Sequence[Measure]) -> dict[str, object]:
    return {
        "wheel-mib": size,
        "rounds": rounds,
        "pages": pages,
        "measures": [
            {
                "name": one.name,
                "stageproxy-seconds": round(one.service, 6),
                "least-seconds": round(one.least, 6),
                "ratio": round(one.ratio, 3),
            }
            for one in measures
        ],
    }


if __name__ == "__main__":
    main()
