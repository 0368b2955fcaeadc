"""`stageproxy fsck`: what is wrong with a data directory is found, and repaired without a loss."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stageproxy.store.disk import Disk
from tests.cli.data_directories import SDIST, SENT, WHEEL, DataDirectory
from tests.support.clients.command_runner import CommandRunner
from tests.support.servers.processes import CommandResult

Damage = Callable[[DataDirectory], object]
LONG_AGO = 1_000_000_000


def run(data: DataDirectory, *options: str) -> CommandResult:
    """Run fsck on a data directory."""
    runner = CommandRunner(data.path.parent, "", data.path, "", "demo")
    return runner.run_in_environment({}, "fsck", "--data", str(data.path), *options)


def kinds(document: Any, **wanted: bool) -> list[str]:
    """Return the kinds of the problems of a document."""
    return [
        one["kind"]
        for one in document["problems"]
        if all(one[name] is value for name, value in wanted.items())
    ]


def old_file(path: Path) -> None:
    """Write a file that is older than an hour."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"left over")
    os.utime(path, (LONG_AGO, LONG_AGO))


def replace_by_folder(path: Path) -> None:
    """Put a folder in the place of a file."""
    path.unlink()
    path.mkdir()


FILES: dict[str, tuple[Damage, str]] = {
    "missing": (lambda data: data.file(WHEEL).unlink(), "file-missing"),
    "empty": (lambda data: data.file(WHEEL).write_bytes(b""), "file-size"),
    "longer": (lambda data: data.file(WHEEL).write_bytes(WHEEL.content + b"x"), "file-size"),
    "altered": (
        lambda data: data.file(WHEEL).write_bytes(b"X" + WHEEL.content[1:]),
        "file-altered",
    ),
    "a folder": (lambda data: replace_by_folder(data.file(WHEEL)), "file-unreadable"),
}
ROWS: dict[str, tuple[Damage, list[str]]] = {
    "a stored file's row": (
        lambda data: data.execute("DELETE FROM stored_file"),
        ["file-without-row"] * 3,
    ),
    "an artifact's digest": (
        lambda data: data.execute("UPDATE artifact SET md5 = 'x' WHERE kind = 'sdist'"),
        ["digest-wrong"],
    ),
    "a form": (lambda data: data.execute("DELETE FROM artifact_source"), ["form-missing"] * 2),
    "a METADATA file": (
        lambda data: data.execute("UPDATE artifact_source SET core_metadata = x'00'"),
        ["metadata-altered"],
    ),
    "a status": (
        lambda data: data.execute("UPDATE stage SET status = 'processing' WHERE project = 'demo'"),
        ["stage-contradiction"],
    ),
    "a time": (
        lambda data: data.execute("UPDATE stage SET opened_at = 'x' WHERE project = 'other'"),
        ["row-unreadable"],
    ),
    "bytes that are no text": (
        lambda data: data.execute("UPDATE artifact SET uploaded_at = CAST(x'ff' AS TEXT)"),
        ["row-unreadable"] * 2,
    ),
    "a stray row": (
        lambda data: data.execute(
            "PRAGMA foreign_keys = OFF", "INSERT INTO former_file VALUES ('x', 'x', 'x', 'x')"
        ),
        ["database-damaged"],
    ),
    "a trigger": (
        lambda data: data.execute("DROP TRIGGER audit_record_is_never_changed"),
        ["schema-changed"],
    ),
    "an index": (
        lambda data: data.execute("DROP INDEX one_live_stage_of_a_release"),
        ["schema-changed"],
    ),
    "the trail": (
        lambda data: data.execute(
            "DROP TRIGGER audit_record_is_never_changed",
            "UPDATE audit_record SET actor = 'x' WHERE number = 2",
        ),
        ["schema-changed", "audit-broken"],
    ),
    "an API token": (
        lambda data: data.execute("UPDATE api_token SET digest = 'x'"),
        ["token-malformed"],
    ),
    "the secret": (
        lambda data: (data.path / "secret").write_text("another"),
        ["secret-changed"],
    ),
    "no secret": (lambda data: (data.path / "secret").unlink(), ["secret-missing"]),
}


def test_clean(data: DataDirectory) -> None:
    """A data directory as a server leaves it has no problems, and how much was read is printed."""
    ended = run(data)
    document = run(data, "--json").document

    size = sum(len(one.content) for one in (WHEEL, SDIST, SENT))
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.endswith(" audit records.\nNo problems were found.\n")
    assert (document["ok"], document["problems"]) == (True, [])
    assert (document["stages"], document["files"], document["bytes"]) == (2, 3, size)


@pytest.mark.parametrize(("damage", "kind"), FILES.values(), ids=FILES)
def test_damaged_file(data: DataDirectory, damage: Damage, kind: str) -> None:
    """A file that is missing, short, long, altered or unreadable is found and named."""
    damage(data)

    ended = run(data, "--json")

    (problem,) = ended.document["problems"]
    assert (ended.code, ended.document["ok"], problem["kind"]) == (1, False, kind)
    assert problem["subject"].startswith(f"{WHEEL.filename} of stage demo 2.0 (")
    assert "Upload the same file again" in problem["advice"]


@pytest.mark.parametrize(("damage", "found"), ROWS.values(), ids=ROWS)
def test_damaged_rows(data: DataDirectory, damage: Damage, found: list[str]) -> None:
    """Rows, secrets and parts of the schema that are lost or changed are found."""
    damage(data)

    ended = run(data, "--json")

    assert (ended.code, kinds(ended.document)) == (1, found)


