"""`stageproxy check`."""

import subprocess
import sys

import pytest

from stageproxy.core.rules.table import RULES, RULES_AS_OF, UNKNOWN_RULES
from tests.cli.checks import findings, save
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist, metadata_of
from tests.support.clients.command_runner import UNUSED_URL, CommandRunner
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import ROOT

WHEEL, SDIST = a_wheel(version="2.0"), an_sdist(version="2.0")
RULES_OF = f"according to PyPI's rules of {RULES_AS_OF}"
ONLY_PYPI = "Some rules can only be checked by PyPI. List them with: stageproxy check --rules\n"
NOT_ASKED = "Files that PyPI already has were not checked. Check against them with: --against pip\n"
DIFFERENT = (
    f"{SDIST.filename} has a different Requires-Python than {WHEEL.filename}. "
    f"PyPI shows that of {WHEEL.filename} for all files, because it is published first."
)

WATCHED = """
import sys
ASKING = {"socket.connect", "socket.sendto", "socket.getaddrinfo", "subprocess.Popen"}
def tell(event, arguments):
    if event in ASKING:
        print("asked:", event, arguments[1], file=sys.stderr)
sys.addaudithook(tell)
from stageproxy.cli import main
main(prog_name="stageproxy")
"""


def test_no_findings(offline: CommandRunner) -> None:
    """Files without findings are listed as ok, in the order of publishing."""
    ended = offline.run("check", *save(offline, SDIST, WHEEL))

    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout == (
        f"ok       {WHEEL.filename}\n"
        f"ok       {SDIST.filename}\n"
        f"\nNo reason found to refuse 2 files, {RULES_OF}.\n{NOT_ASKED}{ONLY_PYPI}"
    )


def test_refused(offline: CommandRunner) -> None:
    """Files that PyPI would refuse are listed on stderr; exit code 1."""
    bad = an_sdist(version="2.0", summary="x" * 600)

    ended = offline.run("check", *save(offline, WHEEL, bad))

    assert ended.code == 1
    first, second, *rest = ended.stderr.splitlines()
    assert first == f"refused  {bad.filename}"
    assert second.startswith("         refused  summary: ")
    assert rest == ["", f"PyPI would refuse 1 of 2 files, {RULES_OF}."]
    assert ended.stdout.startswith(f"ok       {WHEEL.filename}\nwarning  demo 2.0\n")


def test_description_that_does_not_render(offline: CommandRunner) -> None:
    """A description in reStructuredText is rendered in a process of its own, with a limit."""
    text = metadata_of("demo", "2.0").replace("text/plain", "text/x-rst")
    bad = a_wheel(version="2.0", metadata=text + "\n.. nope::\n")

    ended = offline.run("check", *save(offline, bad))

    assert ended.code == 1
    assert "The description failed to render for 'text/x-rst'." in ended.stderr


def test_warning(offline: CommandRunner) -> None:
    """With warnings alone, the exit code is 0."""
    other = an_sdist(version="2.0", requires_python=">=3.9")

    ended = offline.run("check", *save(offline, WHEEL, other))

    assert (ended.code, ended.stderr) == (0, "")
    assert f"\nwarning  demo 2.0\n         warning  {DIFFERENT}\n" in ended.stdout


def test_document(offline: CommandRunner) -> None:
    """The document lists the findings by release."""
    other = an_sdist(version="2.0", requires_python=">=3.9")

    document = offline.json("check", *save(offline, other, WHEEL))

    found = {"level": "warn", "source": "release", "message": DIFFERENT}
    assert document == {
        "rules-as-of": RULES_AS_OF.isoformat(),
        "refused": False,
        "releases": [
            {
                "release": "demo 2.0",
                "files": {WHEEL.filename: [], other.filename: []},
                "findings": [found],
            }
        ],
    }
    assert list(document["releases"][0]["files"]) == [WHEEL.filename, other.filename]


