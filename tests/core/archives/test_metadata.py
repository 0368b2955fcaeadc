"""Core metadata in files and forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.metadata import parse_email

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.metadata import (
    form_of,
    metadata_in,
    problems_in,
    read_core_metadata,
    takes_one_value,
)
from stageproxy.core.values import FormFields
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist, upload_form

WHEEL_NAME = parse_distribution_name("demo-1.0-py3-none-any.whl")
RICH = """\
Metadata-Version: 2.4
Name: demo
Version: 1.0
Summary: A demo
Keywords: one,two , three
Author-email: A <a@example.org>
License-Expression: MIT
License-File: LICENSE
License-File: NOTICE
Classifier: Topic :: Software Development
Classifier: Typing :: Typed
Platform: any
Requires-Python: >=3.8
Requires-Dist: a>=1
Requires-Dist: b; extra == "x"
Provides-Extra: x
Project-URL: Source, https://example.org/source
Project-URL: Docs, https://example.org/docs
Dynamic: license-file
Description-Content-Type: text/markdown

# Demo

It demonstrates.
"""


def form_for(distribution: Distribution) -> FormFields:
    """Return the form with which a distribution is sent."""
    return form_of(
        distribution.metadata or b"",
        parse_distribution_name(distribution.filename),
        sha256_digest=distribution.sha256,
        blake2_256_digest=distribution.blake2b_256,
    )


@pytest.mark.parametrize(
    "distribution",
    [
        a_wheel(requires_python=">=3.8", requires_dist=["a", "b>=1"]),
        a_wheel(metadata=RICH),
        a_wheel("demo-pkg", tag="cp311-cp311-win32"),
        an_sdist(requires_dist=["a"]),
        an_sdist(metadata=RICH),
    ],
    ids=["a wheel", "a wheel with all there is", "a dashed name", "an sdist", "a rich sdist"],
)
def test_form_is_that_of_twine(distribution: Distribution) -> None:
    """The form has the fields that twine sends, in any order. Keywords lost their spaces once."""
    assert sorted(form_for(distribution)) == sorted(upload_form(distribution))


@pytest.mark.parametrize(
    ("name", "sent"),
    [("demo", "demo"), ("My_Pkg", "My-Pkg"), ("a.b", "a.b"), ("a__b", "a-b")],
    ids=str,
)
def test_name_is_sent_as_twine_sends_it(name: str, sent: str) -> None:
    """PyPI displays a project under the name that was sent last."""
    form = form_of(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(), WHEEL_NAME)

    assert ("name", sent) in form


@pytest.mark.parametrize(
    ("version", "sent"), [("2.1", False), ("2.3", False), ("2.4", True), ("2.5", True)], ids=str
)
def test_license_files_are_sent_with_new_metadata_only(version: str, *, sent: bool) -> None:
    """PyPI refuses License-File in old metadata, where setuptools writes it."""
    text = f"Metadata-Version: {version}\nName: demo\nVersion: 1.0\nLicense-File: LICENSE\n"

    assert (("license_file", "LICENSE") in form_of(text.encode(), WHEEL_NAME)) is sent


def test_form_and_file_have_the_same_metadata() -> None:
    """The metadata in a form is that of the file, whatever PyPI calls the fields."""
    form = form_of(RICH.encode(), WHEEL_NAME)

    assert metadata_in(form) == read_core_metadata(RICH.encode())


@pytest.mark.parametrize(
    ("form", "raw"),
    [
        ((("license", "UNKNOWN"), ("summary", "")), {}),
        (((":action", "file_upload"), ("filetype", "sdist"), ("x", "y")), {}),
        ((("name", "one"), ("name", "two")), {"name": "one"}),
        ((("platform", "a"), ("platform", "b")), {"platforms": ["a", "b"]}),
        ((("import_name", "a"), ("import_names", "b")), {"import_names": ["a", "b"]}),
        ((("keywords", "a, b ,c"),), {"keywords": ["a", "b", "c"]}),
        ((("project_urls", "A , https://a"),), {"project_urls": {"A": "https://a"}}),
        ((("project_urls", "no comma"),), {"project_urls": {"no comma": ""}}),
    ],
    ids=[
        "empty and unknown values",
        "fields of the upload itself",
        "a field twice",
        "singular names",
        "both spellings of one field",
        "keywords",
        "a URL",
        "a URL without label",
    ],
)
def test_form_is_read(form: FormFields, raw: object) -> None:
    """Fields are read by PyPI's names for them; other fields are ignored."""
    assert metadata_in(form) == raw


