"""`stageproxy check --against`: rules that depend on the files of an index."""

from datetime import UTC, datetime, timedelta

import pytest
from yarl import URL

from stageproxy.core.rules.table import RULES_AS_OF
from tests.cli.checks import check, findings, save
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.command_runner import UNUSED_URL, CommandRunner
from tests.support.index.fake_index import FakeIndex, Quirks

WHEEL, SDIST = a_wheel(version="2.0"), an_sdist(version="2.0")
LINUX = a_wheel(version="2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
MUSL = "cp311-cp311-musllinux_1_2_aarch64"
LOST = "There is no wheel for musllinux aarch64, unlike in demo 1.0."
RULES_OF = f"according to PyPI's rules of {RULES_AS_OF}"
ONLY_PYPI = "Some rules can only be checked by PyPI. List them with: stageproxy check --rules\n"


@pytest.mark.parametrize("status", [None, 500], ids=["nobody", "failing"])
def test_unreachable_index(offline: CommandRunner, index: FakeIndex, status: int | None) -> None:
    """If the index cannot be reached or fails, the exit code is 3, without a verdict."""
    index.quirks = Quirks(status=status)
    url = index.url if status else UNUSED_URL

    ended = offline.run("check", *save(offline, WHEEL), "--against", f"{url}/simple/", "--json")

    assert (ended.code, ended.stdout) == (3, "")
    assert ended.stderr == (
        f"Error: No answer from the index at {url}/: it cannot be reached, or this is not the "
        "URL of an index. Check the URL, or try again later.\n"
    )


def test_credentials_are_not_shown(offline: CommandRunner) -> None:
    """A password in the URL of an index is not printed."""
    url = UNUSED_URL.replace("//", "//user:secret@")

    ended = offline.run("check", *save(offline, WHEEL), "--against", f"{url}/simple/")

    assert ended.code == 3
    assert "secret" not in ended.stderr


@pytest.mark.parametrize("behind", ["", "/", "/simple", "/simple/"])
def test_spellings_of_an_index(offline: CommandRunner, index: FakeIndex, behind: str) -> None:
    """An index is given by its root or its simple URL, with or without a trailing slash."""
    index.add("demo", WHEEL)

    ended = offline.run("check", *save(offline, WHEEL, SDIST), "--against", index.url + behind)

    assert ended.code == 1
    assert "older than 14 days" in ended.stderr
    assert [one.path for one in index.requests] == ["/simple/demo/"]


def name_of(index: FakeIndex) -> str:
    """Return an index as findings name it: by its host."""
    return URL(index.url).authority


def test_index_of_pip(offline: CommandRunner, index: FakeIndex) -> None:
    """`--against pip` uses the index that pip is configured to use."""
    told = {"PIP_INDEX_URL": f"{index.url}/simple"}
    index.add("demo", a_wheel(), status="archived")

    ended = offline.run_in_environment(told, "check", *save(offline, WHEEL), "--against", "pip")

    assert ended.code == 1
    sentence = f"Project demo is archived on {name_of(index)} and accepts no uploads."
    assert sentence in ended.stderr


def test_new_project(offline: CommandRunner, index: FakeIndex) -> None:
    """For a project that the index does not have, its list of projects is searched."""
    index.add("other", a_wheel("other"))

    ended = check(offline, index, WHEEL, SDIST)

    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.endswith(f"refuse 2 files, {RULES_OF}.\n{ONLY_PYPI}")
    assert [one.path for one in index.requests] == ["/simple/demo/", "/simple/"]


def test_unreadable_list(offline: CommandRunner, index: FakeIndex) -> None:
    """If the list of projects cannot be read, that is reported, and no refusal."""
    index.quirks = Quirks(missing=["/simple/"])

    ended = check(offline, index, WHEEL)

    assert (ended.code, ended.stderr) == (0, "")
    assert (
        f"ok       demo 2.0\n         unknown  {name_of(index)}'s list of projects could not be "
        "searched" in ended.stdout
    )


def test_similar_name(offline: CommandRunner, index: FakeIndex) -> None:
    """A new project with a name similar to an existing one is refused."""
    index.add("dem0", a_wheel("dem0"))

    sentence = (
        "The name 'demo' is too similar to an existing project. The existing project is 'dem0'."
    )
    assert findings(offline, index, WHEEL) == ({WHEEL.filename: [sentence]}, [])


def test_old_release(offline: CommandRunner, index: FakeIndex) -> None:
    """A release accepts files for 14 days; its last day is reported."""
    index.add("demo", WHEEL, uploaded_at=datetime.now(UTC) - timedelta(days=13))
    young, _ = findings(offline, index, SDIST)
    index.add("demo", LINUX, uploaded_at=datetime.now(UTC) - timedelta(days=15))
    old, _ = findings(offline, index, SDIST)

    (until,), (closed,) = young[SDIST.filename], old[SDIST.filename]
    assert until.startswith(f"{name_of(index)} accepts files for this release until ")
    assert closed.startswith("Uploading new files to releases older than 14 days is not allowed.")


def test_published_files(offline: CommandRunner, index: FakeIndex) -> None:
    """A file that the index has is accepted with the same bytes, and refused with others."""
    index.add("demo", WHEEL, SDIST, uploaded_at=datetime.now(UTC))
    other = an_sdist(version="2.0", extra={"more": b"1"})

    each, _ = findings(offline, index, WHEEL, other)

    assert each[WHEEL.filename] == []
    assert each[other.filename][0].startswith(f"File already exists ('{other.filename}', ")


def test_archived_project(offline: CommandRunner, index: FakeIndex) -> None:
    """All files of an archived project are refused."""
    index.add("demo", a_wheel(), status="archived")

    ended = check(offline, index, WHEEL, SDIST)

    assert ended.code == 1
    assert ended.stderr == (
        "refused  demo 2.0\n"
        f"         refused  name: Project demo is archived on {name_of(index)} and accepts no "
        "uploads.\n"
        f"\nPyPI would refuse 2 of 2 files, {RULES_OF}.\n"
    )


def test_lost_wheels(offline: CommandRunner, index: FakeIndex) -> None:
    """A platform that the previous release has a wheel for is reported if its wheel is missing."""
    index.add("demo", a_wheel(tag=LINUX.filename[9:-4]), a_wheel(tag=MUSL))

    forgotten = findings(offline, index, LINUX)
    index.add("demo", a_wheel(version="2.0", tag=MUSL), uploaded_at=datetime.now(UTC))
    there = findings(offline, index, LINUX)

    assert forgotten == ({LINUX.filename: []}, [LOST])
    assert there[1] == []


def test_page_without_times(offline: CommandRunner, index: FakeIndex) -> None:
    """An index that has only HTML pages is supported."""
    index.add("demo", a_wheel(tag=MUSL))
    index.quirks = Quirks(html_only=True)

    assert findings(offline, index, LINUX)[1] == [LOST]
