"""`stageproxy config`: check and show settings."""

import json
import os
from pathlib import Path
from typing import Any

import click

from stageproxy.cli.output import FailedError, json_option, print_json
from stageproxy.config import ConfigError, load_config, shown_settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def config() -> None:
    """Check and show settings."""


@config.command("check")
@click.argument("file", type=_FILE, required=False)
@json_option
def check(file: Path | None, *, as_json: bool) -> None:
    """Check the settings in FILE and the environment."""
    _load(file)
    if as_json:
        print_json({"file": str(file) if file else None, "ok": True})
    else:
        click.echo("The settings are valid.")


@config.command("show")
@click.option("--config", "file", type=_FILE, help="Settings file, as TOML.")
@json_option
def show(file: Path | None, *, as_json: bool) -> None:
    """Show the effective settings, with secrets hidden."""
    document = _load(file)
    if as_json:
        print_json(document)
        return
    for section, values in document.items():
        click.echo(f"[{section}]")
        for name, value in values.items():
            click.echo(f"{name} = {_toml(value)}")
        click.echo()


def _toml(value: object) -> str:
    """Return a value as TOML, which differs from JSON only in tables."""
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    pairs = (f"{json.dumps(name)} = {_toml(one)}" for name, one in value.items())
    return f"{{ {', '.join(pairs)} }}" if value else "{}"


def _load(file: Path | None) -> dict[str, Any]:
    try:
        return shown_settings(load_config(file, os.environ))
    except ConfigError as error:
        raise FailedError(str(error)) from error
