"""The table of rules, and properties of any upload."""

import io
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.reader import read_contents
from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.table import (
    RULES,
    RULES_AS_OF,
    UNKNOWN_RULES,
    findings_of,
    form_findings,
    in_pypi_order,
    names_a_project,
    placed_index_findings,
    steps_of,
)
from stageproxy.core.rules.upload import IndexState, Rule, Upload
from stageproxy.core.values import FormFields
from tests.support.builders.damage import ANYTHING, mangled
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist, upload_form
from tests.support.builders.uploads import an_upload, sentences
from tests.support.ports.clock import NOON
from tests.support.servers.processes import ROOT

EVERY_RULE = [*RULES, *UNKNOWN_RULES]
REQUIRING_WHEEL, SDIST = a_wheel(requires_dist=["a>=1"]), an_sdist()
NAME = REQUIRING_WHEEL.filename
REFERENCE = ROOT / "docs" / "reference" / "verdict.md"

WHEEL, SDIST = a_wheel(), an_sdist()
INVALID = "Invalid value for {}. Error: {}"

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
    "the newest metadata version": {"metadata_version": "2.5"},
    "attestations": {"attestations": "[]"},
}

SOME_FIELDS = st.sampled_from(
    ["name", "version", "filetype", "sha256_digest", "summary", "home_page"]
)
SHORT_FORMS = st.lists(st.tuples(SOME_FIELDS, st.text())).map(tuple)


def row(rule: Rule) -> str:
    """Return a rule as the reference lists it."""
    sentence = f"`{rule.sentence}`" if rule.sentence else ""
    return f"| `{rule.id}` | {rule.about} | {sentence} | {rule.level} |"


def test_reference_lists_every_rule() -> None:
    """The reference lists the rules in PyPI's order, and the date of their last check."""
    text = REFERENCE.read_text()
    rows = re.findall(
        r"^\| `[a-z0-9-]+` \| .* \| (?:refuse|warn|note|unknown) \|$", text, re.MULTILINE
    )

    assert rows == [row(rule) for rule in EVERY_RULE]
    assert f"**{RULES_AS_OF.isoformat()}**" in text


def test_rules_have_unique_names() -> None:
    """Each rule has its own short name and is not newer than the table."""
    names = [rule.id for rule in EVERY_RULE]

    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []
    assert max(rule.since for rule in EVERY_RULE) <= RULES_AS_OF


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: rule.id)
def test_refusals_have_a_sentence(rule: Rule) -> None:
    """A rule that refuses has PyPI's sentence; a rule that warns or notes has none."""
    assert (rule.sentence == "") is (
        rule.level in {Level.WARN, Level.NOTE} or rule.id in {"newer-rules", "archive-unread"}
    )


FIELDS = st.sampled_from(
    [
        "name", "version", "filetype", "pyversion", "metadata_version", "sha256_digest",
        "md5_digest", "summary", "home_page", "author_email", "classifiers", "project_urls",
        "requires_dist", "provides_dist", "provides_extra", "requires_python", "license",
        "license_expression", "license_file", "dynamic", "import_name", "description",
        "description_content_type", "attestations", "keywords", "protocol_version", "",
    ]
)  # fmt: skip
VALUES = st.text(max_size=40) | st.sampled_from(
    [
        "demo", "1.0", "2.4", "2.5", "sdist", "bdist_wheel", "text/x-rst", "MIT", "../x", "a, b",
        "A, https://example.org", "a @ https://x", "9" * 5000, "\ud800", "(" * 500, "*a", "`x",
        "|x| _ ..", ".. include:: /etc/passwd", "a@b.c", "=\n==\n", "UNKNOWN", "asyncio",
    ]
)  # fmt: skip
FORMS: st.SearchStrategy[FormFields] = st.lists(st.tuples(FIELDS, VALUES), max_size=12).map(tuple)
BYTES: st.SearchStrategy[Any] = ANYTHING | mangled(REQUIRING_WHEEL.content) | mangled(SDIST.content)
NAMES = st.sampled_from([REQUIRING_WHEEL.filename, SDIST.filename, "demo-1.0.zip"])
INDEX_STATES = st.sampled_from([None, IndexState(NOON, has_project=False)])


def upload_of(
    form: FormFields, content: bytes, filename: str, index_state: IndexState | None = None
) -> Upload:
    """Return an upload of these bytes."""
    name = parse_distribution_name(filename)
    contents = read_contents(io.BytesIO(content), name)
    return Upload(form, filename, None, "", "", "", name, contents, len(content), index_state)


