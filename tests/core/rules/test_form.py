"""Forms of uploads that PyPI refuses."""

from collections.abc import Mapping

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.builders.uploads import an_upload, sentences

WHEEL, SDIST = a_wheel(), an_sdist()
INVALID = "Invalid value for {}. Error: {}"
BAD_NAME = (
    "{!r} is an invalid value for Name. Error: Start and end with a letter or numeral "
    "containing only ASCII numeric and '.', '_' and '-'."
)
EXTENSION = "Invalid file extension: Extension {} is invalid for filetype {}."
MISMATCH = "The digest supplied does not match a digest calculated from the uploaded file."

FORMS: Mapping[str, tuple[Mapping[str, str], list[str]]] = {
    "an unknown protocol": ({"protocol_version": "2"}, ["Unknown protocol version."]),
    "a name that ends in a dash": (
        {"name": "demo-"},
        [BAD_NAME.format("demo-"), "Start filename for 'demo-' with 'demo_'."],
    ),
    "a digest that is none": (
        {"blake2_256_digest": "zz"},
        [
            INVALID.format("blake2_256_digest", "Use a valid, hex-encoded, BLAKE2 message digest."),
            MISMATCH,
        ],
    ),
    "another digest": ({"sha256_digest": "0" * 64}, [MISMATCH]),
    "md5 in base64": ({"md5_digest": "CY9rzUYh03PK3k6DJie09g"}, [MISMATCH]),
    "an unknown file type": (
        {"filetype": "bdist_egg"},
        [INVALID.format("filetype", "Use a known file type.")],
    ),
    "the other file type": (
        {"filetype": "sdist", "pyversion": "source"},
        [EXTENSION.format(".whl", "sdist")],
    ),
    "an sdist of one Python": (
        {"filetype": "sdist", "pyversion": "3.11"},
        [
            INVALID.format("pyversion", "Use 'source' as Python version for an sdist."),
            EXTENSION.format(".whl", "sdist"),
        ],
    ),
    "another version": ({"version": "1.1"}, ["Version in filename should be '1.1' not '1.0'."]),
    "another name": ({"name": "other-pkg"}, ["Start filename for 'other-pkg' with 'other_pkg'."]),
}


@pytest.mark.parametrize(("changes", "expected"), FORMS.values(), ids=FORMS)
def test_changed_form_is_refused(changes: Mapping[str, str], expected: list[str]) -> None:
    """Each problem of a form is reported in PyPI's words."""
    assert sentences(an_upload(changes=changes)) == expected


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        ("name", "'' is an invalid value for Name. Error: This field is required."),
        ("filetype", INVALID.format("filetype", "This field is required.")),
        ("metadata_version", "None is not a valid metadata version."),
        ("version", "'version' is a required field."),
        (
            "pyversion",
            INVALID.format(
                "pyversion", "Python version is required for binary distribution uploads."
            ),
        ),
    ],
    ids=str,
)
def test_missing_field_is_refused(without: str, expected: str) -> None:
    """A missing required field is reported in PyPI's words."""
    assert sentences(an_upload(without=[without]))[0] == expected


def test_some_digest_is_required() -> None:
    """PyPI refuses a file without any digest."""
    upload = an_upload(without=["sha256_digest", "blake2_256_digest"])

    assert sentences(upload) == ["Error: Include at least one message digest."]


def test_python_version_of_an_sdist_is_optional() -> None:
    """The Python version of an sdist is `source` by default."""
    assert sentences(an_upload(SDIST, without=["pyversion"])) == []
