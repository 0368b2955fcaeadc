"""`stageproxy config`: check and show settings."""

import json
import os
from pathlib import Path

import click

from stageproxy.cli.output.output import FailedError, json_option, print_json
from stageproxy.config import Config, ConfigError, load_config, shown_settings
from stageproxy.server.settings_check import check_settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def config() -> None:
    """Check and show settings."""


@config.command("check")
@click.argument("file", type=_FILE, required=False)
@json_option
def check(file: Path | None, *, as_json: bool) -> None:
    """Check the settings in FILE and the environment.

    Run it on the server's machine, as the server's user: it also checks that the
    files and addresses in the settings can be used.
    """
    report = check_settings(_load(file))
    if report.errors:
        raise FailedError("\n".join(report.errors))
    if as_json:
        warnings = list(report.warnings)
        print_json({"file": str(file) if file else None, "ok": True, "warnings": warnings})
        return
    for warning in report.warnings:
        click.echo(f"Warning: {warning}", err=True)
    click.echo("The settings are valid.")


@config.command("show")
@click.option("--config", "file", type=_FILE, help="Settings file, as TOML.")
@json_option
def show(file: Path | None, *, as_json: bool) -> None:
    """Show the effective settings, with secrets hidden."""
    document = shown_settings(_load(file))
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


def _load(file: Path | None) -> Config:
    try:
        return load_config(file, os.environ)
    except ConfigError as error:
        raise FailedError(str(error)) from error
