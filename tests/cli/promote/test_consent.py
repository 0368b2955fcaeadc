"""What `stageproxy promote` shows and asks, and what it needs where nobody can be asked."""

import re
import shlex
from typing import Any
from urllib.request import Request, urlopen

import pytest

from stageproxy.cli.promote.approval import ApprovalOptions
from stageproxy.cli.promote.consent import Consent, needed_consent
from tests.cli.promote.releases import accepted, warned
from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import FORM, Part, body_of, twine_form
from tests.support.clients.command_runner import CommandRunner, promotion_of
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import basic
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint

NAMED = ApprovalOptions("a" * 64)
UNNAMED = ApprovalOptions()


def swapped(cli: CommandRunner) -> tuple[Any, Any]:
    """Return a stage that the manager has looked at, before and after its wheel was replaced."""
    stage = cli.staged(*cli.release())
    cli.json("promote", stage["id"], "--dry-run")
    other = cli.save(a_wheel(cli.project, summary="Something else"))
    return stage, cli.json("upload", other, token=cli.new_token("upload"))["stage"]


def refused_once(pypi: FakeIndex, filename: str) -> None:
    """Let the index refuse a file once."""
    no = Fault(FaultPoint.READ, FaultKind.ANSWER, filename, status=400, sentence="Not today.")
    pypi.uploads.faults.append(no)


@pytest.mark.parametrize("typed", ["\n", "n\n", "\x04"], ids=["default", "no", "end of input"])
def test_swapped_file(cli: CommandRunner, pypi: FakeIndex, typed: str) -> None:
    """A file that an upload token replaced since the manager looked is shown before the question.

    Only a yes publishes: not the default answer, not no, and not the end of the input. The next
    run shows the file again.
    """
    before, stage = swapped(cli)
    name = next(one for one in stage["files"] if one.endswith(".whl"))
    old, new = (one["files"][name]["hashes"]["sha256"] for one in (before, stage))
    digest, host = stage["manifest-digest"][:12], pypi.url.removeprefix("http://")

    code, printed = cli.run_in_terminal(typed, "promote", stage["id"])
    again, printed_again = cli.run_in_terminal(typed, "promote", stage["id"])

    assert (code, again, accepted(pypi, cli)) == (1, 1, [])
    for text in (printed, printed_again):
        assert "CHANGED since you last looked" in text
        assert re.search(rf"REPLACED\x1b\[0m  {re.escape(name)}", text)
        assert f"Its sha256 was {old} and is now {new}." in text
        assert f"manifest {digest}…) on {host}? They include" in text
    assert cli.json("stage", "show", stage["id"])["status"] == "open"


def test_yes_at_a_terminal(cli: CommandRunner, pypi: FakeIndex) -> None:
    """After a yes the files are published that were shown."""
    _, stage = swapped(cli)

    code, printed = cli.run_in_terminal("y\n", "promote", stage["id"])

    assert (code, len(accepted(pypi, cli))) == (0, 2)
    assert f"  Manifest  {stage['manifest-digest']}" in printed.split("is published.")[-1]


def test_redirected_output(cli: CommandRunner, pypi: FakeIndex) -> None:
    """If the output is redirected, the plan is shown where the question is as well."""
    _, stage = swapped(cli)

    ended = cli.run_redirected("\n", "promote", stage["id"])

    assert (ended.code, accepted(pypi, cli)) == (1, [])
    assert ended.stdout in ended.stderr
    assert "  REPLACED  " in ended.stdout
    assert "? They include REPLACED files, see above. [y/N]: " in ended.stderr


def test_nothing_changed(cli: CommandRunner) -> None:
    """If nothing has changed since the manager looked, the command says so, and still asks."""
    stage = cli.staged()
    first = cli.json("promote", stage["id"], "--dry-run")["plan"]

    code, printed = cli.run_in_terminal("n\n", "promote", stage["id"])

    assert first["changes"]["since-last-look"]["since"] is None
    assert (code, "Nothing has changed since you last looked, at 20" in printed) == (1, True)
    assert "? [y/N]: " in printed


