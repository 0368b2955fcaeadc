"""`info` of the JSON API on a staged release, from the form of its first file."""

from collections.abc import Mapping
from typing import Any

from stageproxy.core.values import ABSENT, FormFields

_TEXTS = (
    "author",
    "author_email",
    "description",
    "description_content_type",
    "download_url",
    "home_page",
    "license",
    "license_expression",
    "maintainer",
    "maintainer_email",
    "summary",
)
_LISTS = {
    "dynamic": "dynamic",
    "license_files": "license_file",
    "provides_extra": "provides_extra",
    "requires_dist": "requires_dist",
}
_DOWNLOADS = {"last_day": -1, "last_month": -1, "last_week": -1}


def release_info(form: FormFields, version: str, project_url: str) -> dict[str, Any]:
    """Return `info` with PyPI's keys in PyPI's order.

    *project_url*: the project's page on PyPI, with a slash at its end.
    """
    fields = tuple((key, value) for key, value in form if value not in ABSENT)
    info = {
        **{name: _first(fields, name) for name in _TEXTS},
        **{name: _all(fields, field) or None for name, field in _LISTS.items()},
        "bugtrack_url": None,
        "classifiers": sorted(_all(fields, "classifiers")),
        "docs_url": None,
        "downloads": _DOWNLOADS,
        "keywords": _keywords(_first(fields, "keywords")),
        "name": _first(fields, "name"),
        "package_url": project_url,
        "platform": _first(fields, "platform"),
        "project_url": project_url,
        "project_urls": _project_urls(fields),
        "release_url": f"{project_url}{version}/",
        "requires_python": _first(fields, "requires_python"),
        "version": version,
        "yanked": False,
        "yanked_reason": None,
    }
    return dict(sorted(info.items()))


def _first(form: FormFields, name: str) -> str | None:
    return next((value for key, value in form if key == name), None)


def _all(form: FormFields, name: str) -> list[str]:
    return [value for key, value in form if key == name]


def _keywords(text: str | None) -> str | None:
    if text is None:
        return None
    return ", ".join(word.strip() for word in text.split(",") if word.strip()) or None


def _project_urls(form: FormFields) -> Mapping[str, str] | None:
    """Return the links of a project, with those of the old fields under their well-known labels.

    Labels that differ only in case and punctuation are the same (PEP 753). PyPI sorts them.
    """
    urls: dict[str, str] = {}
    for text in _all(form, "project_urls"):
        label, _, url = text.partition(",")
        urls[label.strip()] = url.strip()
    known = {_label(one) for one in urls}
    for label, field in (("Homepage", "home_page"), ("Download", "download_url")):
        link = _first(form, field)
        if link and _label(label) not in known:
            urls[label] = link
    return dict(sorted(urls.items())) or None


def _label(text: str) -> str:
    return "".join(one for one in text.lower() if one.isalnum())