def test_several_releases(offline: CommandRunner) -> None:
    """Files are grouped by release."""
    files = save(offline, WHEEL, a_wheel("other", "2.0"), an_sdist(version="2.0.0"), a_wheel())

    document = offline.json("check", *files)

    assert [(one["release"], list(one["files"])) for one in document["releases"]] == [
        ("demo 1.0", ["demo-1.0-py3-none-any.whl"]),
        ("demo 2.0", [WHEEL.filename, "demo-2.0.0.tar.gz"]),
        ("other 2.0", ["other-2.0-py3-none-any.whl"]),
    ]


def test_not_a_distribution(offline: CommandRunner, index: FakeIndex) -> None:
    """A file that is not named like a distribution is refused without asking the index."""
    readme = Distribution("README.md", b"# Demo")

    assert findings(offline, index, readme) == (
        {
            "README.md": [
                "Invalid file extension: Use .tar.gz, .whl or .zip extension.",
                "Invalid source distribution filename: README.md",
            ]
        },
        [],
    )
    assert index.requests == []


def test_broken_archive(offline: CommandRunner) -> None:
    """A broken archive is refused, and not compared with other files of its release."""
    broken = Distribution(SDIST.filename, b"no archive")

    ended = offline.run("check", *save(offline, WHEEL, broken), "--json")

    (release,) = ended.document["releases"]
    message = "Invalid distribution file. File is not a tarfile"
    refusal = {"level": "refuse", "source": "content", "message": message}
    assert (ended.code, ended.stderr) == (1, "")
    assert release["files"] == {WHEEL.filename: [], broken.filename: [refusal]}
    assert release["findings"] == []


def test_rules(offline: CommandRunner) -> None:
    """`--rules` prints the rules with their date, and needs no files."""
    document = offline.json("check", "--rules")
    shown = offline.run("check", "--rules")

    assert document["rules-as-of"] == RULES_AS_OF.isoformat()
    assert [one["id"] for one in document["rules"]] == [one.id for one in RULES]
    assert [one["id"] for one in document["unknown"]] == [one.id for one in UNKNOWN_RULES]
    assert (shown.code, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"PyPI's rules of {RULES_AS_OF}, in the order")
    assert all(f" {one.id} " in shown.stdout for one in (*RULES, *UNKNOWN_RULES))


@pytest.mark.parametrize("arguments", [(), ("nowhere.whl",), (".",)], ids=["none", "gone", "dir"])
def test_no_files(offline: CommandRunner, arguments: tuple[str, ...]) -> None:
    """Without files, or with a missing file, the exit code is 2."""
    ended = offline.run("check", *arguments)

    assert (ended.code, ended.stdout) == (2, "")


@pytest.mark.parametrize("against", ["", "nonsense", "ftp://x/simple/", "http://", "/simple/"])
def test_invalid_index_url(offline: CommandRunner, against: str) -> None:
    """`--against` with anything but a URL is a usage error, not a traceback."""
    ended = offline.run("check", *save(offline, WHEEL), "--against", against)

    assert (ended.code, ended.stdout) == (2, "")
    assert f"{against} is not the URL of an index." in ended.stderr


def watched(*arguments: object) -> tuple[int, str, str]:
    """Run the command with an audit hook that reports network access on stderr."""
    given = [sys.executable, "-c", WATCHED, "check", *map(str, arguments)]
    done = subprocess.run(given, capture_output=True, text=True, cwd=ROOT, check=False)
    return done.returncode, done.stdout, done.stderr


def test_no_network_access(offline: CommandRunner) -> None:
    """Without `--against`, nothing is connected to, no name resolved and no command run."""
    code, _, stderr = watched(*save(offline, WHEEL, SDIST))

    assert (code, stderr) == (0, "")


def test_only_the_index_is_asked(offline: CommandRunner) -> None:
    """With `--against`, only that index is asked, and no log is printed."""
    code, stdout, stderr = watched(*save(offline, WHEEL), "--against", f"{UNUSED_URL}/simple/")

    *asked, error = stderr.splitlines()
    assert (code, stdout) == (3, "")
    assert error.startswith(f"Error: No answer from the index at {UNUSED_URL}/: ")
    assert set(asked) == {"asked: socket.connect ('127.0.0.1', 1)"}
