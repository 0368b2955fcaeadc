"""`stageproxy check`."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stageproxy.core.verdict.rules import RULES, RULES_AS_OF, UNKNOWN_RULES
from tests.cli.desk import NOBODY, Desk, Ended
from tests.support.distributions import Distribution, a_wheel, an_sdist
from tests.support.fake_index import FakeIndex, Quirks
from tests.support.processes import ROOT

WHEEL, SDIST = a_wheel(version="2.0"), an_sdist(version="2.0")
LINUX = a_wheel(version="2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
MUSL = "cp311-cp311-musllinux_1_2_aarch64"
LOST = "There is no wheel for musllinux aarch64, which demo 1.0 has."
RULES_OF = f"by PyPI's rules of {RULES_AS_OF}"
ONLY_PYPI = "What only PyPI can tell: stageproxy check --rules\n"
NOT_ASKED = "What PyPI has already was not asked for: --against pip does.\n"
DIFFERENT = (
    f"{SDIST.filename} has another Requires-Python than {WHEEL.filename}. "
    "PyPI shows that of the latter, which is published first, for all files."
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


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a desk for demo, without a server."""
    return Desk(tmp_path, NOBODY, tmp_path / "none", "no token", "demo")


@pytest.fixture
def index() -> Iterator[FakeIndex]:
    """Return an empty index that runs on a thread: commands bring a loop of their own."""
    started: list[FakeIndex] = []
    is_up, may_end = threading.Event(), threading.Event()

    async def look_after() -> None:
        async with FakeIndex.running() as running:
            started.append(running)
            is_up.set()
            await asyncio.to_thread(may_end.wait)

    thread = threading.Thread(target=lambda: asyncio.run(look_after()))
    thread.start()
    try:
        assert is_up.wait(60)
        yield started[0]
    finally:
        may_end.set()
        thread.join()


def save(desk: Desk, *files: Distribution) -> list[Path]:
    """Write files as a build leaves them."""
    return [desk.save(one) for one in files]


def check(desk: Desk, index: FakeIndex, *files: Distribution) -> Ended:
    """Check files against an index."""
    return desk.run("check", *save(desk, *files), "--against", f"{index.url}/simple/")


def findings(desk: Desk, index: FakeIndex, *files: Distribution) -> Any:
    """Return what is said of files of one release: of each, and together."""
    given = "check", *save(desk, *files), "--against", f"{index.url}/simple/", "--json"
    ended = desk.run(*given)
    assert ended.stderr == ""
    assert ended.code == (1 if ended.document["refused"] else 0)
    (release,) = ended.document["releases"]
    each = {name: [one["message"] for one in found] for name, found in release["files"].items()}
    return each, [one["message"] for one in release["findings"]]


def test_fine(desk: Desk) -> None:
    """Files that are fine are said to be, in the order in which they would be published."""
    ended = desk.run("check", *save(desk, SDIST, WHEEL))

    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout == (
        f"ok       {WHEEL.filename}\n"
        f"ok       {SDIST.filename}\n"
        f"\nNothing makes PyPI refuse 2 files, {RULES_OF}.\n{NOT_ASKED}{ONLY_PYPI}"
    )


def test_refused(desk: Desk) -> None:
    """What would be refused is told on stderr, as for uploads; exit code 1."""
    bad = an_sdist(version="2.0", summary="x" * 600)

    ended = desk.run("check", *save(desk, WHEEL, bad))

    assert ended.code == 1
    first, second, *rest = ended.stderr.splitlines()
    assert first == f"refused  {bad.filename}"
    assert second.startswith("         refused  summary: ")
    assert rest == ["", f"PyPI would refuse 1 of 2 files, {RULES_OF}."]
    assert ended.stdout.startswith(f"ok       {WHEEL.filename}\nwarning  demo 2.0\n")


def test_warning(desk: Desk) -> None:
    """What is only suspicious is no reason to fail."""
    other = an_sdist(version="2.0", requires_python=">=3.9")

    ended = desk.run("check", *save(desk, WHEEL, other))

    assert (ended.code, ended.stderr) == (0, "")
    assert f"\nwarning  demo 2.0\n         warning  {DIFFERENT}\n" in ended.stdout


def test_document(desk: Desk) -> None:
    """The document has the verdict, release by release."""
    other = an_sdist(version="2.0", requires_python=">=3.9")

    document = desk.json("check", *save(desk, other, WHEEL))

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


def test_several_releases(desk: Desk) -> None:
    """Files of several releases are judged one release after another."""
    files = save(desk, WHEEL, a_wheel("other", "2.0"), an_sdist(version="2.0.0"), a_wheel())

    document = desk.json("check", *files)

    assert [(one["release"], list(one["files"])) for one in document["releases"]] == [
        ("demo 1.0", ["demo-1.0-py3-none-any.whl"]),
        ("demo 2.0", [WHEEL.filename, "demo-2.0.0.tar.gz"]),
        ("other 2.0", ["other-2.0-py3-none-any.whl"]),
    ]


