"""Problems of an archive, as findings."""

from dataclasses import replace

import pytest

from stageproxy.core.archives.contents import Contents, WheelFile, WheelProblem
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.builders.uploads import an_upload, sentences

WHEEL, SDIST = a_wheel(), an_sdist()
WHL = WHEEL.filename


def test_problems_of_the_archive_are_refused() -> None:
    """Problems within the file are reported with those of the form."""
    wheel = a_wheel(extra={"demo-1.0.dist-info/entry_points.txt": b"[console_scripts]\n/x = y\n"})

    assert sentences(an_upload(wheel)) == [
        f"Wheel '{WHL}' has invalid entry points defined in the entry_points.txt file"
    ]


@pytest.mark.parametrize("file", WheelFile)
def test_every_problem_of_a_wheel_is_refused(file: WheelFile) -> None:
    """A file that PyPI checks in a wheel has a rule, so that no problem with it is lost."""
    problem = WheelProblem(file, "A new problem.")
    contents = Contents(b"", wheel_problems=(problem,))

    assert "A new problem." in sentences(replace(an_upload(), contents=contents))


def missing(path: str, filename: str) -> list[str]:
    """Return PyPI's sentence on a missing license file."""
    return [
        f"License-File LICENSE does not exist in distribution file {filename} at {path}/LICENSE"
    ]


LICENSES = {
    "in a wheel": (a_wheel(extra={"demo-1.0.dist-info/licenses/LICENSE": b""}), []),
    "at its old place in a wheel": (
        a_wheel(extra={"demo-1.0.dist-info/LICENSE": b""}),
        missing("demo-1.0.dist-info/licenses", WHEEL.filename),
    ),
    "in an sdist": (an_sdist(extra={"LICENSE": b""}), []),
    "not in an sdist": (SDIST, missing("demo-1.0", SDIST.filename)),
}


@pytest.mark.parametrize(("distribution", "expected"), LICENSES.values(), ids=LICENSES)
def test_license_files_must_exist(distribution: object, expected: list[str]) -> None:
    """A license file of the form must be in the archive, at the path of its kind."""
    upload = an_upload(distribution, more=(("license_file", "LICENSE"),))  # type: ignore[arg-type]

    assert sentences(upload) == expected
