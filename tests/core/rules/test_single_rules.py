"""Rules that need a library, the index, or the file's own metadata."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.rules.descriptions import LONGEST_RENDERED, descriptions_checked_by
from stageproxy.core.rules.fields import addresses_checked_by
from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.libraries import ADDRESSES, DESCRIPTIONS, is_web_url
from stageproxy.core.rules.table import UNKNOWN_RULES, findings_of
from stageproxy.core.rules.upload import Surroundings, Upload
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.builders.uploads import an_upload, sentences
from tests.support.ports.clock import NOON

WHEEL, SDIST = a_wheel(), an_sdist()
RST = {"description_content_type": "text/x-rst; charset=UTF-8"}
BROKEN = {"description": ".. invalid-directive::"}
NO_PERIOD = "The part after the @-sign is not valid. It should have a period."
MISSPELT = "Natural Language :: Uk" + "ranian"
SPELT = ["Natural Language :: Ukrainian"]
CHAT = "Topic :: Communications :: Chat :: AOL Instant Messenger"


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
def test_classifiers_are_looked_up(classifier: str, expected: list[str]) -> None:
    """PyPI knows a list of them."""
    assert sentences(an_upload(more=(("classifiers", classifier),))) == expected


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://example.org", True),
        ("http://example.org:8080/a?b#c", True),
        ("HTTPS://EXAMPLE.ORG/", True),
        ("ftp://example.org/", False),
        ("//example.org/", False),
        ("example.org", False),
        ("https://", False),
        ("https://example.org:99999/", False),
        ("https://exa mple.org/", False),
        ("https://\ud800/", False),
        ("", False),
    ],
    ids=ascii,
)
def test_web_urls(url: str, *, taken: bool) -> None:
    """A URL of http or https with a host is one, and nothing else."""
    assert is_web_url(url) is taken


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
def test_requirements_are_of_projects(name: str, value: str, expected: str) -> None:
    """PyPI takes no URL as a dependency; its sentence about syntax is one line here."""
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
    """An address is one by the letters; nobody looks whether it exists."""
    assert sentences(an_upload(changes={"author_email": address})) == expected


DESCRIPTIONS_: Mapping[str, tuple[Mapping[str, str], list[str]]] = {
    "broken": (BROKEN | RST, ["The description failed to render for 'text/x-rst; charset=UTF-8'."]),
    "broken, without a type": (
        BROKEN,
        ["The description failed to render in the default format of reStructuredText."],
    ),
    "fine": ({"description": "*fine*"} | RST, []),
    "empty": ({"description": ""} | RST, []),
    "Markdown": (BROKEN | {"description_content_type": "text/markdown"}, []),
    "plain": (BROKEN | {"description_content_type": "text/plain"}, []),
}


@pytest.mark.parametrize(("changes", "expected"), DESCRIPTIONS_.values(), ids=DESCRIPTIONS_)
def test_descriptions_are_rendered(changes: Mapping[str, str], expected: list[str]) -> None:
    """PyPI takes no description that it cannot show."""
    assert sentences(an_upload(changes=changes)) == expected


def test_the_libraries_are_there_in_tests() -> None:
    """What the extra brings is checked here, too."""
    assert (ADDRESSES, DESCRIPTIONS) != (None, None)
    assert None not in {ADDRESSES, DESCRIPTIONS}


def test_a_very_long_description_is_not_rendered() -> None:
    """A text can keep docutils busy for longer than an upload may take."""
    check = descriptions_checked_by(DESCRIPTIONS)
    longest = BROKEN["description"].ljust(LONGEST_RENDERED)

    assert [one.level for one in check(an_upload(changes={"description": longest}))] == [
        Level.REFUSE
    ]
    assert [one.level for one in check(an_upload(changes={"description": longest + " "}))] == [
        Level.UNKNOWN
    ]


def test_an_address_without_the_library() -> None:
    """Without the library, what is not checked is said, once for each address."""
    check = addresses_checked_by(None)

    assert [one.level for one in check(an_upload(changes={"author_email": "a@b"}))] == [
        Level.UNKNOWN
    ]
    assert [one.level for one in check(an_upload(changes={"author_email": "ab"}))] == [Level.REFUSE]
    assert list(check(an_upload())) == []


def test_a_description_without_the_library() -> None:
    """Without the library, what is not checked is said, where there is something to check."""
    check = descriptions_checked_by(None)

    assert list(check(an_upload(changes=BROKEN))) == [
        Finding(
            "description",
            "The description is not checked here, but PyPI does. "
            "Install stageproxy[verdict] to have it checked.",
            Level.UNKNOWN,
        )
    ]
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
def test_what_is_nested_too_deeply_is_refused(name: str, value: str) -> None:
    """Thousands of brackets once were an error of the server."""
    assert sentences(an_upload(changes={name: value})) != []


def beside(upload: Upload, **around: object) -> Upload:
    """Return an upload with something beside it on the index."""
    known = {"now": NOON, "has_project": True, "release": ("demo-1.0-1-py3-none-any.whl",)}
    known |= {"first_upload": NOON} | around
    return replace(upload, around=Surroundings(**known))  # type: ignore[arg-type] # names of fields


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
def test_names_of_python_are_taken(name: str, *, is_new: bool, refused: bool) -> None:
    """A new project has no name of a module of Python's."""
    upload = beside(an_upload(changes={"name": name}), has_project=not is_new)

    expected = (
        f"The name {name!r} isn't allowed (conflict with Python Standard Library module name)."
    )
    assert (expected in sentences(upload)) is refused