@pytest.mark.parametrize("options", [(), ("--json",), ("--yes",), ("--yes", "--json")])
def test_nobody_to_ask(cli: CommandRunner, pypi: FakeIndex, options: tuple[str, ...]) -> None:
    """Without a terminal, the files must be named: exit code 2, the reason, and the command to run.

    `--yes` does not name them. The command is complete: it publishes the files that were shown.
    """
    stage = cli.staged()

    ended = cli.run("promote", stage["id"], *options)

    reason = "With --json nothing is asked" if "--json" in options else "There is no terminal"
    reason = "--yes answers the question" if "--yes" in options else reason
    assert (ended.code, reason in ended.stderr, accepted(pypi, cli)) == (2, True, [])
    assert (stage["manifest-digest"] in ended.stdout) == ("--json" not in options)
    command = ended.stderr.splitlines()[-1].strip()
    assert command.startswith(f"stageproxy promote {stage['id']} --server {cli.url} --manifest ")
    assert cli.run(*shlex.split(command)[1:]).code == 0


def test_printed_command_keeps_options(cli: CommandRunner) -> None:
    """The printed command has the data directory that was named, and `--json`."""
    stage = cli.staged()

    ended = cli.run("promote", stage["id"], "--json", "--data", "my data")

    command = shlex.split(ended.stderr.splitlines()[-1])
    assert command[-1] == "--json"
    assert command[command.index("--data") + 1] == "my data"


def test_yes_alone_at_a_terminal(cli: CommandRunner, pypi: FakeIndex) -> None:
    """At a terminal, too, `--yes` answers the question only for files that are named."""
    _, stage = swapped(cli)

    alone, printed = cli.run_in_terminal("", "promote", stage["id"], "--yes")
    sent_before = accepted(pypi, cli)
    named, _ = cli.run_in_terminal("", *promotion_of(stage), "--yes")

    assert (alone, f"--manifest {stage['manifest-digest']}" in printed) == (2, True)
    assert (sent_before, named, len(accepted(pypi, cli))) == ([], 0, 2)


def post_form(cli: CommandRunner, parts: list[Part]) -> None:
    """Upload a form, which no command could fill in like this."""
    sent = {"Content-Type": FORM, "Authorization": basic(cli.token)}
    request = Request(f"{cli.url}/legacy/", body_of(parts), sent)
    with urlopen(request):
        pass


def with_other_form(cli: CommandRunner, *options: str) -> tuple[Any, Any]:
    """Return the plan that a manager reads, and what `promote` says after a form has changed."""
    wheel = a_wheel(cli.project)
    stage = cli.staged(cli.save(wheel))
    plan = cli.json("promote", stage["id"], "--dry-run")["plan"]
    post_form(cli, twine_form(wheel, summary="Another summary"))
    return plan, cli.run("promote", stage["id"], "--manifest", plan["manifest-digest"], *options)


@pytest.mark.parametrize("options", [(), ("--yes",), ("--yes", "--json")])
def test_other_form(cli: CommandRunner, pypi: FakeIndex, options: tuple[str, ...]) -> None:
    """The digest of a plan does not approve another form of the same bytes: the revision does.

    The command that is printed names it, and publishes what is there now.
    """
    _, ended = with_other_form(cli, *options)

    assert (ended.code, accepted(pypi, cli)) == (1, [])
    assert "with the same bytes but another form" in ended.stderr
    command = shlex.split(ended.stderr.splitlines()[-1])
    assert "--revision" in command
    assert cli.run(*command[1:], "--yes").code == 0


def test_other_revision(cli: CommandRunner, pypi: FakeIndex) -> None:
    """A stage with another revision than the approved one is not published."""
    stage = cli.staged()

    digest = stage["manifest-digest"]
    other = cli.run("promote", stage["id"], "--manifest", digest, "--revision", "99", "--yes")
    alone = cli.run("promote", stage["id"], "--revision", "1", "--yes")

    assert (other.code, alone.code, accepted(pypi, cli)) == (1, 2, [])
    assert f"The revision is {stage['revision']}, not 99." in other.stderr


def test_stage_url_is_not_repeated(cli: CommandRunner) -> None:
    """The printed command names the stage by its id, because the stage URL opens it for readers."""
    stage = cli.staged()

    ended = cli.run("promote", stage["links"]["stage"])

    assert (ended.code, "stgv_" in ended.stderr) == (2, False)


@pytest.mark.parametrize("digest", ["3fa9", "a" * 63, "g" * 64, "a" * 65])
def test_part_of_a_digest(cli: CommandRunner, digest: str) -> None:
    """A manifest digest has to be given whole."""
    ended = cli.run("promote", "id", "--manifest", digest)

    assert (ended.code, "64 hexadecimal digits" in ended.stderr) == (2, True)


