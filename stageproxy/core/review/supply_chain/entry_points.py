"""Entry points: commands with the names of other tools, and code that other tools run."""

from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name

from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.summary import ArchiveSummary
from stageproxy.core.review.supply_chain.pair import Pair

_SCRIPTS = frozenset({"console_scripts", "gui_scripts"})
_LOADED_BY: Mapping[str, str] = {
    "distutils.commands": "setuptools, in builds of other projects",
    "distutils.setup_keywords": "setuptools, in builds of other projects",
    "setuptools.finalize_distribution_options": "setuptools, in builds of other projects",
    "setuptools.file_finders": "setuptools, in builds of other projects",
    "egg_info.writers": "setuptools, in builds of other projects",
    "pytest11": "pytest, in the tests of other projects",
    "keyring.backends": "keyring, whenever a password is read",
    "sitecustomize": "Python, at every start",
}
_OTHER_TOOLS = frozenset(
    {
        "7z", "apt", "aws", "az", "bash", "black", "brew", "bun", "cargo", "cat", "chmod", "cmake",
        "cmd", "conda", "cp", "curl", "deno", "docker", "dotnet", "easy_install", "env",
        "gcc", "gcloud", "gh", "git", "go", "gpg", "hatch", "helm", "java", "jupyter", "kubectl",
        "ls", "make", "mamba", "mv", "mypy", "mysql", "node", "npm", "npx", "openssl", "pdm",
        "perl", "php", "pip", "pip3", "pipenv", "pipx", "pnpm", "podman", "poetry", "powershell",
        "psql", "pwsh", "pytest", "python", "python2", "python3", "rm", "rsync", "ruby", "ruff",
        "scp", "sh", "ssh", "ssh-agent", "sudo", "tar", "terraform", "tox", "twine", "unzip", "uv",
        "uvx", "virtualenv", "wget", "wheel", "yarn", "zip", "zsh",
    }
)  # fmt: skip
_OWN = "Publish it only if the project is that tool, or is meant to replace it."


def entry_point_findings(pair: Pair) -> Iterator[ReviewFinding]:
    """Yield findings on new entry points. Which lead somewhere else is a difference: `delta`."""
    before = frozenset() if pair.before is None else _names_in(pair.before)
    for group, name in sorted(_names_in(pair.after) - before):
        yield from _new(pair, group, name)
    yield from _scripts(pair)


def _names_in(summary: ArchiveSummary) -> frozenset[tuple[str, str]]:
    texts = (text.partition(" = ")[0].partition(": ") for text in summary.entry_points)
    return frozenset((group, name) for group, _, name in texts)


def _new(pair: Pair, group: str, name: str) -> Iterator[ReviewFinding]:
    if group in _SCRIPTS and _is_of_other_tool(pair, name):
        yield pair.loud("shadowing-command", _shadows(pair, name), _OWN, "entry_points.txt")
    if group in _LOADED_BY and pair.before is not None:
        yield pair.loud(
            "loaded-by-others",
            f"The release {pair.adds} the entry point {name!r}, which is loaded by "
            f"{_LOADED_BY[group]}.",
            "It runs wherever the project is installed. Publish it only if the project is a "
            "plugin of that tool.",
            "entry_points.txt",
        )


def _scripts(pair: Pair) -> Iterator[ReviewFinding]:
    for member in pair.after.members:
        folder, _, name = member.path.rpartition("/")
        is_script = folder.endswith(".data/scripts") and member.path not in pair.members_before
        if is_script and _is_of_other_tool(pair, name):
            yield pair.loud("shadowing-command", _shadows(pair, name), _OWN, member.path)


def _shadows(pair: Pair, name: str) -> str:
    return f"The release {pair.adds} the command {name!r}, which is the name of another tool."


def _is_of_other_tool(pair: Pair, name: str) -> bool:
    own = canonicalize_name(pair.after.filename.partition("-")[0])
    command = name.lower().removesuffix(".exe")
    return command in _OTHER_TOOLS and canonicalize_name(command) != own
