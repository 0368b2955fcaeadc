"""Announced files: which filenames a stage accepts."""

import pytest

from stageproxy.core.errors import InvalidRequestError, Problem
from stageproxy.core.stage.announcements import check_name, parse_filename
from tests.support.builders.stages import a_stage
from tests.support.errors import find_refusal

WHEEL = "demo-2.0-py3-none-any.whl"
BELONGS = "does not belong to this session, which is for demo 2.0."
ODD = "contains characters that PyPI does not allow in filenames."
NONE = {
    "no extension": "demo-2.0",
    "an egg": "demo-2.0-py3.11.egg",
    "an archive of another kind": "demo-2.0.tar.bz2",
    "no version": "demo.tar.gz",
    "too few parts": "demo-2.0.whl",
    "nothing": "",
    "a text behind it": f"{WHEEL}.asc",
    "NUL at the end": "demo-2.0.tar.gz\0",
    "slash in a tag": "demo-2.0-py3-none-a/../b.whl",
}
NOT_THIS = {
    "another project": ("demon-2.0.tar.gz", f"demon-2.0.tar.gz {BELONGS}"),
    "another version": ("demo-2.1.tar.gz", f"demo-2.1.tar.gz {BELONGS}"),
    "a folder above": ("../demo-2.0.tar.gz", f"'../demo-2.0.tar.gz' {ODD}"),
    "a folder": ("demo/demo-2.0.tar.gz", f"'demo/demo-2.0.tar.gz' {ODD}"),
    "a backslash": ("..\\demo-2.0.tar.gz", f"'..\\\\demo-2.0.tar.gz' {ODD}"),
    "NUL": ("demo\0-2.0.tar.gz", f"'demo\\x00-2.0.tar.gz' {ODD}"),
    "a space": ("demo- 2.0.tar.gz", f"'demo- 2.0.tar.gz' {ODD}"),
    "an end of line": ("demo-2.0\n.tar.gz", f"'demo-2.0\\n.tar.gz' {ODD}"),
    "text from right to left": ("demo-2.0-py\u202e3-none-any.whl",) * 2,
    "digits of another script": ("demo-2.0-1\u0661-py3-none-any.whl",) * 2,
    "a letter that is lower-cased to k": ("\u212ay-2.0.tar.gz",) * 2,
    "another spelling of the project": (
        "Demo-2.0.tar.gz",
        "Filename 'Demo-2.0.tar.gz' is invalid, should be 'demo-2.0.tar.gz'.",
    ),
    "another spelling of the version": (
        "demo-v2.0.tar.gz",
        "Filename 'demo-v2.0.tar.gz' is invalid, should be 'demo-2.0.tar.gz'.",
    ),
    "a zip": ("demo-2.0.zip", "Filename 'demo-2.0.zip' is invalid, should be 'demo-2.0.tar.gz'."),
    "an unknown platform": (
        "demo-2.0-py3-none-amiga.whl",
        "Binary wheel 'demo-2.0-py3-none-amiga.whl' has an unsupported platform tag 'amiga'.",
    ),
    "a name that is too long": (f"demo-2.0-{'py3.' * 60}py3-none-any.whl",) * 2,
}


@pytest.mark.parametrize("filename", [WHEEL, "demo-2.0.tar.gz", "demo-2.0-1abc-cp311-abi3-any.whl"])
def test_valid_filename_is_accepted(filename: str) -> None:
    """A filename that PyPI accepts belongs to the stage of its release, and to no other."""
    name = parse_filename(filename)

    refusals = [find_refusal(check_name, a_stage(version), name) for version in ("2.0", "2.1")]

    assert [refusal is None for refusal in refusals] == [True, False]


def test_stage_without_version_accepts_any_version() -> None:
    """A stage whose version is not fixed yet accepts files of every version of its project."""
    names = [parse_filename(f"{project}-9.1.tar.gz") for project in ("demo", "other")]

    refusals = [find_refusal(check_name, a_stage(None), name) for name in names]

    assert [refusal is None for refusal in refusals] == [True, False]


@pytest.mark.parametrize("filename", NONE.values(), ids=NONE)
def test_other_filename_is_refused(filename: str) -> None:
    """A filename that is not that of a wheel or an sdist is refused, with its field."""
    with pytest.raises(InvalidRequestError) as caught:
        parse_filename(filename)

    assert caught.value.problems == (Problem("filename", caught.value.sentence),)


@pytest.mark.parametrize(("filename", "sentence"), NOT_THIS.values(), ids=NOT_THIS)
def test_invalid_filename_is_refused(filename: str, sentence: str) -> None:
    """A filename that completing would refuse is refused when it is announced.

    It was not once: line ends and direction marks were displayed in a session.
    """
    with pytest.raises(InvalidRequestError) as caught:
        check_name(a_stage("2.0"), parse_filename(filename))

    is_whole = sentence != filename
    assert {one.source for one in caught.value.problems} == {"filename"}
    assert caught.value.sentence == sentence if is_whole else caught.value.problems