def test_resumed_without_an_approval(cli: CommandRunner, pypi: FakeIndex) -> None:
    """What was approved and stopped is resumed without another approval, with or without `--yes`.

    The warnings that were acknowledged need no other acknowledgement.
    """
    stage = warned(cli)
    wheel, sdist = sorted(stage["files"], key=lambda one: one.endswith(".tar.gz"))
    refused_once(pypi, sdist)
    assert cli.run(*promotion_of(stage), "--yes").code == 1

    ended = cli.run("promote", stage["id"])

    assert (ended.code, accepted(pypi, cli)) == (0, [wheel, sdist]), ended


def test_changed_after_the_approval(cli: CommandRunner, pypi: FakeIndex) -> None:
    """A stage that changed since it was approved is shown, and has to be approved again."""
    stage = cli.staged(*cli.release())
    wheel = next(one for one in stage["files"] if one.endswith(".whl"))
    refused_once(pypi, wheel)
    assert cli.run(*promotion_of(stage)).code == 1
    cli.staged(cli.save(a_wheel(cli.project, summary="Changed since")))

    ended = cli.run("promote", stage["id"])

    assert (ended.code, accepted(pypi, cli)) == (2, [])
    assert f"  REPLACED  {wheel}\n    It was replaced at 20" in ended.stdout


A_PLAN: dict[str, Any] = {"warnings-digest": "", "resumes": None, "other-forms": []}
WARNED = {**A_PLAN, "warnings-digest": "b" * 64}
RESUMED = {**A_PLAN, "resumes": {"covers-warnings": True}}
RESUMED_WARNED = {**WARNED, "resumes": {"covers-warnings": True}}
NEWLY_WARNED = {**WARNED, "resumes": {"covers-warnings": False}}
REFORMED = {**A_PLAN, "other-forms": [{"filename": "demo.whl"}]}
REFORMED_RESUMED = {**REFORMED, "resumes": {"covers-warnings": True}}
EXACT = ApprovalOptions("a" * 64, revision=7)
ASK, GIVEN = Consent.QUESTION, Consent.GIVEN
NAME, YES = Consent.APPROVAL, Consent.ACKNOWLEDGEMENT
FORMS = Consent.FORMS

CONSENTS = {
    "new": (A_PLAN, UNNAMED, (ASK, NAME), (NAME, NAME)),
    "new, named": (A_PLAN, NAMED, (ASK, GIVEN), (GIVEN, GIVEN)),
    "warnings": (WARNED, UNNAMED, (ASK, NAME), (NAME, NAME)),
    "warnings, named": (WARNED, NAMED, (ASK, YES), (GIVEN, GIVEN)),
    "other forms": (REFORMED, UNNAMED, (ASK, NAME), (NAME, NAME)),
    "other forms, named": (REFORMED, NAMED, (ASK, FORMS), (FORMS, FORMS)),
    "other forms, exact": (REFORMED, EXACT, (ASK, GIVEN), (GIVEN, GIVEN)),
    "other forms, resumed": (REFORMED_RESUMED, UNNAMED, (GIVEN, GIVEN), (GIVEN, GIVEN)),
    "resumed": (RESUMED, UNNAMED, (GIVEN, GIVEN), (GIVEN, GIVEN)),
    "resumed, named": (RESUMED, NAMED, (GIVEN, GIVEN), (GIVEN, GIVEN)),
    "resumed, old warnings": (RESUMED_WARNED, UNNAMED, (GIVEN, GIVEN), (GIVEN, GIVEN)),
    "resumed, new warnings": (NEWLY_WARNED, UNNAMED, (ASK, YES), (GIVEN, GIVEN)),
    "resumed, new warnings, named": (NEWLY_WARNED, NAMED, (ASK, YES), (GIVEN, GIVEN)),
}
"""What is needed at a terminal and elsewhere, first without `--yes` and then with it."""


@pytest.mark.parametrize(
    ("plan", "approval", "without", "with_yes"), CONSENTS.values(), ids=CONSENTS
)
def test_needed_consent(
    plan: dict[str, Any],
    approval: ApprovalOptions,
    without: tuple[Consent, Consent],
    with_yes: tuple[Consent, Consent],
) -> None:
    """A terminal asks, elsewhere the files have to be named, and `--yes` acknowledges warnings."""
    for yes, expected in ((False, without), (True, with_yes)):
        needed = [needed_consent(plan, approval, yes=yes, can_ask=one) for one in (True, False)]

        assert needed == [*expected]
