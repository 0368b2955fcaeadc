"""The examples and tables of docs/reference/json.md, compared with the commands."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stageproxy.core.review.document import as_document
from tests.cli.commands import commands
from tests.cli.data_directories import WHEEL as STORED
from tests.cli.data_directories import DataDirectory
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.builders.reviews import LOST_MUSL, a_short_review
from tests.support.clients.command_runner import CommandRunner, ServerWithIndex
from tests.support.servers.processes import ROOT
from tests.support.servers.stub_server import StubServer

PAGE = (ROOT / "docs" / "reference" / "json.md").read_text()
SECTION = re.compile(r"^## (.+)\n((?:(?!^## ).*\n)*)", re.MULTILINE)
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|", re.MULTILINE)
EXAMPLE = re.compile(r"^(?:With exit code (\d):\n\n)?```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FAILURE = re.compile(
    r"^With exit code (\d)[^\n]*:\n\n```console\n\$ stageproxy (.*?)\n(.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FAILURES: list[tuple[str, str, str]] = FAILURE.findall(PAGE)
FILENAME = re.compile(r".+\.(whl|tar\.gz)")
REPEATED = {"stage", "stages", "tokens", "publishers"}
"""Keys whose values another section describes."""

TYPED = {
    "upload": ("upload WHEEL", "upload BROKEN"),
    "check": ("check WHEEL OTHER", "check BROKEN", "check --rules"),
    "stage open": ("stage open PROJECT 2.0",),
    "stage list": ("stage list --project PROJECT",),
    "stage show": ("stage show STAGE",),
    "stage extend": ("stage extend STAGE --by 1d",),
    "stage cancel": ("stage cancel STAGE",),
    "stage remove": ("stage remove STAGE SDIST",),
    "stage rotate": ("stage rotate STAGE",),
    "download": ("download STAGE --dest DEST",),
    "wait": ("wait STAGE --files 1",),
    "promote": ("promote STAGE --dry-run", "promote STAGE --manifest MANIFEST"),
    "review": ("review REVIEWED --server REVIEWS",),
    "try": ("try STAGE --installer uv", "try STAGE --installer uv --with nothing-of-that-name"),
    "verify-transparency": ("verify-transparency STAGE --names NAMES --upstream UPSTREAM",),
    "audit show": ("audit STAGE",),
    "audit verify": ("audit verify", "audit verify --head NO_HEAD"),
    "token new": ("token new --project PROJECT --can upload --expires 30d",),
    "token list": ("token list",),
    "token reset-admin": ("token reset-admin --data RESTORED",),
    "backup": ("backup ARCHIVE --data DATA",),
    "restore": ("restore BACKUP --data NEW",),
    "migrate-storage": ("migrate-storage --to-database DATABASE --data DATA --dry-run",),
    "token revoke": ("token revoke TOKEN",),
    "publisher add": ("publisher add PROJECT google email=release@demo.example",),
    "publisher list": ("publisher list PROJECT",),
    "publisher remove": ("publisher remove PROJECT PUBLISHER",),
    "oidc token": ("oidc token --server REVIEWS",),
    "fsck": ("fsck --data DATA", "fsck --data DAMAGED --repair"),
    "doctor": ("doctor --config SETTINGS",),
    "sweep": ("sweep --dry-run",),
    "limits": ("limits PROJECT",),
    "config check": ("config check",),
    "config show": ("config show",),
    "completion": ("completion bash",),
}
"""The command lines that print the examples of each command, in order."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page: commands with the same document, examples, and types of keys."""

    commands: tuple[str, ...]
    examples: tuple[tuple[int, Any], ...]
    keys: Mapping[str, str]


def sections() -> Iterator[Section]:
    """Return the sections of the page."""
    for heading, text in SECTION.findall(PAGE):
        commands = tuple(re.findall(r"`([^`]+)`", heading))
        examples = tuple((int(code or 0), json.loads(one)) for code, one in EXAMPLE.findall(text))
        yield Section(commands, examples, dict(ROW.findall(text)))


def commands_with_json() -> Iterator[str]:
    """Return the name of every command that has `--json`."""
    for name, command in commands().items():
        if any("--json" in one.opts for one in command.params):
            yield name


def shape(value: Any) -> Any:
    """Return a document with its values replaced by their types.

    Filenames are replaced by `*`, and of an array only the first item counts.
    """
    if isinstance(value, dict):
        return {spelled(key): shape(one) for key, one in value.items()}
    return [*map(shape, value[:1])] if isinstance(value, list) else type_of(value)