def test_problems_name_their_field() -> None:
    """The sentences of packaging come with the field that they are about."""
    raw = metadata_in(
        (
            ("metadata_version", "2.1"),
            ("name", "demo"),
            ("version", "1.0"),
            ("requires_dist", "foo >=1.*"),
            ("requires_python", ">=dog"),
        )
    )

    assert {(one.field, one.message) for one in problems_in(raw)} == {
        ("requires-dist", "'foo >=1.*' is invalid for 'requires-dist'"),
        ("requires-python", "'>=dog' is invalid for 'requires-python'"),
    }


@pytest.mark.parametrize(
    ("field", "once"),
    [
        ("name", True),
        ("summary", True),
        ("license_expression", True),
        ("classifiers", False),
        ("platform", False),
        ("import_name", False),
        ("project_urls", False),
        ("keywords", False),
        ("filetype", False),
        ("content", False),
    ],
    ids=str,
)
def test_single_fields(field: str, *, once: bool) -> None:
    """Fields with one value are distinguished from lists and unknown fields."""
    assert takes_one_value(field) is once


def test_deeply_nested_metadata_is_empty() -> None:
    """Thousands of nested messages have no fields. They were an internal error once."""
    nested = b"Content-Type: message/rfc822\n\n" * 2000

    assert set(read_core_metadata(nested)) == {"description"}


TEXTS = st.text() | st.sampled_from(["2.1", "2.4", "9" * 5000, "a, b", "MIT", "x>=1", "\ud800"])
NAMES = st.sampled_from(["name", "version", "requires_dist", "project_urls", "license_file", "x"])


@given(st.lists(st.tuples(NAMES, TEXTS)).map(tuple))
def test_any_form_is_checked(form: FormFields) -> None:
    """For any form, there are problems or none, and never an exception.

    A version of 5000 digits was an internal error once.
    """
    assert all(problem.message for problem in problems_in(metadata_in(form)))


@given(st.binary() | st.text("Name: \n\t=?utf-8Keywords,", max_size=60).map(str.encode))
def test_any_file_is_read(content: bytes) -> None:
    """For any bytes as METADATA, there are fields, and never an exception."""
    form = form_of(content, WHEEL_NAME)

    assert form[0] == (":action", "file_upload")


HEADER_NAMES = ("Name", "VERSION", "classifier", "Requires-Dist", "Project-URL", "Summary", "X-Own")
HEADERS = st.lists(
    st.builds(
        "{}: {}\n".format,
        st.sampled_from(HEADER_NAMES),
        st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=20)
        | st.just("one\n        two\n\tthree"),
    ),
    unique_by=lambda header: header.partition(":")[0],
)
BODIES = st.sampled_from(["", "\n", "\nA demo.\nName: other\n", "no header\nName: other\n"])


@given(HEADERS, BODIES)
def test_metadata_is_read_as_packaging_reads_it(headers: list[str], body: str) -> None:
    """For any headers and body, the fields are those of packaging, without the unknown ones."""
    text = ("".join(headers) + body).encode()

    assert read_core_metadata(text) == parse_email(text)[0]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "before",
    [
        b"".join(b"X-%d: x\n" % number for number in range(180_000)),
        b"From \n" + b"".join(b"X-%d: x\n" % number for number in range(180_000)),
        b" x\n" * 600_000,
        b"Content-Type: message/rfc822\n" * 60_000,
    ],
    ids=["many kinds of headers", "behind a line of mbox", "lines of no header", "forms of e-mail"],
)
def test_unknown_headers_are_parsed_quickly(before: bytes) -> None:
    """Unknown headers cost nothing. Many kinds of them took minutes once."""
    assert read_core_metadata(before + b"Name: demo\nVersion: 1.0\n") == {
        "name": "demo",
        "version": "1.0",
    }


@pytest.mark.parametrize(
    "nest",
    [
        b"Content-Type: message/rfc822\n\n",
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n",
    ],
    ids=["messages", "parts"],
)
def test_nested_message_is_a_description(nest: bytes) -> None:
    """A multipart body is a description. It was an internal error once."""
    levels = (nest % ((number,) * nest.count(b"%d")) for number in range(2000))

    raw = read_core_metadata(b"Name: demo\n" + b"".join(levels))

    assert raw["name"] == "demo"