def test_file_that_is_no_distribution(desk: Desk, index: FakeIndex) -> None:
    """What is not named like a distribution stands alone, and the index is not asked for it."""
    readme = Distribution("README.md", b"# Demo")

    assert findings(desk, index, readme) == (
        {
            "README.md": [
                "Invalid file extension: Use .tar.gz, .whl or .zip extension.",
                "Invalid source distribution filename: README.md",
            ]
        },
        [],
    )
    assert index.requests == []


def test_broken_archive(desk: Desk) -> None:
    """A file that cannot be opened is told as that, and its neighbour is not held against it."""
    broken = Distribution(SDIST.filename, b"no archive")

    ended = desk.run("check", *save(desk, WHEEL, broken), "--json")

    (release,) = ended.document["releases"]
    message = "Invalid distribution file. File is not a tarfile"
    refusal = {"level": "refuse", "source": "content", "message": message}
    assert (ended.code, ended.stderr) == (1, "")
    assert release["files"] == {WHEEL.filename: [], broken.filename: [refusal]}
    assert release["findings"] == []


def test_rules(desk: Desk) -> None:
    """The rules are printed with their date, and no files are needed."""
    document = desk.json("check", "--rules")
    shown = desk.run("check", "--rules")

    assert document["rules-as-of"] == RULES_AS_OF.isoformat()
    assert [one["id"] for one in document["rules"]] == [one.id for one in RULES]
    assert [one["id"] for one in document["unknown"]] == [one.id for one in UNKNOWN_RULES]
    assert (shown.code, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"What PyPI checked on {RULES_AS_OF}, in its order:\n")
    assert all(f" {one.id} " in shown.stdout for one in (*RULES, *UNKNOWN_RULES))


@pytest.mark.parametrize("arguments", [(), ("nowhere.whl",), (".",)], ids=["none", "gone", "dir"])
def test_no_files(desk: Desk, arguments: tuple[str, ...]) -> None:
    """Without files there is nothing to check: exit code 2."""
    ended = desk.run("check", *arguments)

    assert (ended.code, ended.stdout) == (2, "")


@pytest.mark.parametrize("against", ["", "nonsense", "ftp://x/simple/", "http://", "/simple/"])
def test_index_that_is_none(desk: Desk, against: str) -> None:
    """An index is named by its URL. It was a traceback."""
    ended = desk.run("check", *save(desk, WHEEL), "--against", against)

    assert (ended.code, ended.stdout) == (2, "")
    assert f"{against} is not the URL of an index." in ended.stderr


def watched(*arguments: object) -> tuple[int, str, str]:
    """Run the command by a Python that says on stderr what is asked over the network."""
    given = [sys.executable, "-c", WATCHED, "check", *map(str, arguments)]
    done = subprocess.run(given, capture_output=True, text=True, cwd=ROOT, check=False)
    return done.returncode, done.stdout, done.stderr


def test_nothing_is_asked(desk: Desk) -> None:
    """Offline means offline: nothing is connected to, no name looked up, no command run."""
    code, _, stderr = watched(*save(desk, WHEEL, SDIST))

    assert (code, stderr) == (0, "")


def test_one_index_is_asked(desk: Desk) -> None:
    """With an index it alone is asked, and no log is in the way of the answer."""
    code, stdout, stderr = watched(*save(desk, WHEEL), "--against", f"{NOBODY}/simple/")

    *asked, error = stderr.splitlines()
    assert (code, stdout) == (3, "")
    assert error == f"Error: The index at {NOBODY}/ cannot be reached, or does not answer as one."
    assert set(asked) == {"asked: socket.connect ('127.0.0.1', 1)"}


@pytest.mark.parametrize("status", [None, 500], ids=["nobody", "failing"])
def test_index_out_of_reach(desk: Desk, index: FakeIndex, status: int | None) -> None:
    """An index that does not answer as one is out of reach: exit code 3, and no verdict."""
    index.quirks = Quirks(status=status)
    url = index.url if status else NOBODY

    ended = desk.run("check", *save(desk, WHEEL), "--against", f"{url}/simple/", "--json")

    assert (ended.code, ended.stdout) == (3, "")
    assert ended.stderr == (
        f"Error: The index at {url}/ cannot be reached, or does not answer as one.\n"
    )


def test_credentials_are_not_shown(desk: Desk) -> None:
    """A password in the URL of an index stays where it is."""
    url = NOBODY.replace("//", "//user:secret@")

    ended = desk.run("check", *save(desk, WHEEL), "--against", f"{url}/simple/")

    assert ended.code == 3
    assert "secret" not in ended.stderr


