"""The documents: every name is described, links are valid, and commands run."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from stageproxy.config import Config, ProjectSettings, SettingsTable
from stageproxy.core.rights import TOKEN_PATTERN
from stageproxy.web.routes import ROUTES
from tests.cli.commands import commands
from tests.support.clients.clients import clean_environment
from tests.support.console_examples import assert_as_shown, script, steps
from tests.support.servers.processes import ROOT, put_commands, run, running_server

REFERENCE = ROOT / "docs" / "reference"
TUTORIAL = ROOT / "docs" / "tutorial.md"
NOT_OURS = re.compile(r"\..*|node_modules|stageproxy-data|build|dist")

HOSTS = re.compile(
    "|".join([r"\bpypi" + r"\.org", "python" + "hosted", r"pypi\.python" + r"\.org"])
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)

ELSEWHERE = frozenset(
    {
        "git clone <repository URL> stageproxy",
        "cd stageproxy",
        "make serve",
        ". .venv/bin/activate",
        "python -m pip install --quiet twine uv",
    }
)
"""Commands of the tutorial that prepare what a test already has."""

MAP = (ROOT / "docs" / "architecture.md").read_text()
MODULES = sorted(set(re.findall(r"`((?:\w+/)+\w+\.py)`", MAP)))
DEFINITIONS = sorted(set(re.findall(r"`(\w+)` in `((?:\w+/)*\w+\.py)`", MAP)))


def documents(*suffixes: str) -> Iterator[Path]:
    """Return the files of this repository that have one of these endings."""
    for path in sorted(ROOT.rglob("*")):
        folders = path.relative_to(ROOT).parent.parts
        if path.suffix in suffixes and not any(map(NOT_OURS.fullmatch, folders)):
            yield path


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings in a document, as code hosts spell them."""
    headings = HEADING.findall(FENCED.sub("", text))
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("command", [f"stageproxy {one}" for one in commands()])
def test_command_is_documented(command: str) -> None:
    """Every command has a line in the reference."""
    lines = (REFERENCE / "commands.md").read_text().splitlines()

    assert [line for line in lines if line.startswith((f"| `{command} ", f"| `{command}`"))]


SECTIONS: dict[str, type[SettingsTable]] = {
    **{one: type(getattr(Config(), one)) for one in Config.model_fields if one != "projects"},
    "projects.NAME": ProjectSettings,
}


@pytest.mark.parametrize("section", SECTIONS)
def test_settings_are_documented(section: str) -> None:
    """Every setting has a line in the reference, below its section."""
    text = (REFERENCE / "configuration.md").read_text()
    _, _, below = text.partition(f"## `[{section}]`\n")
    table = below.partition("\n## ")[0]

    names = SECTIONS[section].model_fields
    assert [name for name in names if f"| `{name}` |" not in table] == []


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_route_is_documented(route: web.RouteDef) -> None:
    """Every route has a line in the reference, with its method."""
    lines = (REFERENCE / "http.md").read_text().splitlines()

    assert [line for line in lines if f"`{route.path}`" in line and f" {route.method} " in line]


INSTALLS = re.compile(r"^\S*\$ .*(?:pip|uv).* (?:install|download) .*\$\{STAGE\}.*$", re.MULTILINE)


def test_install_commands_pin_the_version() -> None:
    """Commands of the tutorial that install from a stage name the version, like printed ones."""
    commands = INSTALLS.findall(TUTORIAL.read_text())

    assert len(commands) > 3
    assert [one for one in commands if "==1.0" not in one] == []


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md", "docs/how-to/promote.md"])
def test_no_page_promises_a_job_without_secrets(page: str) -> None:
    """No page says that a CI job needs no secret: to promote, it needs a manage token."""
    text = " ".join((ROOT / page).read_text().split())

    assert not re.search(r"(?:no|without an?y?) secret", text)


def test_change_fragments_have_names_that_towncrier_reads() -> None:
    """No two change fragments have the same name to towncrier, which would print one of them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]
    kinds = "|".join(one["directory"] for one in settings["type"])
    name = re.compile(rf"(?:[0-9]+|\+[a-z0-9-]+)\.(?:{kinds})(?:\.[0-9]+)?\.md")

    fragments = {path.name for path in (ROOT / settings["directory"]).iterdir()} - {"README.md"}

    assert [one for one in sorted(fragments) if not name.fullmatch(one)] == []


@pytest.mark.parametrize("path", [*documents(".md")], ids=lambda one: str(one.relative_to(ROOT)))
def test_links_are_valid(path: Path) -> None:
    """The file and the heading of every relative link exist."""
    targets = LINK.findall(FENCED.sub("", path.read_text()))

    dead = [one for one in targets if "://" not in one and not target_exists(path, one)]

    assert dead == []


def target_exists(path: Path, link: str) -> bool:
    """Return whether the target of a relative link exists."""
    name, _, anchor = link.partition("#")
    target = path.parent / name if name else path
    return target.exists() and (not anchor or anchor in anchors(target.read_text()))


@pytest.mark.parametrize("module", MODULES)
def test_map_names_modules_that_exist(module: str) -> None:
    """Every module on the map of the architecture is there."""
    assert (ROOT / "stageproxy" / module).exists() or (ROOT / module).exists()


@pytest.mark.parametrize(("name", "module"), DEFINITIONS)
def test_map_names_what_a_module_defines(name: str, module: str) -> None:
    """What the map says is in a module is defined in it."""
    source = (ROOT / "stageproxy" / module).read_text()

    assert re.search(rf"^\s*(async def|def|class) {name}\b|^{name}\b", source, re.MULTILINE)


def test_no_registry_is_named() -> None:
    """No file contains the host name of an index, which comes from pip's configuration."""
    texts = {path.relative_to(ROOT): path.read_text() for path in documents(".md", ".py", ".toml")}

    assert [str(path) for path, text in texts.items() if HOSTS.search(text)] == []


@pytest.mark.journey
@pytest.mark.network
async def test_tutorial(tmp_path: Path) -> None:
    """The tutorial's commands print what it shows, run one after another."""
    todo = [one for one in steps(TUTORIAL.read_text()) if one.command not in ELSEWHERE]
    here, logs, shims = tmp_path / "stageproxy", tmp_path / "logs", tmp_path / "bin"
    here.mkdir()
    logs.mkdir()
    put_commands(shims)
    clean = clean_environment()
    path = f"{shims}:{Path(sys.executable).parent}:{clean['PATH']}"

    async with running_server(here / "stageproxy-data", logs=logs) as server:
        done = await run(
            "bash", "-c", script(todo), environment={**clean, "PATH": path}, folder=here
        )

    assert_as_shown(todo, done, {"http://127.0.0.1:8726": server.url})
    assert [one for one in logs.iterdir() if TOKEN_PATTERN.search(one.read_text())] == []
