"""Fields of core metadata in a form."""

from collections.abc import Mapping

import pytest

from stageproxy.core.rules.fields import addresses_checked_by
from stageproxy.core.rules.findings import Level
from stageproxy.core.values import FormFields
from tests.support.builders.distributions import a_wheel
from tests.support.builders.uploads import an_upload, sentences

NO_PERIOD = "The part after the @-sign is not valid. It should have a period."
MISSPELT = "Natural Language :: Uk" + "ranian"
SPELT = ["Natural Language :: Ukrainian"]
CHAT = "Topic :: Communications :: Chat :: AOL Instant Messenger"
DOCS = "https://example.org/"
WHL = a_wheel().filename
BOTH_LICENSES = (
    "License is deprecated when License-Expression is present. "
    "Only License-Expression should be present."
)
NO_PARENTS = "parent directory indicators are not allowed"
NO_LICENSE = (
    f"License-File ../LICENSE does not exist in distribution file {WHL} "
    "at demo-1.0.dist-info/licenses/../LICENSE"
)

FIELDS: Mapping[str, tuple[Mapping[str, str], list[str]]] = {
    "metadata of a version to come": (
        {"metadata_version": "2.6"},
        ["'2.6' is not a valid metadata version."],
    ),
    "no version": ({"version": "UNKNOWN"}, ["'version' is a required field."]),
    "a version that is none": ({"version": "dog"}, ["'dog' is invalid for 'version'."]),
    "a version of 5000 digits": (
        {"version": "9" * 5000},
        [f"'{'9' * 5000}' is invalid for 'version'."],
    ),
    "a local version": (
        {"version": "1.0+local"},
        [
            "The use of local versions in '1.0+local' is not allowed.",
            "Version in filename should be '1.0+local' not '1.0'.",
        ],
    ),
    "a long summary": (
        {"summary": "x" * 513},
        ["'summary' field must be 512 characters or less."],
    ),
    "a summary of two lines": ({"summary": "a\nb"}, ["'summary' must be a single line."]),
    "an address without @": (
        {"author_email": "Foo <test>"},
        ["'test' is not a valid email address: An email address must have an @-sign."],
    ),
    "a home page of another kind": (
        {"home_page": "irc://example.org/"},
        ["'irc://example.org/' is not a valid url."],
    ),
    "a relative URL": ({"download_url": "/foo"}, ["'/foo' is not a valid url."]),
    "a URL that cannot be read": ({"home_page": "http://["}, ["'http://[' is not a valid url."]),
    "a URL without label": ({"project_urls": f", {DOCS}"}, ["Must have a label."]),
    "a long label": (
        {"project_urls": f"{'a' * 33}, {DOCS}"},
        [f"'{'a' * 33}' must be 32 characters or less."],
    ),
    "a label without URL": ({"project_urls": "Docs"}, ["Must have a URL."]),
    "a label with something else": (
        {"project_urls": "Docs, x"},
        ["'x' is not a valid url."],
    ),
    "requirements of old": (
        {"requires_dist": "foo >=1.*"},
        ["'foo >=1.*' is invalid for 'requires-dist'."],
    ),
    "Python that is none": (
        {"requires_python": ">=dog"},
        ["'>=dog' is invalid for 'requires-python'."],
    ),
    "an unknown dynamic field": (
        {"dynamic": "invalid"},
        ["'invalid' is not a valid dynamic field."],
    ),
    "a license that is none": (
        {"license_expression": "Not A License"},
        ["'Not A License' is invalid for 'license-expression'."],
    ),
    "two licenses": ({"license": "MIT", "license_expression": "MIT"}, [BOTH_LICENSES]),
    "a license file elsewhere": (
        {"license_file": "../LICENSE"},
        [
            f"'../LICENSE' is invalid for 'license-file', {NO_PARENTS}.",
            NO_LICENSE,
        ],
    ),
    "a field too new for its metadata": (
        {"metadata_version": "2.3", "license_expression": "MIT"},
        ["license-expression introduced in metadata version 2.4, not 2.3."],
    ),
    "a description in another character set": (
        {"description_content_type": "text/plain; charset=latin-1"},
        ["'description-content-type' can only specify the UTF-8 charset, not 'latin-1'."],
    ),
}


