"""`stageproxy completion`: shells complete commands and options."""

import json
import sys
from pathlib import Path

import pytest

from tests.support.clients.command_runner import CommandRunner
from tests.support.servers.processes import own_environment, put_commands, run

ASK = """
{script}
COMP_WORDS=({words} "{last}") COMP_CWORD={number}
$(complete -p stageproxy | sed 's/.* -F \\([^ ]*\\) .*/\\1/') stageproxy
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
LIST_COMMANDS = {
    "help": (("--help",), {}),
    "completion": (
        (),
        {
            "_STAGEPROXY_COMPLETE": "bash_complete",
            "COMP_WORDS": "stageproxy se",
            "COMP_CWORD": "1",
        },
    ),
}
SLOW = ("asyncio", "email", "http", "logging", "ssl", "urllib")
SHOW_IMPORTED = f"""
import sys
from stageproxy.cli import main
try:
    main(prog_name="stageproxy")
finally:
    own = {{one for one in sys.modules if one.partition(".")[0] == "stageproxy"}}
    tops = {{one.partition(".")[0] for one in sys.modules if not one.startswith("_")}}
    others = tops - sys.stdlib_module_names - {{"sitecustomize", "usercustomize"}}
    slow = {{*{SLOW}}} & {{*sys.modules}}
    print(*sorted(own | others | slow), file=sys.stderr)
"""
CASES = {
    "a command": ("stageproxy to", {"token"}),
    "commands of a group": (
        "stageproxy stage ",
        {"open", "list", "show", "extend", "cancel", "remove", "rotate"},
    ),
    "options": (
        "stageproxy wait --",
        {"--files", "--timeout", "--server", "--token", "--data", "--json"},
    ),
    "options that begin so": ("stageproxy token new --ex", {"--expires"}),
    "values of an option": ("stageproxy token new --can ", {"upload", "manage", "admin"}),
    "shells": ("stageproxy completion ", {"bash", "zsh", "fish"}),
    "nothing": ("stageproxy nonsense", set()),
}


@pytest.fixture
def cli(tmp_path: Path) -> CommandRunner:
    """Return a runner without a server, which completion does not need."""
    return CommandRunner(tmp_path, "", tmp_path, "", "demo")


def script_for(cli: CommandRunner, shell: str) -> str:
    """Return the script for a shell."""
    ended = cli.run_in_environment({}, "completion", shell)
    assert (ended.code, ended.stderr) == (0, "")
    return ended.stdout


@pytest.mark.parametrize(("typed", "offered"), CASES.values(), ids=CASES)
async def test_in_bash(cli: CommandRunner, typed: str, offered: set[str]) -> None:
    """Bash completes commands and options after it has read the script."""
    put_commands(cli.folder / "bin")
    clean = own_environment()
    *words, last = typed.split(" ")
    asking = ASK.format(
        script=script_for(cli, "bash"), words=" ".join(words), last=last, number=len(words)
    )

    path = f"{cli.folder / 'bin'}:{clean['PATH']}"
    done = (await run("bash", "-c", asking, environment={**clean, "PATH": path})).ok()

    assert done.stderr == ""
    assert set(done.stdout.split()) - {"--help", "-h"} == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize(("typed", "offered"), CASES.values(), ids=CASES)
async def test_in_other_shells(shell: str, typed: str, offered: set[str]) -> None:
    """The completions for zsh and fish are printed in the format that they read."""
    *words, last = typed.split(" ")
    asked = {
        "zsh": {"COMP_WORDS": typed, "COMP_CWORD": str(len(words))},
        "fish": {"COMP_WORDS": typed, "COMP_CWORD": last},
    }[shell]
    asking = {**own_environment(), **asked, "_STAGEPROXY_COMPLETE": f"{shell}_complete"}

    done = (await run(sys.executable, "-m", "stageproxy", environment=asking)).ok()

    lines = done.stdout.splitlines()
    of_fish = [one.partition(",")[2].partition("\t")[0] for one in lines]
    values = lines[1::3] if shell == "zsh" else of_fish
    assert set(values) - {"--help", "-h", ""} == offered


@pytest.mark.parametrize(
    ("shell", "begins", "asks"),
    [
        ("bash", "_stageproxy_completion() {", "_STAGEPROXY_COMPLETE=bash_complete"),
        ("zsh", "#compdef stageproxy", "_STAGEPROXY_COMPLETE=zsh_complete"),
        ("fish", "function _stageproxy_completion;", "_STAGEPROXY_COMPLETE=fish_complete"),
    ],
)
def test_script(cli: CommandRunner, shell: str, begins: str, asks: str) -> None:
    """The script, also with `--json`, is that of the shell, and calls the command."""
    script = script_for(cli, shell)

    assert script.startswith(begins)
    assert f"{asks} " in script
    document = json.loads(cli.run_in_environment({}, "completion", shell, "--json").stdout)
    assert document == {"shell": shell, "script": script.removesuffix("\n")}


def test_unknown_shell(cli: CommandRunner) -> None:
    """An unknown shell is a usage error, and the supported ones are listed."""
    ended = cli.run_in_environment({}, "completion", "tcsh")

    assert (ended.code, ended.stdout) == (2, "")
    assert "'bash', 'zsh', 'fish'" in ended.stderr


@pytest.mark.parametrize(("arguments", "environment"), LIST_COMMANDS.values(), ids=LIST_COMMANDS)
async def test_no_command_is_imported(
    arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    """Listing the commands imports none of them, and no library but click."""
    environment = {**own_environment(), **environment}

    done = await run(sys.executable, "-c", SHOW_IMPORTED, *arguments, environment=environment)

    assert "serve" in done.ok().stdout
    assert done.stderr == "click stageproxy stageproxy.cli\n"
