"""Commands in the console blocks of a document, and the output that it shows for each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.support.servers.processes import CommandResult

CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FAILURE = re.compile(r"^error:", re.IGNORECASE | re.MULTILINE)
ENDED = "@@ ended with"


@dataclass(frozen=True, slots=True)
class Step:
    """A command of the tutorial, and the output that it shows."""

    command: str
    shown: tuple[str, ...]

    @property
    def fails(self) -> bool:
        """Return whether the tutorial shows an error."""
        return FAILURE.search("\n".join(self.shown)) is not None

    def pattern(self) -> str:
        """Return what the output must match, as a regular expression; `…` stands for anything."""
        shown = "\n".join(self.shown)
        return ".*".join(re.escape(part) for part in shown.split("…"))


def steps(text: str) -> Iterator[Step]:
    """Return the commands in a document's console blocks, in order."""
    for block in CONSOLE.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.rstrip("\n").split("\n")
            yield Step(command, tuple(shown))


def script(todo: list[Step]) -> str:
    """Return a script that runs all commands in one shell, and prints each exit code."""
    print_code = f"printf '\\n{ENDED} %s\\n' $?"
    return "".join(f"{{ {step.command}\n}} 2>&1\n{print_code}\n" for step in todo)


def assert_as_shown(
    todo: Sequence[Step], done: CommandResult, places: Mapping[str, str] = {}
) -> None:
    """Fail unless a script printed what its document shows; *places* replace parts of that."""
    printed = re.split(rf"^{ENDED} (\d+)\n", done.stdout, flags=re.MULTILINE)
    for step, output, code in zip(todo, printed[::2], printed[1::2], strict=False):
        matches = re.fullmatch(placed(step, places).pattern(), output.strip("\n"), re.DOTALL)
        assert matches, f"$ {step.command}\n{output}"
        assert (code != "0") is step.fails, f"$ {step.command}\n{output}"
    assert (len(printed) // 2, done.stderr) == (len(todo), "")


def placed(step: Step, places: Mapping[str, str]) -> Step:
    """Return a step with parts of its command and its output replaced."""
    pattern = re.compile("|".join(map(re.escape, places)) or "$^")

    def replaced(text: str) -> str:
        return pattern.sub(lambda found: places[found[0]], text)

    return Step(replaced(step.command), tuple(map(replaced, step.shown)))