@pytest.mark.parametrize("content", [b"x" * 4096, b""], ids=["another file", "an empty file"])
def test_database_that_is_none(data: DataDirectory, content: bytes) -> None:
    """A catalogue that is no database, or an empty one, is reported, not a traceback."""
    (data.path / "catalogue.db").write_bytes(content)

    ended = run(data, "--json")

    assert (ended.code, kinds(ended.document)) == (1, ["database-unreadable"])


@pytest.mark.parametrize(("damage", "_kind"), FILES.values(), ids=FILES)
def test_repair_of_a_file(data: DataDirectory, damage: Damage, _kind: str) -> None:
    """A damaged file is put aside and withdrawn with an event; the other files stay."""
    damage(data)
    exists = data.file(WHEEL).exists()

    ended = run(data, "--repair", "--json")

    stage = data.stages()["demo"]
    aside = data.path / "files" / "damaged" / WHEEL.sha256
    assert (ended.code, kinds(ended.document, repaired=True)) == (0, [_kind])
    assert [one.filename for one in stage.artifacts] == [SDIST.filename]
    assert (aside.exists(), data.file(WHEEL).exists()) == (exists, False)
    assert run(data).code == 0


def test_repair_of_an_upload(data: DataDirectory) -> None:
    """An upload of PEP 694 whose bytes are lost is canceled, so that it can begin again."""
    data.file(SENT).unlink()

    ended = run(data, "--repair", "--json")

    assert (ended.code, data.stages()["other"].uploads) == (0, ())
    assert run(data).code == 0


def test_repair_of_rows(data: DataDirectory) -> None:
    """Rows without which the sweep would delete files are added again."""
    data.execute("DELETE FROM stored_file")

    assert run(data, "--repair").code == 0
    assert run(data).code == 0
    assert data.file(WHEEL).exists()


def test_repair_deletes_orphans(data: DataDirectory) -> None:
    """Old files that no row names are deleted; new ones, and what is not ours, are not."""
    stored = data.path / "files" / "kept" / "ab" / f"ab{'0' * 62}"
    old = [stored, data.path / "files" / "incoming" / "x", data.path / "secret.0123abcd"]
    for path in old:
        old_file(path)
    new = data.path / "files" / "incoming" / "y"
    new.write_bytes(b"an upload")
    foreign = data.path / "files" / "notes.txt"
    foreign.write_text("mine")

    before = run(data, "--json")
    after = run(data, "--repair", "--json")

    assert sorted(kinds(before.document)) == ["file-unexpected", "orphan", "orphan", "orphan"]
    assert (after.code, kinds(after.document, repaired=False)) == (1, ["file-unexpected"])
    assert [path.exists() for path in [*old, new, foreign]] == [False] * 3 + [True] * 2


def test_nothing_is_repaired_in_a_damaged_database(data: DataDirectory) -> None:
    """Where rows cannot be read, nothing is deleted or withdrawn: they may name it."""
    data.execute("UPDATE stage SET opened_at = 'x'")
    orphan = data.path / "files" / "incoming" / "x"
    old_file(orphan)

    ended = run(data, "--repair")

    assert (ended.code, orphan.exists()) == (1, True)
    assert "so nothing is repaired. Restore a backup." in ended.stdout


def test_repair_beside_a_server(data: DataDirectory) -> None:
    """Without --repair, fsck runs beside a server; with it, a sentence says to stop it."""
    with (data.path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        beside, refused = run(data), run(data, "--repair")

    assert (beside.code, refused.code) == (0, 1)
    assert "so it cannot be repaired. Stop all servers first." in refused.stderr


def test_repair_without_a_lock(data: DataDirectory) -> None:
    """If the data directory cannot be locked, --repair says why, and what to do."""
    (data.path / "lock").unlink(missing_ok=True)
    (data.path / "lock").mkdir()

    refused = run(data, "--repair")

    assert refused.code == 1
    assert "lock cannot be used: Is a directory. Move away" in refused.stderr


def test_nothing_is_changed(data: DataDirectory) -> None:
    """Without --repair, no file of a damaged data directory is changed."""
    data.file(WHEEL).unlink()
    old_file(data.path / "files" / "incoming" / "x")
    before = {path: path.stat().st_mtime_ns for path in data.path.rglob("*") if path.is_file()}

    run(data)

    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_end_of_a_failure(data: DataDirectory) -> None:
    """After a failure of the disk, the server takes uploads again once nothing is wrong."""
    disk = Disk(data.path)
    disk.fail(OSError("a failed flush"))
    content = data.file(WHEEL).read_bytes()
    data.file(WHEEL).unlink()

    states = [(run(data).code, disk.has_failed)]
    data.file(WHEEL).write_bytes(content)
    states.append((run(data).code, disk.has_failed))
    disk.fail(OSError("another one"))

    assert states == [(1, True), (0, False)]
    assert disk.has_failed


def test_modes(data: DataDirectory) -> None:
    """Secrets that others can read are a note, which fails nothing: containers have such files."""
    (data.path / "secret").chmod(0o644)

    ended = run(data, "--json")

    (problem,) = ended.document["problems"]
    assert (ended.code, problem["severity"], problem["kind"]) == (0, "note", "readable-by-others")


def test_no_data_directory(tmp_path: Path) -> None:
    """A directory without a catalogue is wrong usage."""
    ended = run(DataDirectory(tmp_path))

    assert (ended.code, ended.stdout) == (2, "")
    assert "is not the data directory of a server" in ended.stderr