@pytest.mark.parametrize("behind", ["", "/", "/simple", "/simple/"])
def test_spellings_of_an_index(desk: Desk, index: FakeIndex, behind: str) -> None:
    """An index is named as pip names it, or by its root, with a slash at the end or not."""
    index.add("demo", WHEEL)

    ended = desk.run("check", *save(desk, WHEEL, SDIST), "--against", index.url + behind)

    assert ended.code == 1
    assert "older than 14 days" in ended.stderr
    assert [one.path for one in index.requests] == ["/simple/demo/"]


def test_index_of_pip(desk: Desk, index: FakeIndex) -> None:
    """`pip` is the index that pip here is configured to use."""
    told = {"PIP_INDEX_URL": f"{index.url}/simple"}
    index.add("demo", a_wheel(), status="archived")

    ended = desk.run_with(told, "check", *save(desk, WHEEL), "--against", "pip")

    assert ended.code == 1
    assert "The project demo is archived on PyPI and takes no uploads." in ended.stderr


def test_new_project(desk: Desk, index: FakeIndex) -> None:
    """A project that the index does not have is new; the list is looked through for its name."""
    index.add("other", a_wheel("other"))

    ended = check(desk, index, WHEEL, SDIST)

    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.endswith(f"refuse 2 files, {RULES_OF}.\n{ONLY_PYPI}")
    assert [one.path for one in index.requests] == ["/simple/demo/", "/simple/"]


def test_list_out_of_reach(desk: Desk, index: FakeIndex) -> None:
    """Where the list cannot be read, that is told, and is no refusal."""
    index.quirks = Quirks(missing=["/simple/"])

    ended = check(desk, index, WHEEL)

    assert (ended.code, ended.stderr) == (0, "")
    assert (
        "ok       demo 2.0\n         unknown  PyPI's list of projects could not be searched"
        in ended.stdout
    )


def test_similar_name(desk: Desk, index: FakeIndex) -> None:
    """A new project must not look like another."""
    index.add("dem0", a_wheel("dem0"))

    sentence = "The name 'demo' is too similar to an existing project. That is 'dem0'."
    assert findings(desk, index, WHEEL) == ({WHEEL.filename: [sentence]}, [])


def test_old_release(desk: Desk, index: FakeIndex) -> None:
    """A release takes files for 14 days; until when is told."""
    index.add("demo", WHEEL, uploaded_at=datetime.now(UTC) - timedelta(days=13))
    young, _ = findings(desk, index, SDIST)
    index.add("demo", LINUX, uploaded_at=datetime.now(UTC) - timedelta(days=15))
    old, _ = findings(desk, index, SDIST)

    (until,), (closed,) = young[SDIST.filename], old[SDIST.filename]
    assert until.startswith("PyPI takes files for this release until ")
    assert closed.startswith("Uploading new files to releases older than 14 days is not allowed.")


def test_files_that_are_out(desk: Desk, index: FakeIndex) -> None:
    """The very file that the index has is fine; another of its name is not."""
    index.add("demo", WHEEL, SDIST, uploaded_at=datetime.now(UTC))
    other = an_sdist(version="2.0", extra={"more": b"1"})

    each, _ = findings(desk, index, WHEEL, other)

    assert each[WHEEL.filename] == []
    assert each[other.filename][0].startswith(f"File already exists ('{other.filename}', ")


def test_archived_project(desk: Desk, index: FakeIndex) -> None:
    """Of a project that takes no files, all are refused."""
    index.add("demo", a_wheel(), status="archived")

    ended = check(desk, index, WHEEL, SDIST)

    assert ended.code == 1
    assert ended.stderr == (
        "refused  demo 2.0\n"
        "         refused  name: The project demo is archived on PyPI and takes no uploads.\n"
        f"\nPyPI would refuse 2 of 2 files, {RULES_OF}.\n"
    )


def test_lost_wheels(desk: Desk, index: FakeIndex) -> None:
    """A machine that the release before served is missed, unless its wheel is out already."""
    index.add("demo", a_wheel(tag=LINUX.filename[9:-4]), a_wheel(tag=MUSL))

    forgotten = findings(desk, index, LINUX)
    index.add("demo", a_wheel(version="2.0", tag=MUSL), uploaded_at=datetime.now(UTC))
    there = findings(desk, index, LINUX)

    assert forgotten == ({LINUX.filename: []}, [LOST])
    assert there[1] == []


def test_page_without_times(desk: Desk, index: FakeIndex) -> None:
    """An index that has HTML alone is asked as well."""
    index.add("demo", a_wheel(tag=MUSL))
    index.quirks = Quirks(html_only=True)

    assert findings(desk, index, LINUX)[1] == [LOST]
