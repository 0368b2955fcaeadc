"""The import contracts of pyproject.toml that list modules by name."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stageproxy.cli import main
from tests.support.servers.processes import ROOT

HOSTILE = frozenset(
    {
        *("attestations_in", "examined_file", "file_findings", "find_render_faults"),
        *("findings_of", "form_findings", "form_of", "metadata_findings", "problems_in"),
        *("read_contents", "read_core_metadata", "read_in_steps", "steps_of", "wanted_of"),
    }
)
"""The functions of core that read what uploaders sent, and can take as long as they like."""


def contract(name: str) -> Any:
    """Return an import contract by its name."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return next(one for one in settings["contracts"] if one["name"] == name)


def test_every_command_is_held_apart_from_the_others() -> None:
    """A command that is missing from the contract could import another one unnoticed."""
    targets = [command.target for command in main.commands.values()]  # type: ignore[attr-defined]
    modules = {target.partition(":")[0].removesuffix(".command") for target in targets}

    assert set(contract("A command imports no other command")["modules"]) == modules


def imported_in(file: Path) -> Iterator[str]:
    """Return the names that a module imports from others."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (one.name for one in node.names)


@pytest.mark.parametrize("folder", ["services", "web", "upstream", "server"])
def test_hostile_text_is_not_read_in_the_server(folder: str) -> None:
    """The server has no function that reads hostile text: `ports.Inspector` does it elsewhere.

    docutils ran in its threads once, and 602 bytes stopped it.
    """
    files = (ROOT / "stageproxy" / folder).rglob("*.py")
    found = {str(file): HOSTILE & {*imported_in(file)} for file in files}

    assert {file: names for file, names in found.items() if names} == {}
