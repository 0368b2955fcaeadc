"""Whether the index lists a whole release, with the staged bytes."""

from collections.abc import Mapping

import pytest

from stageproxy.core.errors import ConflictError, UpstreamUnavailableError
from stageproxy.core.promotion.confirmation import IndexFile, check_is_listed
from tests.support.builders.stages import an_artifact
from tests.support.errors import find_refusal

WHEEL = an_artifact("demo-2.0-py3-none-any.whl")
SDIST = an_artifact("demo-2.0.tar.gz")
OURS = IndexFile(SDIST.sha256, "https://files.example.org/demo-2.0.tar.gz")
UNHASHED = IndexFile(None, OURS.url)
OTHER = IndexFile("0" * 64, OURS.url)


def shown(sdist: IndexFile) -> Mapping[str, IndexFile]:
    """Return the files of an index that lists the wheel, and some sdist."""
    return {
        WHEEL.filename: IndexFile(WHEEL.sha256, "https://files.example.org/w"),
        "demo-2.0.tar.gz": sdist,
    }


@pytest.mark.parametrize(
    ("sdist", "is_confirmed"),
    [(OURS, True), (UNHASHED, True), (OTHER, False)],
    ids=["the staged hash", "no hash", "another hash"],
)
def test_whole_release_is_confirmed(sdist: IndexFile, *, is_confirmed: bool) -> None:
    """A release is confirmed if the index lists every file of it; files of others do not matter."""
    listed = {**shown(sdist), "demo-1.0.tar.gz": OTHER}

    assert (find_refusal(check_is_listed, [SDIST, WHEEL], listed) is None) is is_confirmed


def test_missing_files_are_named() -> None:
    """Files that are not listed yet are named, in the order of promotion."""
    with pytest.raises(UpstreamUnavailableError) as caught:
        check_is_listed([SDIST, WHEEL], {})

    assert caught.value.sentence == (
        "The index does not list demo-2.0-py3-none-any.whl, demo-2.0.tar.gz yet. Report the end "
        "again in a moment; until then the stage is not published."
    )


def test_other_bytes_are_reported_first() -> None:
    """Other bytes under a staged filename are reported before missing files."""
    with pytest.raises(ConflictError) as caught:
        check_is_listed([SDIST, WHEEL], {SDIST.filename: OTHER})

    assert caught.value.sentence == (
        f"demo-2.0.tar.gz is already on the index with other bytes: sha256 {OTHER.sha256}, "
        f"but {SDIST.sha256} is staged. A filename cannot be used twice."
    )