def keys_of(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Return every key of a document with its type: `a.b`, `a[].b`, `files.*.size`."""
    if isinstance(value, dict):
        for key, one in value.items():
            below = f"{path}.{spelled(key)}".removeprefix(".")
            yield below, type_of(one)
            yield from keys_of(one, below)
    for one in value if isinstance(value, list) else ():
        yield from keys_of(one, f"{path}[]")


def spelled(key: str) -> str:
    """Return a key as the page spells it."""
    return "*" if FILENAME.fullmatch(key) else key


def type_of(value: Any) -> str:
    """Return the name of the JSON type of a value."""
    numbers = {int: "number", float: "number"}
    names = {bool: "boolean", dict: "object", list: "array", str: "string", **numbers}
    return "null" if value is None else names[type(value)]


@pytest.fixture(scope="module")
def backup(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of backups, with a data directory that was restored from it."""
    folder = tmp_path_factory.mktemp("backup") / "backups"
    cli = CommandRunner(folder.parent, "", filled, "", "demo")
    cli.json("backup", f"{folder}/", "--data", filled)
    cli.json("restore", folder, "--data", folder / "restored")
    return folder


@pytest.fixture
def arguments(  # noqa: PLR0917 - what the commands of all examples are run on
    cli: CommandRunner,
    server_with_index: ServerWithIndex,
    stub_server: StubServer,
    filled: Path,
    data: DataDirectory,
    backup: Path,
    migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, str]:
    """Return the arguments of the command lines: a stage of a wheel and an sdist, and others."""
    data.file(STORED).unlink()
    wheel = cli.save(a_wheel(cli.project, requires_python=">=3.11", requires_dist=["six"]))
    sdist = cli.save(an_sdist(cli.project, requires_python=">=3.11", requires_dist=["six"]))
    broken = cli.save(an_sdist(cli.project, "9.0", metadata="Metadata-Version: 9.9\n"))
    other = cli.save(an_sdist(cli.project, "1.0.0", requires_dist=["six"]))
    names = cli.folder / "names.txt"
    names.write_text("other\n")
    settings = cli.folder / "stageproxy.toml"
    upstream = server_with_index.index.url
    settings.write_text(f'[server]\nport = 0\n[upstream]\nurl = "{upstream}"\n')
    wanted = ("--project", cli.project, "--can", "upload", "--expires", "30d")
    token = cli.json("token", "new", *wanted)
    publisher = cli.json("publisher", "add", cli.project, "google", "email=me@demo.example")
    stub_server.answers["/_/oidc/audience"] = {"audience": stub_server.url}
    stub_server.answers["/_/oidc/mint-token"] = {"token": "stgu_…", "expires": 1_700_000_000}
    monkeypatch.setenv("STAGEPROXY_ID_TOKEN", "the identity of a job")
    stage = cli.staged(wheel, sdist)
    stub_server.answers["/tmp/demo/token/+review"] = as_document(a_short_review(LOST_MUSL))
    return {
        "PROJECT": cli.project,
        "STAGE": stage["id"],
        "MANIFEST": stage["manifest-digest"],
        "WHEEL": str(wheel),
        "SDIST": sdist.name,
        "BROKEN": str(broken),
        "OTHER": str(other),
        "TOKEN": token["id"],
        "PUBLISHER": publisher["id"],
        "NAMES": str(names),
        "UPSTREAM": stub_server.url,
        "REVIEWS": stub_server.url,
        "REVIEWED": f"{stub_server.url}/tmp/demo/token/",
        "DEST": str(cli.folder / "dest"),
        "NO_HEAD": "0" * 64,
        "DATA": str(filled),
        "DATABASE": migrated_url,
        "SETTINGS": str(settings),
        "DAMAGED": str(data.path),
        "ARCHIVE": str(cli.folder / "backup.tar"),
        "BACKUP": str(backup),
        "RESTORED": str(backup / "restored"),
        "NEW": str(cli.folder / "new"),
    }


def test_every_command_is_described() -> None:
    """The page describes exactly the commands with `--json`, each once."""
    described = [command for section in sections() for command in section.commands]

    assert sorted(described) == sorted(commands_with_json())


@pytest.mark.parametrize("command", [*commands_with_json()])
def test_examples(cli: CommandRunner, arguments: dict[str, str], command: str) -> None:
    """A command prints the keys of its examples, with values of the same types."""
    (section,) = (one for one in sections() if command in one.commands)

    printed = []
    for typed in TYPED[command]:
        ended = cli.run(*(arguments.get(one, one) for one in typed.split()), "--json")
        assert ended.stderr == ""
        printed.append((ended.code, shape(ended.document)))

    assert printed == [(code, shape(one)) for code, one in section.examples]


@pytest.mark.parametrize(
    "section", [one for one in sections() if one.keys], ids=lambda one: one.commands[0]
)
def test_tables(section: Section) -> None:
    """A table lists the keys of the examples in its section, each with its types."""
    found = [pair for _, one in section.examples for pair in keys_of(one)]

    own = [(key, kind) for key, kind in found if re.split(r"\W", key)[0] not in REPEATED]
    outer = [(key, kind) for key, kind in found if key in REPEATED]
    assert {key for key, _ in own + outer} == set(section.keys)
    assert [
        (key, kind) for key, kind in own + outer if kind not in section.keys[key].split(" or ")
    ] == []


@pytest.mark.parametrize("failure", FAILURES, ids=lambda one: one[1])
def test_failures(cli: CommandRunner, failure: tuple[str, str, str]) -> None:
    """A failing command prints what the page shows, and ends with its exit code."""
    code, command, shown = failure

    ended = cli.run(*command.split())

    assert (ended.code, ended.stdout) == (int(code), "")
    assert ended.stderr == shown


def test_every_exit_code_has_an_example() -> None:
    """There is an example of each exit code."""
    assert {code for code, _, _ in FAILURES} == {"1", "2", "3"}
