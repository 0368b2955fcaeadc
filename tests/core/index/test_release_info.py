"""What the JSON API says of a release, from the form of its first file."""

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
    """All of PyPI's keys are there, in PyPI's order; what nobody said is null (#87)."""
    info = info_of()

    assert list(info) == KEYS
    assert info == dict.fromkeys(KEYS) | CONSTANT


@pytest.mark.parametrize("value", ["", "UNKNOWN"])
@pytest.mark.parametrize("key", ["summary", "license", "requires_dist", "classifiers", "platform"])
def test_what_says_nothing_is_absent(key: str, value: str) -> None:
    """Empty text and the UNKNOWN of old tools are not said (#87)."""
    assert info_of((key, value)) == info_of()


TEXTS = {
    **{key: key for key in ("author", "author_email", "description", "summary", "license")},
    **{key: key for key in ("maintainer", "maintainer_email", "license_expression")},
    **{key: key for key in ("description_content_type", "requires_python", "name", "platform")},
}


@pytest.mark.parametrize(("field", "key"), TEXTS.items(), ids=TEXTS)
def test_first_text_counts(field: str, key: str) -> None:
    """A field with one value is the first that the form has (#87)."""
    assert info_of((field, "one"), (field, "two")) == info_of() | {key: "one"}


LISTS = {
    "dynamic": "dynamic",
    "license_file": "license_files",
    "provides_extra": "provides_extra",
    "requires_dist": "requires_dist",
}


@pytest.mark.parametrize(("field", "key"), LISTS.items(), ids=LISTS)
def test_lists(field: str, key: str) -> None:
    """A field with many values keeps their order (#87)."""
    assert info_of((field, "b"), (field, "a")) == info_of() | {key: ["b", "a"]}


def test_classifiers_are_sorted() -> None:
    """Classifiers come in the order of their names, whatever the form's (#87)."""
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


@pytest.mark.parametrize(("said", "shown"), KEYWORDS.values(), ids=KEYWORDS)
def test_keywords(said: str, shown: str | None) -> None:
    """Keywords are joined with a comma and a space (#87)."""
    assert info_of(("keywords", said))["keywords"] == shown


OLD = (("home_page", "https://a.example.org"), ("download_url", "https://b.example.org"))
LABELS = ["Homepage", "homepage", "Home-Page", "home page", "HOME_PAGE", "Home.Page"]


def test_old_fields_are_links() -> None:
    """The old fields are folded in under their well-known labels (#87; PEP 753)."""
    assert urls_of(*OLD) == {
        "Download": "https://b.example.org",
        "Homepage": "https://a.example.org",
    }
    assert info_of(*OLD)["home_page"] == "https://a.example.org"


@pytest.mark.parametrize("label", LABELS)
def test_same_label_is_not_there_twice(label: str) -> None:
    """Labels that differ in case and punctuation are one, spelled as the form does (#87)."""
    said = ("project_urls", f"{label}, https://c.example.org")

    assert urls_of(OLD[0], said) == {label: "https://c.example.org"}


def test_download_is_folded_as_well() -> None:
    """A link that is called Download takes the place of the old field (#87)."""
    said = ("project_urls", "DOWNLOAD, https://c.example.org")

    assert urls_of(OLD[1], said) == {"DOWNLOAD": "https://c.example.org"}


def test_links_are_sorted() -> None:
    """PyPI sorts the labels; white space around label and link is not part of them (#87)."""
    form = [("project_urls", " Source ,https://s.example.org/a,b "), *OLD]

    assert list(urls_of(*form).items()) == [
        ("Download", "https://b.example.org"),
        ("Homepage", "https://a.example.org"),
        ("Source", "https://s.example.org/a,b"),
    ]


@given(st.lists(st.tuples(st.sampled_from([*TEXTS, *LISTS, "keywords", "x"]), st.text())))
def test_keys_for_any_form(form: list[tuple[str, str]]) -> None:
    """For any form the keys are PyPI's, and no text is empty (#87)."""
    info = info_of(*form)

    assert list(info) == KEYS
    assert "" not in info.values()
