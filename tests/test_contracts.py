"""The import contracts of pyproject.toml that list modules by name."""

import tomllib
from typing import Any

from stageproxy.cli import main
from tests.support.servers.processes import ROOT


def contract(name: str) -> Any:
    """Return an import contract by its name."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return next(one for one in settings["contracts"] if one["name"] == name)


def test_every_command_is_held_apart_from_the_others() -> None:
    """A command that is missing from the contract could import another one unnoticed."""
    targets = [command.target for command in main.commands.values()]  # type: ignore[attr-defined]
    modules = {".".join(target.partition(":")[0].split(".")[:3]) for target in targets}

    assert set(contract("A command imports no other command")["modules"]) == modules
