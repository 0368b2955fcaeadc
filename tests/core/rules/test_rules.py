"""What PyPI says to an upload: one thing changed, one sentence."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.table import findings_of, form_findings
from stageproxy.core.rules.upload import Upload
from stageproxy.core.values import FormFields
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.uploads import an_upload, sentences

WHEEL, SDIST = a_wheel(), an_sdist()
WHL = WHEEL.filename
INVALID = "Invalid value for {}. Error: {}"
BAD_NAME = (
    "{!r} is an invalid value for Name. Error: Start and end with a letter or numeral "
    "containing only ASCII numeric and '.', '_' and '-'."
)
CONTROL = (
    "Cannot upload a file with non-printable characters (ordinals 0-31) "
    "or the DEL character (ordinal 127) in the name."
)
EXTENSION = "Invalid file extension: Extension {} is invalid for filetype {}."
MISMATCH = "The digest supplied does not match a digest calculated from the uploaded file."
BOTH_LICENSES = (
    "License is deprecated when License-Expression is present. "
    "Only License-Expression should be present."
)
NO_PARENTS = "parent directory indicators are not allowed"
NO_LICENSE = (
    f"License-File ../LICENSE does not exist in distribution file {WHL} "
    "at demo-1.0.dist-info/licenses/../LICENSE"
)
LONG_NAME = f"demo-1.0-py3-none-{'.'.join(['manylinux_2_17_x86_64'] * 11)}.whl"
DOCS = "https://example.org/"


@pytest.mark.parametrize(
    "distribution",
    [
        WHEEL,
        SDIST,
        a_wheel(version="1!2.0rc1.post1", requires_python=">=3.8", requires_dist=["a>=1"]),
        a_wheel(tag="cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64"),
        an_sdist("demo-pkg"),
    ],
    ids=["a wheel", "an sdist", "a wheel with more to say", "several platforms", "a dashed name"],
)
def test_a_proper_upload_is_taken(distribution: Distribution) -> None:
    """Nothing is said of what PyPI takes (#95)."""
    assert findings_of(an_upload(distribution)) == []


HARMLESS: Mapping[str, Mapping[str, str]] = {
    "a digest in capitals": {"sha256_digest": WHEEL.sha256.upper()},
    "md5 too": {"md5_digest": WHEEL.md5},
    "unknown fields": {"staged": "true", "x": "y"},
    "UNKNOWN is nothing": {"license": "UNKNOWN", "license_expression": "MIT"},
    "a version spelled otherwise": {"version": "1"},
    "a name spelled otherwise": {"name": "Demo"},
    "no address": {"author_email": "Foo <>"},
    "only the first address counts": {"author_email": "A <a@example.org>, B <nope>"},
    "several URLs": {"project_urls": "Docs, https://example.org/a,b"},
    "keywords of any length": {"keywords": "a" * 600},
    "the longest summary": {"summary": "x" * 512},
    "an old metadata version": {"metadata_version": "1.0"},
    "the newest metadata version": {"metadata_version": "2.5"},
    "attestations": {"attestations": "[]"},
}


@pytest.mark.parametrize("changes", HARMLESS.values(), ids=HARMLESS)
def test_an_odd_but_accepted_form_is_taken(changes: Mapping[str, str]) -> None:
    """What PyPI accepts, we accept (#105, #108)."""
    assert sentences(an_upload(changes=changes)) == []


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
    "another version": ({"version": "1.1"}, ["Version in filename should be '1.1' not '1.0'."]),
    "another name": ({"name": "other-pkg"}, ["Start filename for 'other-pkg' with 'other_pkg'."]),
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


@pytest.mark.parametrize(("changes", "expected"), FORMS.values(), ids=FORMS)
def test_a_changed_form_is_refused(changes: Mapping[str, str], expected: list[str]) -> None:
    """Each thing wrong with a form is told, in PyPI's words (#97, #98, #101, #105).

    Once a version of 5000 digits was an error of the server.
    """
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
def test_a_missing_field_is_told(without: str, expected: str) -> None:
    """What every upload needs is missed (#98)."""
    assert sentences(an_upload(without=[without]))[0] == expected


def test_some_digest_is_needed() -> None:
    """PyPI takes no file without a digest (#97)."""
    upload = an_upload(without=["sha256_digest", "blake2_256_digest"])

    assert sentences(upload) == ["Error: Include at least one message digest."]


def test_an_sdist_needs_no_python_version() -> None:
    """`source` goes without saying (#98)."""
    assert sentences(an_upload(SDIST, without=["pyversion"])) == []


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
def test_what_comes_once_comes_once(more: FormFields, expected: str) -> None:
    """A field that has one value may not be sent twice."""
    assert sentences(an_upload(more=tuple(more))) == [expected]


FILES: Mapping[str, tuple[Distribution, str, str]] = {
    "a control character": (WHEEL, "demo-1.0-py3\x01-none-any.whl", CONTROL),
    "a backslash": (
        WHEEL,
        "demo-1.0-py3\\x-none-any.whl",
        r"Cannot upload a file with '/' or '\' in the name.",
    ),
    "another extension": (
        SDIST,
        "demo-1.0.tgz",
        "Invalid file extension: Use .tar.gz, .whl or .zip extension.",
    ),
    "an extension in capitals": (
        WHEEL,
        "demo-1.0-py3-none-any.WHL",
        EXTENSION.format(".WHL", "bdist_wheel"),
    ),
    "a platform of no one": (
        WHEEL,
        "demo-1.0-py3-none-any.Linux_X86_64.whl",
        (
            "Binary wheel 'demo-1.0-py3-none-any.Linux_X86_64.whl' has an unsupported "
            "platform tag 'linux_x86_64'."
        ),
    ),
    "a long name": (WHEEL, LONG_NAME, f"Filename is too long: {LONG_NAME!r}"),
    "a name of no version": (
        SDIST,
        "something.tar.gz",
        "Invalid source distribution filename: something.tar.gz",
    ),
    "an sdist of another version": (
        SDIST,
        "demo-6.6.6.tar.gz",
        "Filename 'demo-6.6.6.tar.gz' is invalid, should be 'demo-1.0.tar.gz'.",
    ),
    "an sdist that is not normalized": (
        SDIST,
        "Demo-1.0.tar.gz",
        "Filename 'Demo-1.0.tar.gz' is invalid, should be 'demo-1.0.tar.gz'.",
    ),
}


@pytest.mark.parametrize(("distribution", "filename", "expected"), FILES.values(), ids=FILES)
def test_a_changed_filename_is_refused(
    distribution: Distribution, filename: str, expected: str
) -> None:
    """The first thing wrong with a filename is told in PyPI's words (#102, #106)."""
    assert sentences(an_upload(distribution, filename=filename))[0] == expected


def test_a_wheel_has_the_normalized_name() -> None:
    """The name's spelling in a wheel's filename is fixed (#102)."""
    wheel = Distribution("demo.pkg-1.0-py3-none-any.whl", a_wheel("demo.pkg").content)

    assert sentences(an_upload(wheel))[1] == (
        "Filename 'demo.pkg-1.0-py3-none-any.whl' should contain the normalized project name "
        "'demo_pkg', not 'demo.pkg'."
    )


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("image/png", ["Invalid distribution file."]),
        ("application/octet-stream", []),
        ("text/plain", []),
        (None, []),
    ],
    ids=str,
)
def test_images_are_refused(content_type: str | None, expected: list[str]) -> None:
    """PyPI's one use of the part's media type."""
    assert sentences(an_upload(content_type=content_type)) == expected


