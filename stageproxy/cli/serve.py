"""`stageproxy serve`: the start of the server."""

import asyncio
import os
from functools import partial
from pathlib import Path

import click

from stageproxy.cli.output.output import FailedError
from stageproxy.config import ConfigError, load_config
from stageproxy.server import run, supervisor


@click.command()
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file, as TOML.",
)
@click.option("--host", help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 picks a free one."
)
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data directory.")
def serve(path: Path | None, host: str | None, port: int | None, data: Path | None) -> None:
    """Run the server until it is stopped."""
    read = partial(
        load_config, path, os.environ, server={"host": host, "port": port}, storage={"data": data}
    )
    try:
        config = read()
        run.log_without_a_thread(config.log.format, config.log.level)
        if supervisor.worker_count(config) > 1:
            supervisor.serve(config, click.echo, read)
            return
        run.log_to_stderr(config.log.format, config.log.level)
        asyncio.run(run.serve(config, click.echo))
    except (ConfigError, supervisor.WorkerFailedError, *run.SERVE_FAILURES) as error:
        raise FailedError(str(error)) from error