@pytest.mark.parametrize(("changes", "expected"), FIELDS.values(), ids=FIELDS)
def test_changed_field_is_refused(changes: Mapping[str, str], expected: list[str]) -> None:
    """Each wrong field is refused in PyPI's words.

    A version of 5000 digits was an internal error once.
    """
    assert sentences(an_upload(changes=changes)) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([("name", "demo")], "'name' has invalid data."),
        ([("summary", "Another")], "'summary' has invalid data."),
        (
            [("project_urls", f"A, {DOCS}1"), ("project_urls", f"A, {DOCS}2")],
            "'project_urls' has invalid data.",
        ),
    ],
    ids=["a name", "a summary", "a label"],
)
def test_single_field_is_sent_once(more: FormFields, expected: str) -> None:
    """A field with one value may not be sent twice."""
    assert sentences(an_upload(more=tuple(more))) == [expected]


@pytest.mark.parametrize(
    ("classifier", "expected"),
    [
        ("Typing :: Typed", []),
        ("License :: OSI Approved :: MIT License", []),
        ("Private :: Do Not Upload", ["'Private :: Do Not Upload' is not a valid classifier."]),
        ("typing :: typed", ["'typing :: typed' is not a valid classifier."]),
        (
            MISSPELT,
            [f"The classifier '{MISSPELT}' has been deprecated, use one of {SPELT} instead."],
        ),
        (CHAT, [f"The classifier '{CHAT}' has been deprecated."]),
    ],
    ids=[
        "known",
        "a license",
        "private",
        "in small letters",
        "deprecated for another",
        "deprecated",
    ],
)
def test_classifiers_must_be_known(classifier: str, expected: list[str]) -> None:
    """PyPI refuses unknown and deprecated classifiers."""
    assert sentences(an_upload(more=(("classifiers", classifier),))) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "requires_dist",
            "a @ https://example.org/a",
            "Can't have direct dependency: a @ https://",
        ),
        ("provides_dist", "a @ https://example.org/a", "Can't have direct dependency: 'a @ https"),
        ("obsoletes_dist", "foo >= dog", "'foo >= dog' is invalid: Expected "),
    ],
    ids=str,
)
def test_direct_references_are_refused(name: str, value: str, expected: str) -> None:
    """PyPI refuses URLs as dependencies; its sentence on syntax is one line here."""
    (sentence,) = sentences(an_upload(more=((name, value),)))

    assert sentence.startswith(expected)
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("a@example.com", []),
        ("A <a@example.com>", []),
        ("test", ["'test' is not a valid email address: An email address must have an @-sign."]),
        (
            "a@b",
            [f"'a@b' is not a valid email address: {NO_PERIOD}"],
        ),
    ],
    ids=str,
)
def test_addresses_are_checked(address: str, expected: list[str]) -> None:
    """The syntax of an address is checked, not whether it exists."""
    assert sentences(an_upload(changes={"author_email": address})) == expected


def test_address_without_the_library() -> None:
    """Without email-validator, each unchecked address is reported as unknown."""
    check = addresses_checked_by(None)

    assert [one.level for one in check(an_upload(changes={"author_email": "a@b"}))] == [
        Level.UNKNOWN
    ]
    assert [one.level for one in check(an_upload(changes={"author_email": "ab"}))] == [Level.REFUSE]
    assert list(check(an_upload())) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("requires_dist", f"a; {'(' * 500}"),
        ("obsoletes_dist", f"a; {'(' * 500}"),
        ("author_email", "(" * 5000),
    ],
    ids=["a requirement", "another distribution", "an address"],
)
def test_deeply_nested_value_is_refused(name: str, value: str) -> None:
    """Thousands of parentheses were an internal error once."""
    assert sentences(an_upload(changes={name: value})) != []