def test_problems_of_the_archive_are_refused() -> None:
    """What is wrong within the file is told with the rest (#104)."""
    wheel = a_wheel(extra={"demo-1.0.dist-info/entry_points.txt": b"[console_scripts]\n/x = y\n"})

    assert sentences(an_upload(wheel)) == [
        f"Wheel '{WHL}' has invalid entry points defined in the entry_points.txt file"
    ]


def test_everything_is_told_at_once_in_pypis_order() -> None:
    """The first sentence is the one that PyPI would say; the others follow."""
    changes = {"summary": "a\nb", "version": "dog", "filetype": "x", "home_page": "y"}
    upload = an_upload(changes=changes, filename="demo-1.0.exe")

    assert sentences(upload) == [
        INVALID.format("filetype", "Use a known file type."),
        "'dog' is invalid for 'version'.",
        "'y' is not a valid url.",
        "'summary' must be a single line.",
        "Invalid file extension: Use .tar.gz, .whl or .zip extension.",
        "Invalid source distribution filename: demo-1.0.exe",
    ]


def test_what_the_form_has_is_told_before_the_file_comes() -> None:
    """A form that is refused anyway needs no upload of its file."""
    form = an_upload(changes={"version": "dog"}).form

    assert form_findings(form) == [Finding("version", "'dog' is invalid for 'version'.")]


WHERE = "demo-1.0.dist-info/METADATA"


@pytest.mark.parametrize(
    ("metadata", "changes", "message"),
    [
        (
            "Metadata-Version: 2.4\nName: other\nVersion: 1.0\n",
            {"name": "demo"},
            f"{WHERE} says Name: 'other'; installers refuse the file.",
        ),
        (
            "Metadata-Version: 2.4\nName: demo\nVersion: 1.1\n",
            {"version": "1.0"},
            f"{WHERE} says Version: '1.1'; installers refuse the file.",
        ),
        (
            "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nRequires-Python: >=3.8\n",
            {"requires_python": ">=3.9"},
            f"{WHERE} says Requires-Python: '>=3.8'; the form differs.",
        ),
    ],
    ids=["another name", "another version", "another Python"],
)
def test_a_file_that_says_something_else_is_suspicious(
    metadata: str, changes: Mapping[str, str], message: str
) -> None:
    """PyPI does not compare the form with the file, but installers do (#101)."""
    upload = an_upload(a_wheel(metadata=metadata), changes)

    assert findings_of(upload) == [Finding("content", message, Level.WARN)]


def test_garbage_for_metadata_is_suspicious() -> None:
    """PyPI takes a file whose METADATA nobody can read; we warn."""
    said = {"name": "demo", "version": "1.0", "metadata_version": "2.4"}
    upload = an_upload(a_wheel(metadata="\x00 garbage"), said)

    assert {finding.level for finding in findings_of(upload)} == {Level.WARN}


FIELDS = st.sampled_from(["name", "version", "filetype", "sha256_digest", "summary", "home_page"])
FORM = st.lists(st.tuples(FIELDS, st.text())).map(tuple)


@given(FORM, st.text().map("demo-1.0-py3-none-{}.whl".format) | st.text())
def test_any_upload_gets_a_verdict(form: FormFields, filename: str) -> None:
    """For any form and filename there is a verdict, and never an exception."""
    upload = an_upload(filename=filename or "x")

    found = findings_of(Upload(form, upload.filename, None, "", "", "", upload.name))

    assert all(finding.message for finding in found)


def test_a_filename_of_half_characters_gets_a_verdict() -> None:
    """A filename may hold bytes that are no UTF-8; once their length was an error of the server."""
    upload = an_upload(filename="demo-1.0-py3-none-any\udcff.whl")

    assert "unsupported platform tag" in sentences(upload)[0]
