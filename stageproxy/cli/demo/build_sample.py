"""`python -m stageproxy.cli.demo.build_sample`: a sample project to try things with."""

from pathlib import Path

import click

from stageproxy.cli.demo.sample import build_sample


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--says", default="works", help="What the project prints of itself.")
def main(folder: Path, says: str) -> None:
    """Build a wheel and an sdist of a sample project into FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in build_sample(folder, says):
        click.echo(path)


if __name__ == "__main__":
    main(prog_name="python -m stageproxy.cli.demo.build_sample")
