"""`stageproxy check` and `stageproxy upload` of all that is in a dist folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.attestations import an_attestation
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.command_runner import CommandRunner

ONLY_TRUSTED = (
    "PyPI accepts attestations from Trusted Publishers only; "
    "a promotion with an API token leaves them out."
)
SKIPPED = {
    "demo-1.0.tar.gz.asc": "PyPI does not accept signatures.",
    "gone-1.0.tar.gz.publish.attestation": "gone-1.0.tar.gz is not among the files.",
    "odd.attestation": "the file that it attests is not among the files.",
    ".gitignore": "it is neither a wheel nor an sdist.",
    ".DS_Store": "it is neither a wheel nor an sdist.",
    "demo-1.0.json": "it is neither a wheel nor an sdist.",
    "demo-1.0.tar.gz.sha256": "it is neither a wheel nor an sdist.",
    "README": "it is neither a wheel nor an sdist.",
}


def attest(path: Path, kind: str = "publish") -> Path:
    """Write an attestation of a file beside it."""
    attestation = path.with_name(f"{path.name}.{kind}.attestation")
    attestation.write_text(json.dumps(an_attestation("owner/demo/.github/workflows/x.yml")))
    return attestation


def unknowns(document: Any, name: str) -> Sequence[str]:
    """Return what `check` says of a file that only PyPI can tell."""
    (release,) = document["releases"]
    return [one["message"] for one in release["files"][name] if one["level"] == "unknown"]


@pytest.mark.parametrize("command", ["check", "upload"])
@pytest.mark.parametrize(("name", "reason"), SKIPPED.items(), ids=SKIPPED)
def test_what_is_no_distribution_is_skipped(
    cli: CommandRunner, command: str, name: str, reason: str
) -> None:
    """What a dist folder has besides distributions is skipped with a word, as by twine or uv."""
    wheel, other = cli.wheel(), cli.folder / name
    other.write_text("x")

    ended = cli.run(command, other, wheel, "--json")

    assert (ended.code, ended.stderr) == (0, f"Skipped {name}: {reason}\n")


@pytest.mark.parametrize("command", ["check", "upload"])
def test_folder_is_skipped(cli: CommandRunner, command: str) -> None:
    """A folder within the dist folder is skipped with a word, as by uv."""
    wheel, folder = cli.wheel(), cli.folder / "old"
    folder.mkdir()

    ended = cli.run(command, folder, wheel)

    assert (ended.code, ended.stderr) == (0, "Skipped old: it is a folder.\n")


@pytest.mark.parametrize("command", ["check", "upload"])
@pytest.mark.parametrize("name", ["old", "demo-1.0.tar.gz.asc", "demo-1.0.tar.gz.x.attestation"])
def test_only_companions(cli: CommandRunner, command: str, name: str) -> None:
    """Without a distribution there is nothing to do; exit code 2."""
    path = cli.folder / name
    path.mkdir() if name == "old" else path.write_text("{}")

    ended = cli.run(command, path)

    assert ended.code == 2
    assert "None of the files is a wheel or an sdist. Name some, as in: dist/*" in ended.stderr


@pytest.mark.parametrize("name", ["demo-1.0.zip", "demo-1.0.tgz", "demo-1.0.WHL", "demo.egg"])
def test_misnamed_distribution_is_not_skipped(cli: CommandRunner, name: str) -> None:
    """An archive that PyPI does not take is refused, not overlooked."""
    wheel, other = cli.wheel(), cli.folder / name
    other.write_bytes(b"x")

    ended = cli.run("check", wheel, other)

    assert ended.code == 1
    assert f"refused  {name}" in ended.stderr


def test_attestations_go_with_their_file(cli: CommandRunner) -> None:
    """Attestations are uploaded in the form of their file (PEP 740), as by twine and uv."""
    wheel, sdist = cli.wheel(), cli.save(an_sdist(cli.project))
    attestations = [attest(wheel), attest(wheel, "slsa")]

    document = cli.json("upload", *attestations, wheel, sdist)

    files = document["stage"]["files"]
    assert {name: file["attestations"] for name, file in files.items()} == {
        wheel.name: 2,
        sdist.name: 0,
    }


def test_attestations_are_checked_with_their_file(offline: CommandRunner) -> None:
    """`check` says what PyPI makes of attestations."""
    wheel, sdist = offline.save(a_wheel()), offline.save(an_sdist())

    document = offline.json("check", wheel, sdist, attest(wheel))

    assert unknowns(document, wheel.name) == [ONLY_TRUSTED]
    assert unknowns(document, sdist.name) == []


@pytest.mark.parametrize("command", ["check", "upload"])
@pytest.mark.parametrize("text", ["not JSON", "[]", "\xe9"])
def test_invalid_attestation(cli: CommandRunner, command: str, text: str) -> None:
    """An attestation that is not JSON is named, and nothing is sent; exit code 1."""
    wheel = cli.wheel()
    attestation = attest(wheel)
    attestation.write_bytes(text.encode("latin-1"))

    ended = cli.run(command, wheel, attestation)

    assert (ended.code, ended.stdout) == (1, "")
    assert f"{attestation.name} is not an attestation: it is not a JSON object." in ended.stderr


def test_file_that_is_named_twice_is_uploaded_once(cli: CommandRunner) -> None:
    """Patterns overlap: a file is uploaded once."""
    wheel = cli.wheel()

    assert len(cli.json("upload", wheel, wheel)["files"]) == 1