@example((("description", "x"), ("description_content_type", "\ud800")), b"", NAME, None)
@example((("requires_dist", f"a; {'(' * 500}"),), b"", NAME, None)
@given(FORMS, BYTES, NAMES, INDEX_STATES)
def test_any_upload_gets_findings(
    form: FormFields, content: bytes, filename: str, index_state: IndexState | None
) -> None:
    """For any form and any bytes there are findings, and never an exception."""
    found = findings_of(upload_of(form, content, filename, index_state))

    assert all(one.message for one in found)


@given(FORMS, BYTES, NAMES)
def test_rule_has_one_level(form: FormFields, content: bytes, filename: str) -> None:
    """For any upload, a finding has the level of its rule, or the level unknown."""
    upload = upload_of(form, content, filename)

    for rule in RULES:
        assert {one.level for one in rule.check(upload)} <= {rule.level, Level.UNKNOWN}


@given(FORMS, BYTES, NAMES)
def test_findings_of_the_form_come_first(form: FormFields, content: bytes, filename: str) -> None:
    """For any upload, the findings of its form are the first ones."""
    early, whole = form_findings(form), findings_of(upload_of(form, content, filename))

    assert whole[: len(early)] == early


@given(FORMS, BYTES, NAMES)
def test_steps_are_all_rules(form: FormFields, content: bytes, filename: str) -> None:
    """For any upload, the findings of all steps and of the index are those of all rules."""
    upload = upload_of(form, content, filename, IndexState(NOON, has_project=False))

    steps = [one for step in steps_of(only_form=False) for one in step.findings(upload)]

    assert in_pypi_order([*steps, *placed_index_findings(upload)]) == findings_of(upload)


@given(FORMS)
def test_name_is_judged_without_the_other_rules(form: FormFields) -> None:
    """For any form, its name is valid if no rule on the form refuses it."""
    refused = {one.source for one in form_findings(form) if one.level is Level.REFUSE}

    assert names_a_project(form) == ("name" not in refused)


@pytest.mark.parametrize("only_form", [True, False])
def test_unchecked_steps(*, only_form: bool) -> None:
    """What stands for a step that was not applied refuses nothing."""
    for step in steps_of(only_form=only_form):
        _, finding = step.not_checked("there is no time")
        assert finding.level is Level.UNKNOWN
        assert finding.message.endswith(" here: there is no time. Only PyPI checks it.") or (
            "compared" in finding.message
        )


@given(st.data())
def test_order_of_fields_does_not_matter(data: st.DataObject) -> None:
    """For any order of the fields, the findings are the same."""
    form = [
        *upload_form(REQUIRING_WHEEL, summary="a\nb", version="dog", home_page="x", filetype="y")
    ]
    shuffled = tuple(data.draw(st.permutations(form)))
    upload = upload_of(tuple(form), REQUIRING_WHEEL.content, REQUIRING_WHEEL.filename)

    assert findings_of(replace(upload, form=shuffled)) == findings_of(upload)


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
def test_valid_upload_has_no_findings(distribution: Distribution) -> None:
    """An upload that PyPI accepts has no findings."""
    assert findings_of(an_upload(distribution)) == []


@pytest.mark.parametrize("changes", HARMLESS.values(), ids=HARMLESS)
def test_odd_but_accepted_form_is_accepted(changes: Mapping[str, str]) -> None:
    """Odd forms that PyPI accepts are accepted."""
    assert sentences(an_upload(changes=changes)) == []


def test_old_metadata_version_is_accepted() -> None:
    """The oldest metadata version is accepted, with the fields that it has."""
    wheel = a_wheel(metadata="Metadata-Version: 1.0\nName: demo\nVersion: 1.0\n")

    assert sentences(an_upload(wheel)) == []


def test_all_problems_are_reported_in_pypis_order() -> None:
    """The first sentence is the one that PyPI would return; the others follow."""
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


def test_form_is_checked_before_the_file_arrives() -> None:
    """A form that is refused anyway needs no upload of its file."""
    form = an_upload(changes={"version": "dog"}).form

    assert form_findings(form) == [Finding("version", "'dog' is invalid for 'version'.")]


@given(SHORT_FORMS, st.text().map("demo-1.0-py3-none-{}.whl".format) | st.text())
def test_any_form_and_filename_get_a_verdict(form: FormFields, filename: str) -> None:
    """For any form and filename there are findings, and never an exception."""
    upload = an_upload(filename=filename or "x")

    found = findings_of(Upload(form, upload.filename, None, "", "", "", upload.name))

    assert all(finding.message for finding in found)
