"""`info` of the JSON API, from the form of a release's first file."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.index.release_info import release_info

PROJECT_URL = "https://index.example.org/project/demo/"
KEYS = [
    *("author", "author_email", "bugtrack_url", "classifiers", "description"),
    *("description_content_type", "docs_url", "download_url", "downloads", "dynamic", "home_page"),
    *("keywords", "license", "license_expression", "license_files", "maintainer"),
    *("maintainer_email", "name", "package_url", "platform", "project_url", "project_urls"),
    *("provides_extra", "release_url", "requires_dist", "requires_python", "summary", "version"),
    *("yanked", "yanked_reason"),
]
CONSTANT: dict[str, Any] = {
    "bugtrack_url": None,
    "classifiers": [],
    "docs_url": None,
    "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
    "package_url": PROJECT_URL,
    "project_url": PROJECT_URL,
    "release_url": f"{PROJECT_URL}1.0/",
    "version": "1.0",
    "yanked": False,
    "yanked_reason": None,
}


def info_of(*form: tuple[str, str]) -> dict[str, Any]:
    """Return `info` of a form."""
    return release_info(form, "1.0", PROJECT_URL)


def urls_of(*form: tuple[str, str]) -> Any:
    """Return `project_urls` of a form."""
    return info_of(*form)["project_urls"]


def test_empty_form() -> None:
    """All of PyPI's keys are present, in PyPI's order; fields that the form lacks are null."""
    info = info_of()

    assert list(info) == KEYS
    assert info == dict.fromkeys(KEYS) | CONSTANT


@pytest.mark.parametrize("value", ["", "UNKNOWN"])
@pytest.mark.parametrize("key", ["summary", "license", "requires_dist", "classifiers", "platform"])
def test_empty_values_are_null(key: str, value: str) -> None:
    """Empty text and UNKNOWN, as old tools send it, are null."""
    assert info_of((key, value)) == info_of()


TEXTS = {
    **{key: key for key in ("author", "author_email", "description", "summary", "license")},
    **{key: key for key in ("maintainer", "maintainer_email", "license_expression")},
    **{key: key for key in ("description_content_type", "requires_python", "name", "platform")},
}


@pytest.mark.parametrize(("field", "key"), TEXTS.items(), ids=TEXTS)
def test_first_value_counts(field: str, key: str) -> None:
    """A field with one value has the first one of the form."""
    assert info_of((field, "one"), (field, "two")) == info_of() | {key: "one"}


LISTS = {
    "dynamic": "dynamic",
    "license_file": "license_files",
    "provides_extra": "provides_extra",
    "requires_dist": "requires_dist",
}


@pytest.mark.parametrize(("field", "key"), LISTS.items(), ids=LISTS)
def test_lists_keep_their_order(field: str, key: str) -> None:
    """A field with many values keeps their order."""
    assert info_of((field, "b"), (field, "a")) == info_of() | {key: ["b", "a"]}


def test_classifiers_are_sorted() -> None:
    """Classifiers are sorted by name."""
    assert info_of(("classifiers", "B :: C"), ("classifiers", "A"))["classifiers"] == [
        "A",
        "B :: C",
    ]


KEYWORDS = {
    "one": ("a", "a"),
    "with spaces": ("a , b,c d", "a, b, c d"),
    "empty ones": (",a,, ,b,", "a, b"),
    "nothing but commas": (" , ,", None),
}


@pytest.mark.parametrize(("field", "expected"), KEYWORDS.values(), ids=KEYWORDS)
def test_keywords_are_joined(field: str, expected: str | None) -> None:
    """Keywords are joined with a comma and a space."""
    assert info_of(("keywords", field))["keywords"] == expected


OLD = (("home_page", "https://a.example.org"), ("download_url", "https://b.example.org"))
LABELS = ["Homepage", "homepage", "Home-Page", "home page", "HOME_PAGE", "Home.Page"]


def test_old_fields_are_links() -> None:
    """Home-Page and Download-URL are added to the links under their well-known labels (PEP 753)."""
    assert urls_of(*OLD) == {
        "Download": "https://b.example.org",
        "Homepage": "https://a.example.org",
    }
    assert info_of(*OLD)["home_page"] == "https://a.example.org"


@pytest.mark.parametrize("label", LABELS)
def test_equal_labels_are_one(label: str) -> None:
    """Labels that differ in case and punctuation are one, spelled as in the form."""
    field = ("project_urls", f"{label}, https://c.example.org")

    assert urls_of(OLD[0], field) == {label: "https://c.example.org"}


def test_download_label_replaces_the_old_field() -> None:
    """A link labelled Download replaces the old field."""
    field = ("project_urls", "DOWNLOAD, https://c.example.org")

    assert urls_of(OLD[1], field) == {"DOWNLOAD": "https://c.example.org"}


def test_links_are_sorted() -> None:
    """Links are sorted by label; white space around label and URL is removed."""
    form = [("project_urls", " Source ,https://s.example.org/a,b "), *OLD]

    assert list(urls_of(*form).items()) == [
        ("Download", "https://b.example.org"),
        ("Homepage", "https://a.example.org"),
        ("Source", "https://s.example.org/a,b"),
    ]


@given(st.lists(st.tuples(st.sampled_from([*TEXTS, *LISTS, "keywords", "x"]), st.text())))
def test_any_form_has_all_keys(form: list[tuple[str, str]]) -> None:
    """For any form, the keys are PyPI's and no text is empty."""
    info = info_of(*form)

    assert list(info) == KEYS
    assert "" not in info.values()
