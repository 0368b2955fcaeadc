"""Here is `stageproxy serve`."""

import asyncio
import os
from pathlib import Path

import click

from stageproxy.cli.output import FailedError


@click.command()
@click.option(
    "--config", "path", type=click.Path(path_type=Path, dir_okay=False), help="A TOML file."
)
@click.option("--host", help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), help="0 picks a free one.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Where to keep all.")
def serve(path: Path | None, host: str | None, port: int | None, data: Path | None) -> None:
    """Run the server until it is told to stop."""
    # The server's modules take longer to import than most commands take to run.
    from stageproxy.config import ConfigError, load_config  # noqa: PLC0415
    from stageproxy.server.run import SERVE_FAILURES, log_to_stderr  # noqa: PLC0415
    from stageproxy.server.run import serve as run  # noqa: PLC0415

    try:
        config = load_config(
            path, os.environ, server={"host": host, "port": port}, storage={"data": data}
        )
        log_to_stderr(config.log.format, config.log.level)
        asyncio.run(run(config, click.echo))
    except (ConfigError, *SERVE_FAILURES) as error:
        raise FailedError(str(error)) from error