EXISTS = f"File already exists ('{WHEEL.filename}', with blake2_256 hash '{WHEEL.blake2b_256}')."
CLOSED = (
    "Uploading new files to releases older than 14 days is not allowed. "
    f"This one was closed on {NOON - timedelta(seconds=1):%Y-%m-%d}."
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
        [EXISTS, "It has the bytes of 'x.whl'."],
    ),
    "a release of two weeks": ({"first_upload": NOON - timedelta(days=14)}, []),
    "a release of over two weeks": ({"first_upload": OLD}, [CLOSED]),
    "an sdist": ({"release": (SDIST.filename,)}, []),
}


@pytest.mark.parametrize(("around", "expected"), ON_INDEX.values(), ids=ON_INDEX)
def test_what_the_index_has_counts(around: Mapping[str, object], expected: list[str]) -> None:
    """PyPI takes no name and no bytes twice, and closes releases."""
    assert sentences(beside(an_upload(WHEEL), **around)) == expected


def test_a_release_of_unknown_age_may_be_closed() -> None:
    """HTML pages of an index do not say when a file was uploaded."""
    upload = beside(an_upload(WHEEL), first_upload=None)

    assert [(one.level, one.source) for one in findings_of(upload)] == [(Level.UNKNOWN, "content")]
    assert findings_of(beside(an_upload(WHEEL), first_upload=None, release=())) == []


def test_a_release_has_one_sdist() -> None:
    """Only a zip can be a second one, and PyPI takes no zips either."""
    upload = beside(an_upload(SDIST, filename="demo-1.0.zip"), release=(SDIST.filename,))

    assert sentences(upload)[0] == "Only one sdist may be uploaded per release."
    assert sentences(beside(an_upload(SDIST), release=(SDIST.filename,))) == []


def test_a_large_file_may_be_too_large() -> None:
    """Nobody but PyPI knows how much a project was granted."""
    upload = an_upload()

    assert findings_of(replace(upload, size=100 * 2**20)) == []
    assert findings_of(replace(upload, size=101 * 2**20)) == [
        Finding(
            "content",
            "PyPI takes files of up to 100 MB, unless the project was granted more; "
            f"{WHEEL.filename} has 101 MB.",
            Level.UNKNOWN,
        )
    ]


def test_attestations_may_be_refused() -> None:
    """PyPI takes them from Trusted Publishers, which nobody else can be."""
    (finding,) = findings_of(an_upload(changes={"attestations": "[{}]"}))

    assert (finding.source, finding.level) == ("attestations", Level.UNKNOWN)


def missing(path: str, filename: str) -> list[str]:
    """Return what PyPI says of a license file that is not there."""
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
def test_license_files_are_there(distribution: object, expected: list[str]) -> None:
    """What the form calls a license is in the archive, where its kind has it."""
    upload = an_upload(distribution, more=(("license_file", "LICENSE"),))  # type: ignore[arg-type]

    assert sentences(upload) == expected


METADATA = """\
Metadata-Version: 2.4
Name: demo
Version: 1.0
Requires-Python: >=3.8,<4
Requires-Dist: a >= 1
Provides-Extra: A_b
"""
SAME = {"requires_python": "<4, >=3.8", "requires_dist": "a>=1", "provides_extra": "a-b"}
WHERE = "demo-1.0.dist-info/METADATA"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (SAME, []),
        (
            SAME | {"requires_python": ">=3.8"},
            [f"{WHERE} says Requires-Python: '>=3.8,<4'; the form differs."],
        ),
        (
            SAME | {"requires_dist": "b"},
            [f"{WHERE} and the form differ in Requires-Dist: 'a>=1', 'b'."],
        ),
        (
            SAME | {"provides_extra": "c"},
            [f"{WHERE} and the form differ in Provides-Extra: 'a-b', 'c'."],
        ),
    ],
    ids=["spelled otherwise", "another Python", "another dependency", "another extra"],
)
def test_the_form_is_compared_with_the_file(
    changes: Mapping[str, str], expected: list[str]
) -> None:
    """What resolvers go by is the same in both; PyPI never looks (C42)."""
    upload = an_upload(a_wheel(metadata=METADATA), changes)

    assert [one.message for one in findings_of(upload)] == expected


@pytest.mark.parametrize("rule", UNKNOWN_RULES, ids=lambda rule: rule.id)
def test_what_nobody_can_know_is_said(rule: object) -> None:
    """These hold for every upload, and are never more than a may be (1h)."""
    (finding,) = list(_check(rule))

    assert finding.level is Level.UNKNOWN
    assert finding.message.startswith("PyPI may still refuse the file: ")


def _check(rule: object) -> Iterator[Finding]:
    return iter(rule.check(an_upload()))  # type: ignore[attr-defined] # a rule
