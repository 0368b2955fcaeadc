"""Rules that depend on the files of the project on the index."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.table import findings_of
from stageproxy.core.rules.upload import IndexState, Upload
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.builders.uploads import an_upload, sentences
from tests.support.ports.clock import NOON

WHEEL, SDIST = a_wheel(), an_sdist()


def beside(upload: Upload, **state: object) -> Upload:
    """Return an upload with other files on the index."""
    known = {"now": NOON, "has_project": True, "release": ("demo-1.0-1-py3-none-any.whl",)}
    known |= {"first_upload": NOON} | state
    return replace(upload, index_state=IndexState(**known))  # type: ignore[arg-type] # names of fields


@pytest.mark.parametrize(
    ("name", "is_new", "refused"),
    [
        ("xml.etree", True, True),
        ("XML_etree", True, True),
        ("asyncio", True, True),
        ("distutils", True, True),
        ("json-decoder", True, True),
        ("urllib2", True, True),
        ("demo", True, False),
        ("asyncio", False, False),
    ],
    ids=[
        "with a dot",
        "spelled otherwise",
        "a module",
        "a former one",
        "a submodule",
        "one of Python 2",
        "free",
        "there already",
    ],
)
def test_standard_library_names_are_refused(name: str, *, is_new: bool, refused: bool) -> None:
    """A new project cannot have the name of a module of the standard library."""
    upload = beside(an_upload(changes={"name": name}), has_project=not is_new)

    expected = (
        f"The name {name!r} isn't allowed (conflict with Python Standard Library module name)."
    )
    assert (expected in sentences(upload)) is refused


EXISTS = f"File already exists ('{WHEEL.filename}', with blake2_256 hash '{WHEEL.blake2b_256}')."
CLOSED = (
    "Uploading new files to releases older than 14 days is not allowed. "
    f"This release closed on {NOON - timedelta(seconds=1):%Y-%m-%d}."
)
OLD = NOON - timedelta(days=14, seconds=1)
ON_INDEX: Mapping[str, tuple[Mapping[str, object], list[str]]] = {
    "nothing": ({}, []),
    "other files": ({"files": {"demo-0.9.tar.gz": "00"}, "release": ()}, []),
    "the same file, long ago": ({"files": {WHEEL.filename: WHEEL.sha256}, "first_upload": OLD}, []),
    "other bytes, long ago": (
        {"files": {WHEEL.filename: "00"}, "first_upload": OLD},
        [EXISTS, CLOSED],
    ),
    "other bytes, nobody knows which": ({"files": {WHEEL.filename: None}}, [EXISTS]),
    "the same bytes under another name": (
        {"files": {"x.whl": WHEEL.sha256}},
        [EXISTS, "'x.whl' has the same bytes."],
    ),
    "a release of two weeks": ({"first_upload": NOON - timedelta(days=14)}, []),
    "a release of over two weeks": ({"first_upload": OLD}, [CLOSED]),
    "an sdist": ({"release": (SDIST.filename,)}, []),
}


@pytest.mark.parametrize(("state", "expected"), ON_INDEX.values(), ids=ON_INDEX)
def test_files_on_the_index_count(state: Mapping[str, object], expected: list[str]) -> None:
    """PyPI accepts no filename and no bytes twice, and closes releases after two weeks."""
    assert sentences(beside(an_upload(WHEEL), **state)) == expected


def test_release_of_unknown_age_may_be_closed() -> None:
    """HTML pages of an index have no upload times."""
    upload = beside(an_upload(WHEEL), first_upload=None)

    assert [(one.level, one.source) for one in findings_of(upload)] == [(Level.UNKNOWN, "content")]
    assert findings_of(beside(an_upload(WHEEL), first_upload=None, release=())) == []


def test_release_has_one_sdist() -> None:
    """A second sdist is refused, even one that PyPI refuses as a zip."""
    upload = beside(an_upload(SDIST, filename="demo-1.0.zip"), release=(SDIST.filename,))

    assert sentences(upload)[0] == "Only one sdist may be uploaded per release."
    assert sentences(beside(an_upload(SDIST), release=(SDIST.filename,))) == []


def test_large_file_may_be_too_large() -> None:
    """Only PyPI knows the limit of a project."""
    upload = an_upload()

    assert findings_of(replace(upload, size=100 * 2**20)) == []
    assert findings_of(replace(upload, size=101 * 2**20)) == [
        Finding(
            "content",
            f"{WHEEL.filename} has a size of 101 MB. PyPI accepts files of up to 100 MB "
            "unless the project has a higher limit.",
            Level.UNKNOWN,
        )
    ]
